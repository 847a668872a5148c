"""The broker's bare repositories, in which the manager sees what it proposed and what became of it.

They are a copy of what the store has. Nobody decides by them, and what is missing in one is written
again at the next start.
"""

import base64
from pathlib import Path
from typing import Final

from hyperhive.broker.approvals.git import GitError, git
from hyperhive.broker.texts import utc
from hyperhive.hive.names import HIVE_SERVER, AgentName
from hyperhive.hive.paths import StatePaths
from hyperhive.store.approval_states import OPEN
from hyperhive.store.approvals import Approval
from hyperhive.wire.git_objects import CommitObjects, verified
from hyperhive.wire.records import from_json

MOST_LOG_LINES: Final = 100
"""Lines of a deploy's log that a tag has, the newest ones."""


class Proposals:
    """One bare repository for each agent. Calls about one agent come one after the other."""

    def __init__(self, paths: StatePaths, hive: str) -> None:
        """Args: hive: the hive's name."""
        self._paths = paths
        self._hive = hive
        self._made: set[AgentName] = set()

    async def make(self, agent: AgentName) -> Path:
        """The repository of an agent, made if it is not there.

        Raises:
            GitError: it cannot be made.
            OSError: so too.
        """
        repository = self._paths.agent(agent).proposals
        # It goes where the agent is purged, and another one may have its name later.
        if not all((repository / part).exists() for part in ("HEAD", "config", "objects")):
            await git(
                repository, "init", "--quiet", "--bare", "--template=", "--initial-branch=main"
            )
        if agent not in self._made:
            # A broker that was killed may have left some, and there is no other.
            for lock in (*repository.glob("*.lock"), *(repository / "refs").rglob("*.lock")):
                lock.unlink(missing_ok=True)
            self._made.add(agent)
        return repository

    def forget(self, agent: AgentName) -> None:
        """Look anew, the next time, whether an agent's repository is there."""
        self._made.discard(agent)

    async def write(self, approval: Approval, main: str | None) -> None:
        """Has an agent's repository say what the store says of an approval.

        Args:
            main: the commit that the agent runs with; None: none was deployed.

        Raises:
            GitError: git failed.
            OSError: the repository cannot be written.
        """
        repository = await self.make(AgentName(approval.agent))
        await self._write_objects(repository, approval)
        refs = {f"refs/hyperhive/proposal/{approval.id}": approval.commit}
        if approval.state not in OPEN:
            name = f"{approval.state}/{approval.id}"
            tag = tag_of(approval, self._hive)
            refs[f"refs/tags/{name}"] = await _write_object(repository, "tag", tag)
        if main is not None and await _missing(repository, [main]) == []:
            refs["refs/heads/main"] = main
        updates = "".join(f"update {ref} {sha}\n" for ref, sha in refs.items())
        await git(repository, "update-ref", "--stdin", said=updates.encode())

    async def _write_objects(self, repository: Path, approval: Approval) -> None:
        # The commit is written last: where it is, everything below it is.
        if not await _missing(repository, [approval.commit]):
            return
        objects = from_json(CommitObjects, approval.objects)
        commit = verified(approval.commit, objects)
        for content in commit.files.values():
            await _write_object(repository, "blob", content)
        await _write_object(repository, "tree", base64.b64decode(objects.tree))
        if await _missing(repository, commit.parents):
            _cut_off(repository, approval.commit)
        await _write_object(repository, "commit", base64.b64decode(objects.commit))


def tag_of(approval: Approval, hive: str) -> bytes:
    """The annotated tag that says what became of an approval; the same bytes each time."""
    at = approval.finished_at or approval.decided_at or approval.created_at
    head = [
        f"object {approval.commit}",
        "type commit",
        f"tag {approval.state}/{approval.id}",
        f"tagger {HIVE_SERVER} <{HIVE_SERVER}@{hive}.hive.internal> {int(at)} +0000",
    ]
    who = f" by {approval.decided_by}" if approval.decided_by else ""
    decided = "" if approval.decided_at is None else f"Decided{who} at {utc(approval.decided_at)}."
    log = list(approval.log[-MOST_LOG_LINES:])
    texts = [
        f"{approval.state} #{approval.id}: {approval.kind} of {approval.agent}",
        approval.description,
        decided,
        approval.reason,
        approval.error,
        "\n".join(["The last lines of its log:", "", *log]) if log else "",
    ]
    message = "\n\n".join(text.strip() for text in texts if text.strip())
    return "\n".join([*head, "", message, ""]).encode("utf-8", "replace").replace(b"\0", b"")


async def _write_object(repository: Path, kind: str, content: bytes) -> str:
    answer = await git(repository, "hash-object", "-w", "-t", kind, "--stdin", said=content)
    return answer.decode().strip()


async def _missing(repository: Path, shas: list[str] | tuple[str, ...]) -> list[str]:
    """Those of these objects that are not in a repository."""
    if not shas:
        return []
    asked = "".join(f"{sha}\n" for sha in shas)
    answer = await git(repository, "cat-file", "--batch-check", said=asked.encode())
    lines = answer.decode().splitlines()
    if len(lines) != len(shas):
        raise GitError(f"{repository}: git cat-file answered {len(lines)} of {len(shas)} questions")
    return [sha for sha, line in zip(shas, lines, strict=True) if line.endswith(" missing")]


def _cut_off(repository: Path, commit: str) -> None:
    """Say that the parents of a commit are not there, as in a shallow clone."""
    file = repository / "shallow"
    known = set(file.read_text().split()) if file.exists() else set()
    fresh = repository / "shallow.new"
    fresh.write_text("".join(f"{sha}\n" for sha in sorted(known | {commit})))
    fresh.chmod(0o644)
    fresh.replace(file)
