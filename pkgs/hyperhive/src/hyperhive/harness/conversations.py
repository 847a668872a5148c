"""claude's own record of conversations: one file for each, in its configuration directory."""

from pathlib import Path


def is_begun(config: str, session: str) -> bool:
    """Whether claude can resume a session, and will not begin it again ("already in use").

    claude writes the file some 0.1 s after it names the session in its first event: a turn that was
    killed before that has begun nothing, whatever its events said.
    """
    projects = Path(config, "projects")
    try:
        return any((project / f"{session}.jsonl").is_file() for project in projects.iterdir())
    except FileNotFoundError:
        return False  # no turn has run yet
