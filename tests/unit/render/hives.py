"""Declared hives for the tests of rendering."""

from typing import Any

from hyperhive.hive.models import HiveConfig


def hive(agents: dict[str, Any] | None = None, **settings: Any) -> HiveConfig:
    """A hive `lab` with `agents`, by default alice alone."""
    return HiveConfig.model_validate(
        {"hive": {"name": "lab", **settings}, "agents": {"alice": {}} if agents is None else agents}
    )


FULL = hive(
    {
        "boss": {"role": "manager", "description": "Plans", "autostart": False},
        "alice": {
            "description": "Writes the parser",
            "icon": "🐝",
            "model": "opus",
            "bash": {"allow": ["git status", "git diff *"], "deny": ["git push *"]},
            "tools": {"allow": ["Edit(./**)"], "deny": ["Read(.env)"]},
            "packages": ["ripgrep", "python3Packages.pytest"],
            "mcp": {
                "tickets": {"command": "tickets-mcp", "args": ["stdio"], "tools": ["get", "list"]},
                "docs": {"command": "docs-mcp", "environment": {"B": "2", "A": "1"}},
            },
            "environment": {"LANG": "C.UTF-8", "COLOUR": "no"},
            "credentials": {"TOKEN_B": "/run/secrets/b", "TOKEN_A": "/run/secrets/a"},
            "recipients": ["manager"],
            "limits": {
                "memory": "4G",
                "cpu": "200%",
                "tasks": 256,
                "turn_seconds": 60,
                "question_seconds": 3600,
            },
            "conversation": {"compact_percent": 60, "notes_kib": 32},
            "wake_for_operator": False,
            "binds": [
                {"source": "/srv/a", "target": "/srv/in"},
                {"source": "/srv/b", "target": "/srv/out", "writable": True},
            ],
            "uid_base": 1048576,
            "extra_nix": True,
            "system_prompt": "You own the parser.",
        },
        "bob": {"network": "none", "description": "Reads"},
        "carol": {"network": "host", "limits": {"tasks": None}, "nix_daemon": True},
    },
    model="haiku",
    system_prompt="Write plainly.",
)
"""Each field of an agent in use, and each network."""
