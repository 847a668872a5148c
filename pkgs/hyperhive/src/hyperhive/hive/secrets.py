"""Secrets that stand in a text in the clear.

A declared hive becomes files of the Nix store, which everyone on the host can read. So a secret
is named by its path (`credentials`), and what looks like one is refused.
"""

import re
from enum import Enum
from typing import Final

_FORMATS: Final = (
    ("an Anthropic key", r"sk-ant-[A-Za-z0-9_-]{20,}"),
    ("an API key", r"sk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{32,}"),
    ("a GitHub token", r"gh[opsur]_[A-Za-z0-9]{30,}"),
    ("a GitHub token", r"github_pat_[A-Za-z0-9_]{30,}"),
    ("a GitLab token", r"gl(?:pat|dt|rt|cbt|ptt|agent)-[A-Za-z0-9_.-]{20,}"),
    ("an AWS access key", r"(?:AKIA|ASIA)[A-Z0-9]{16}"),
    ("a Google API key", r"AIza[A-Za-z0-9_-]{35}"),
    ("a Google token", r"ya29\.[A-Za-z0-9_-]{20,}"),
    ("a Slack token", r"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("an npm token", r"npm_[A-Za-z0-9]{36}"),
    ("a PyPI token", r"pypi-[A-Za-z0-9_-]{40,}"),
    ("a Hugging Face token", r"hf_[A-Za-z0-9]{30,}"),
    ("a Stripe key", r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("a SendGrid key", r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("a DigitalOcean token", r"do[opr]_v1_[a-f0-9]{64}"),
    ("a Tailscale key", r"tskey-[a-z]+-[A-Za-z0-9-]{16,}"),
    ("an age key", r"AGE-SECRET-KEY-1[A-Z0-9]{50,}"),
    ("a JSON web token", r"eyJ[A-Za-z0-9_-]{10,1000}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("a private key", r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[^-]*"),
    ("a password in an address", r"(?<=://)[^/\s:@]{1,256}:[^/\s:@]{3,256}(?=@)"),
)
# Word characters before a token belong to a longer word (`task-…`), so they rule it out.
_FORMAT_PATTERNS: Final = tuple(
    (kind, re.compile(rf"(?<![A-Za-z0-9_]){pattern}")) for kind, pattern in _FORMATS
)
_ANY_FORMAT: Final = re.compile(
    rf"(?<![A-Za-z0-9_])(?:{'|'.join(pattern for _, pattern in _FORMATS)})"
)

_SECRET_NAME: Final = re.compile(
    r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PASS|PAT|CREDENTIALS?|AUTH|APIKEY"
    r"|(?:API|ACCESS|SECRET|PRIVATE|SIGNING|ENCRYPTION|SSH|DEPLOY)_?KEY)(?:_ID)?$",
    re.IGNORECASE,
)
_SWITCHES: Final = frozenset({"", "0", "1", "true", "false", "yes", "no", "on", "off"})
_LONG: Final = 20
"""Characters from which the value of a secret-looking variable is taken for a real secret."""


class NamedSecret(Enum):
    """What a variable with a secret-looking name holds."""

    CERTAIN = "certain"
    """A value as long as real secrets are."""
    POSSIBLE = "possible"
    """A short value: a dummy, or a weak password."""


def secret_kind(text: str) -> str | None:
    """The kind of secret whose known format is in `text` ("a GitHub token"), or None."""
    if not _ANY_FORMAT.search(text):
        return None
    return next((kind for kind, pattern in _FORMAT_PATTERNS if pattern.search(text)), None)


def redacted(text: str) -> str:
    """`text` with every secret of a known format blacked out."""
    return _ANY_FORMAT.sub("[redacted]", text)


def named_secret(variable: str, value: str) -> NamedSecret | None:
    """Whether a variable's name says that its value is a secret.

    Paths (`/run/secrets/x`), addresses and switches are not secrets, whatever their name.
    """
    if not _SECRET_NAME.search(variable) or value.lower() in _SWITCHES:
        return None
    if value.startswith("/") or "://" in value:
        return None
    return NamedSecret.CERTAIN if len(value) >= _LONG else NamedSecret.POSSIBLE
