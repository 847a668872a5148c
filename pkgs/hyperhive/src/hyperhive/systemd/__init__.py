"""systemd: units over D-Bus, the journal, and what a service tells its manager."""
