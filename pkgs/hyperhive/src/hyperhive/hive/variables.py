"""Names of environment variables that a declared hive may set for claude."""

import re
from typing import Final

from hyperhive.errors import InputError

VARIABLE_PATTERN: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"

_OWNED: Final = frozenset(
    {
        "HOME", "USER", "LOGNAME", "SHELL", "PATH", "PWD", "OLDPWD", "TMPDIR", "TMP", "TEMP",
        "CLAUDE_CONFIG_DIR", "CLAUDE_CODE_TMPDIR", "CLAUDECODE", "CLAUDE_ENV_FILE",
        "CLAUDE_CODE_DISABLE_ATTACHMENTS", "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS",
        "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "INVOCATION_ID", "JOURNAL_STREAM",
        "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "MAINPID", "WATCHDOG_PID", "WATCHDOG_USEC",
        "SYSTEMD_EXEC_PID",
    }
)  # fmt: skip
"""What the harness or systemd sets for a turn."""

_SUBVERTING: Final = frozenset(
    {"NODE_OPTIONS", "CLAUDE_CODE_SHELL", "CLAUDE_CODE_SHELL_PREFIX", "BASH_ENV", "ENV", "IFS",
     "BASHOPTS", "SHELLOPTS", "PS4", "PROMPT_COMMAND", "GCONV_PATH"}
)  # fmt: skip
"""What runs other code in claude or in each of its shells, past every rule."""

_PREFIXES: Final = (
    ("HYPERHIVE_", "belongs to hyperhive itself"),
    ("LD_", "makes the loader run other code, past every rule"),
    ("BUN_", "changes the runtime that claude is built on"),
    ("BASH_FUNC_", "replaces commands of the shell, past every rule"),
)


def parse_variable(name: str) -> str:
    """Return `name` if it may name an environment variable at all.

    Raises:
        InputError: it may not.
    """
    if re.fullmatch(VARIABLE_PATTERN, name) is None:
        raise InputError(
            "not a name of an environment variable",
            "use letters, digits and underscores, no digit first",
        )
    return name


def parse_agent_variable(name: str) -> str:
    """Return `name` if the hive may set it for claude and everything claude starts.

    Raises:
        InputError: the harness owns it, or it would run code past the agent's rules.
    """
    parse_variable(name)
    reason = _reason(name)
    if reason:
        raise InputError(f"{name} {reason}", f"remove {name}; it cannot be set from here")
    return name


def _reason(name: str) -> str:
    if name in _OWNED:
        return "is set by the harness"
    if name in _SUBVERTING:
        return "runs other code in claude or its shells, past every rule"
    return next((reason for prefix, reason in _PREFIXES if name.startswith(prefix)), "")
