import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.hive.secrets import NamedSecret, named_secret, redacted, secret_kind

# Put together here, so that no scanner of repositories takes them for real ones.
SAMPLES = {
    "an Anthropic key": "sk-" + "ant-api03-" + "a1B2" * 10,
    "an API key": "sk-" + "proj-" + "a1B2" * 10,
    "a GitHub token": "ghp" + "_" + "a1B2" * 9,
    "a GitLab token": "glpat" + "-" + "a1B2" * 5,
    "an AWS access key": "AKIA" + "A1B2" * 4,
    "a Google API key": "AIza" + "a1B2c" * 7,
    "a Google token": "ya29" + "." + "a1B2" * 6,
    "a Slack token": "xoxb" + "-" + "1234" * 5,
    "an npm token": "npm" + "_" + "a1B2" * 9,
    "a PyPI token": "pypi" + "-" + "a1B2" * 12,
    "a Hugging Face token": "hf" + "_" + "a1B2" * 9,
    "a Stripe key": "sk" + "_live_" + "a1B2" * 5,
    "a SendGrid key": "SG" + "." + "a1B2" * 5 + "." + "a1B2" * 9,
    "a DigitalOcean token": "dop" + "_v1_" + "a1b2" * 16,
    "a Tailscale key": "tskey" + "-auth-" + "a1B2" * 6,
    "an age key": "AGE-SECRET-" + "KEY-1" + "A1B2" * 14,
    "a JSON web token": "eyJ" + "a1B2" * 5 + ".eyJ" + "a1B2" * 5 + "." + "a1B2" * 5,
    "a private key": "-----BEGIN OPENSSH " + "PRIVATE KEY-----\nabc\n",
    "a password in an address": "https://me:" + "hunter22" + "@example.org/x",
}


@pytest.mark.parametrize(("kind", "secret"), SAMPLES.items(), ids=SAMPLES)
def test_known_formats_are_found_and_blacked_out(kind: str, secret: str) -> None:
    text = f"curl -H 'X: {secret}'"
    assert secret_kind(text) == kind
    assert secret_kind(redacted(text)) != kind
    assert secret[10:30] not in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "git status",
        "task-force-one-two-three-four-five-six-seven-eight",
        "sk-ant-dummy",
        "https://example.org:8080/path@2",
        "ssh://git@example.org/repo",
        "/run/secrets/github",
        "claude-sonnet-5-5-20260101",
    ],
)
def test_ordinary_text_is_no_secret(text: str) -> None:
    assert secret_kind(text) is None
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("GITHUB_TOKEN", "x" * 20, NamedSecret.CERTAIN),
        ("ANTHROPIC_API_KEY", "y" * 40, NamedSecret.CERTAIN),
        ("db_password", "correct horse battery staple", NamedSecret.CERTAIN),
        ("AWS_SECRET_ACCESS_KEY", "z" * 40, NamedSecret.CERTAIN),
        ("ANTHROPIC_API_KEY", "dummy", NamedSecret.POSSIBLE),
        ("DB_PASSWORD", "hunter2", NamedSecret.POSSIBLE),
        ("GITHUB_TOKEN", "", None),
        ("USE_AUTH", "true", None),
        ("GITHUB_TOKEN_FILE", "/run/secrets/github-token", None),
        ("GITHUB_TOKEN", "/run/secrets/github-token", None),
        ("CLAUDE_CODE_MAX_OUTPUT_TOKENS", "32000", None),
        ("GIT_AUTHOR_NAME", "A name of twenty letters", None),
        ("KEYBOARD", "a layout of the keyboard", None),
    ],
)
def test_variables_named_like_secrets(
    variable: str, value: str, expected: NamedSecret | None
) -> None:
    assert named_secret(variable, value) is expected


@given(st.text())
def test_redaction_is_stable(text: str) -> None:
    assert redacted(redacted(text)) == redacted(text)
