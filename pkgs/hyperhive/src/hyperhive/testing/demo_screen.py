"""What the demo writes on the screen: at most 80 columns, coloured only on a terminal."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TextIO

WIDTH: Final = 80
_BODY_INDENT: Final = "    "
_BOLD, _DIM, _RED, _CYAN = "1", "2", "31", "36"

Row = dict[str, Any]


class Screen:
    """Writes the conversation as it happens."""

    def __init__(self, out: TextIO, *, colour: bool) -> None:
        self._out = out
        self._colour = colour

    def opening(self) -> None:
        """What this is and, plainly, what it is not."""
        self._line(self._paint(_BOLD, "hyperhive demo"))
        self._line("  The model is scripted: no API key, no network.")
        self._line("  The agents run as your user, not isolated; on NixOS each has a container.")
        self._line("  The broker, the harnesses and the MCP tools are the real ones.")
        self.blank()

    def waiting(self, what: str) -> None:
        """What is going on while nothing is to be seen."""
        self._line(f"{what} ...")

    def blank(self) -> None:
        """An empty line."""
        self._line("")

    def message(self, sender: str, recipient: str, body: str) -> None:
        """A message, from whom to whom."""
        head = f"{sender} → {recipient}"
        self._line(self._paint(_BOLD if recipient == "operator" else _CYAN, head))
        for paragraph in body.splitlines():
            self._wrapped(paragraph)

    def event(self, row: Row) -> None:
        """A command that an agent runs, or is denied, or what has become of a proposal; other
        events are not shown."""
        data = row["data"]
        match row["kind"]:
            case "turn.tool_use" if data["tool"] == "Bash":
                prompt = f"  {row['agent']} $ "
                command = printable(str(data["input"].get("command", "")))
                shown = textwrap.shorten(command, WIDTH - len(prompt), placeholder=" ...")
                self._line(self._paint(_DIM, prompt + shown))
            case "model":
                text = f"  {row['agent']}: model {data['was']} → {data['model']}"
                self._line(self._paint(_CYAN, printable(text)))
            case "approval" if data["state"] == "deployed":
                text = f"  {row['agent']}: {', '.join(data['changes'])}"
                self._line(self._paint(_CYAN, printable(text)))
            case "approval" if data["state"] == "failed":
                self._wrapped(f"approval {data['id']} failed: {data['error']}", _RED)
            case "turn.denied":
                indent = " " * (len(row["agent"]) + 3)
                self._line(self._paint(_RED, f"{indent}✗ {data['tool']} denied by its rules"))
            case _:
                pass

    def proposal(self, approval: Row) -> None:
        """What somebody wants to change, as the operator decides by it."""
        self.blank()
        head = f"{approval['submitted_by']} proposes to change {approval['agent']}"
        self._line(self._paint(_BOLD, f"{head} (approval {approval['id']})"))
        self._wrapped(approval["description"])
        for effect in approval["effects"]:
            self._wrapped(effect["words"], _CYAN)
            for warning in effect["warnings"]:
                self._wrapped(f"! {warning}", _RED)

    def question(self) -> str:
        """What the operator is asked, at the end of a line."""
        return self._paint(_BOLD, "Approve it? [Y/n] ")

    def decided(self, *, approve: bool, asked: bool, in_time: bool) -> None:
        """What the operator has decided, or that somebody else had before."""
        if not in_time:
            self._line("It was decided elsewhere.")
        elif not asked:
            self._line("Nobody is at this terminal to ask, so it is approved.")
        elif not approve:
            self._line("It is denied.")
        self.blank()

    def failed(self, what: str, log: Sequence[str]) -> None:
        """Why it did not work, and the end of the hive's own log."""
        self.blank()
        self._line(self._paint(_RED, f"The demo failed: {what}."))
        self._line("The hive's log ends with:")
        for line in log:
            self._line(f"  {printable(line)}")

    def closing(self, seconds: float, file: Path) -> None:
        """How long it took, and how to go on."""
        self.blank()
        self._line(self._paint(_BOLD, f"Every answer was delivered; {seconds:.1f} s in all."))
        self.blank()
        self._line("Try it yourself, in two terminals:")
        self._line(f"  .venv/bin/hyperhive up {file} --claude scripted")
        self._line("  .venv/bin/hyperhive send manager 'What has this build machine to offer?'")
        self._line("With a model: ANTHROPIC_API_KEY=... .venv/bin/hyperhive up " + str(file))

    def _wrapped(self, text: str, code: str = "") -> None:
        width = WIDTH - len(_BODY_INDENT)
        for line in textwrap.wrap(printable(text), width) or [""]:
            self._line(_BODY_INDENT + (self._paint(code, line) if code else line))

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text

    def _line(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()


def printable(text: str) -> str:
    """A text without what would move the terminal's cursor or change its colours."""
    return "".join(c if c.isprintable() else " " for c in text)
