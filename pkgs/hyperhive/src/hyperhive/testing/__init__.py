"""Stand-ins for parts that cost money or a network, checked against recordings of the real ones."""
