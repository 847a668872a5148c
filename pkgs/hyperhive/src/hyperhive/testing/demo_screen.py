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
            width = WIDTH - len(_BODY_INDENT)
            for line in textwrap.wrap(printable(paragraph), width) or [""]:
                self._line(_BODY_INDENT + line)

    def event(self, row: Row) -> None:
        """A command that an agent runs, or is denied; other events are not shown."""
        data = row["data"]
        match row["kind"]:
            case "turn.tool_use" if data["tool"] == "Bash":
                prompt = f"  {row['agent']} $ "
                command = printable(str(data["input"].get("command", "")))
                shown = textwrap.shorten(command, WIDTH - len(prompt), placeholder=" ...")
                self._line(self._paint(_DIM, prompt + shown))
            case "turn.denied":
                indent = " " * (len(row["agent"]) + 3)
                self._line(self._paint(_RED, f"{indent}✗ {data['tool']} denied by its rules"))
            case _:
                pass

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

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text

    def _line(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()


def printable(text: str) -> str:
    """A text without what would move the terminal's cursor or change its colours."""
    return "".join(c if c.isprintable() else " " for c in text)
