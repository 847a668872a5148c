"""Approvals as the broker tells of them."""

from typing import Any

from hyperhive.operator.approval_models import ApprovalDetail

AT = 1_700_000_000.0
SHA = "9b1c0e2f" * 5
HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\u202ereversed\x00 日本"
"""What an agent may say to act on a terminal."""


def tame(shown: str) -> bool:
    """Whether nothing in a command's output acts on a terminal; colours aside, which are ours."""
    return not set("\x07\r\u202e\x00") & set(shown) and "\x1b" not in shown.replace("\x1b[", "")


def effect(words: str, *warnings: str, masked_by: str = "") -> dict[str, Any]:
    """A setting that changes."""
    return {
        "setting": "model",
        "was": "haiku",
        "becomes": "opus",
        "layer_was": "declared",
        "layer_becomes": "approved",
        "words": words,
        "warnings": list(warnings),
        "masked_by": masked_by,
    }


def detail(**other: Any) -> ApprovalDetail:
    """A pending approval about alice that boss asked for, but for what is given."""
    return ApprovalDetail.model_validate(
        {
            "id": 7,
            "kind": "apply_commit",
            "agent": "alice",
            "commit": SHA,
            "description": "",
            "submitted_by": "boss",
            "created_at": AT,
            "state": "pending",
            "decided_at": None,
            "decided_by": None,
            "reason": "",
            "began_at": None,
            "finished_at": None,
            "error": "",
            "extra_nix": False,
            "supersedes": None,
            "superseded_by": None,
            "base": "running",
            "compared_with": "what is deployed, alice as declared",
            "effects": [],
            "warnings": [],
            "data_diff": "",
            "nix_diff": "",
            "extra_nix_diff": "",
            "files": {},
            "log": [],
            "problem": "",
            **other,
        }
    )
