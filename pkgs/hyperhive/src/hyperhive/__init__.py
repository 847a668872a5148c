"""hyperhive: a hive of Claude Code agents in unprivileged NixOS containers."""

__version__ = "0.1.0"
