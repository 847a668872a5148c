"""A reader of EnvironmentFile= files after systemd.exec(5), to read rendered files back with."""

from typing import Final

_BLANKS: Final = " \t"
_ESCAPED_IN_DOUBLE_QUOTES: Final = '"\\`$'


def read_env_file(text: str) -> dict[str, str]:
    """Return the variables that systemd would set."""
    variables: dict[str, str] = {}
    at = 0
    while at < len(text):
        if text[at] in _BLANKS + "\n":
            at += 1
        elif text[at] in "#;":
            at = _end_of_comment(text, at)
        else:
            end = text.index("=", at)
            name = text[at:end].strip(_BLANKS)
            assert "\n" not in name, f"a line without =: {name!r}"
            variables[name], at = _value(text, end + 1)
    return variables


def _end_of_comment(text: str, at: int) -> int:
    while at < len(text) and text[at] != "\n":
        # A backslash carries a comment on to the next line.
        at += 2 if text[at] == "\\" else 1
    return at + 1


def _value(text: str, at: int) -> tuple[str, int]:
    value: list[str] = []
    kept = 0  # Characters after which only unquoted blanks, which are dropped at the end.
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    while at < len(text) and text[at] != "\n":
        match text[at]:
            case "\\":
                if text[at + 1 : at + 2] != "\n":
                    value.append(text[at + 1 : at + 2])
                    kept = len(value)
                at += 2
            case "'":
                end = text.index("'", at + 1)
                value.extend(text[at + 1 : end])
                kept = len(value)
                at = end + 1
            case '"':
                at = _double_quoted(text, at + 1, value)
                kept = len(value)
            case character:
                value.append(character)
                if character not in _BLANKS:
                    kept = len(value)
                at += 1
    return "".join(value[:kept]), at + 1


def _double_quoted(text: str, at: int, value: list[str]) -> int:
    while text[at] != '"':
        if text[at] != "\\":
            value.append(text[at])
            at += 1
            continue
        escaped = text[at + 1]
        if escaped in _ESCAPED_IN_DOUBLE_QUOTES:
            value.append(escaped)
        elif escaped != "\n":
            value.extend(("\\", escaped))
        at += 2
    return at + 1
