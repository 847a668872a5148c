"""The grammar of permission rules: what is a rule, what is refused, what a rule says."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.hive.rules import (
    BUILTIN_TOOLS,
    Rule,
    RuleError,
    explain_rule,
    parse_rule,
    rule_warnings,
)

VALID = [
    "Bash",
    "Bash(*)",
    "Bash(git status)",
    "Bash(git commit:*)",
    "Bash(frob 'f(1)' *)",
    "Bash(npm run test:unit)",
    "Bash(command:*)",
    "Bash(timeout: *)",
    "Edit(./**)",
    "Edit(//srv/a b/**)",
    "Read(.env)",
    "Read(~/notes/[ab]?.md)",
    "WebFetch(domain:*.docs.rs)",
    "WebFetch(*)",
    "WebSearch",
    "Task(Explore)",
    "Skill(plugin:name)",
    "mcp__github",
    "mcp__git-hub_2",
    "mcp__github__get_issue",
    "mcp__github__get.issue",
    "mcp__github__list_*",
    "mcp__github__*",
]


@pytest.mark.parametrize("text", VALID)
def test_a_rule_is_read_and_written_back(text: str) -> None:
    rule = parse_rule(text)

    tool, parenthesis, rest = text.partition("(")
    assert rule == Rule(tool, rest[:-1] if parenthesis else None)
    assert str(rule) == text


@pytest.mark.parametrize("tool", sorted(BUILTIN_TOOLS))
def test_every_built_in_tool_is_a_rule_by_itself(tool: str) -> None:
    assert parse_rule(tool) == Rule(tool)


INVALID = [
    ("", "is empty", "name a tool"),
    (" Bash", "space around", "remove the space"),
    ("Bash(ls) ", "space around", "remove the space"),
    ("Bash (ls)", "space before the parenthesis", "Bash(ls)"),
    ("Bash( ls)", "space next to a parenthesis", "Bash(ls)"),
    ("Bash(ls )", "space next to a parenthesis", "Bash(ls)"),
    ("Bash()", "nothing inside", "write Bash for"),
    ("Bash(  )", "nothing inside", "write Bash for"),
    ("Bash(", "not closed", "write Bash"),
    ("Bash(ls", "not closed", "write Bash(ls)"),
    ("Bash)", "no opening one", "remove it"),
    ("Bash(ls) Read", "goes on after", "Bash(ls)"),
    ("Bash(ls))", "do not pair up", "` *`"),
    ("Bash((ls)", "do not pair up", "` *`"),
    ("Bash(echo '(')", "do not pair up", "` *`"),
    ("(ls)", "names no tool", "Bash(ls)"),
    ("Bash(a\nb)", "U+000A", "one plain line"),
    ("Bash(a\tb)", "U+0009", "one plain line"),
    ("Bash\x00", "U+0000", "one plain line"),
    ("Bash(a\u2028b)", "U+2028", "one plain line"),
    ("Bash(a\ud800)", "U+D800", "one plain line"),
    ("bash(ls)", "case-sensitive", "write Bash(ls)"),
    ("READ", "case-sensitive", "write Read"),
    ("Bahs(ls)", "not a tool", 'did you mean "Bash"?'),
    ("Xyzzyplugh", "not a tool", "name a tool"),
    ("MultiEdit(a)", "no MultiEdit", "write Edit(a)"),
    ("*", "wildcard in the tool's name", "one rule for each tool"),
    ("Web*", "wildcard in the tool's name", "one rule for each tool"),
    ("Bash(git:* main)", "`:*` before its end", "Bash(git * main)"),
    ("Bash(git a:*b:*)", "`:*` before its end", "Bash(git a *b *)"),
    ("Bash(:*x)", "`:*` before its end", "Bash(*x)"),
    ("Bash(:*)", "nothing before `:*`", "Bash(git:*)"),
    ("Bash(git * main:*)", "second wildcard", "Bash(git * main *)"),
    ("Bash(command:rm *)", "parameter command", "Bash(rm *)"),
    ("Bash(run_in_background:true)", "parameter run_in_background", "Bash(true)"),
    ("Edit(file_path:a)", "parameter file_path", "Edit(a)"),
    ("Write(./**)", "a path on Write is ignored", "Edit(./**)"),
    ("Write(*)", "a path on Write is ignored", "Edit(./**)"),
    ("NotebookEdit(a.ipynb)", "a path on NotebookEdit is ignored", "Edit(a.ipynb)"),
    ("Glob(//srv/**)", "a path on Glob is ignored", "Read(//srv/**)"),
    ("Grep(//srv/**)", "a path on Grep is ignored", "Read(//srv/**)"),
    ("Edit(../a)", "`..`", "Edit(//srv/data/**)"),
    ("Read(a/../../b)", "`..`", "Read(//srv/data/**)"),
    ("Edit(.)", "matches no file", "Edit(./**)"),
    ("Edit(//)", "matches no file", "Edit(./**)"),
    ("Monitor(ls)", "follows the rules for Bash", "write Monitor"),
    ("WebSearch(cats)", "takes nothing in parentheses", "write WebSearch"),
    ("WebFetch(docs.rs)", "`domain:`", "WebFetch(domain:docs.rs)"),
    ("WebFetch(https://docs.rs/x?y)", "`domain:`", "WebFetch(domain:docs.rs)"),
    ("WebFetch(url:https://docs.rs/)", "`domain:`", "WebFetch(domain:docs.rs)"),
    ("WebFetch(domain:docs.rs:443)", "without scheme, port", "WebFetch(domain:docs.rs)"),
    ("WebFetch(domain:docs.rs/x)", "without scheme, port", "WebFetch(domain:docs.rs)"),
    ("WebFetch(domain: docs.rs)", "`domain:`", "WebFetch(domain:docs.rs)"),
    ("WebFetch(domain:)", "`domain:`", "WebFetch(domain:docs.rs)"),
    ("mcp__", "not the form of an MCP rule", "mcp__server__tool"),
    ("mcp__github__", "not the form of an MCP rule", "mcp__server__tool"),
    ("mcp__git hub", "not the form of an MCP rule", "mcp__server__tool"),
    ("mcp__github__a b", "not the form of an MCP rule", "mcp__server__tool"),
    ("mcp_github_x", "not the form of an MCP rule", "mcp__server__tool"),
    ("mcp__*", "wildcard in the server's name", "each server"),
    ("mcp__git*__x", "wildcard in the server's name", "each server"),
    ("mcp__github(x)", "parentheses is ignored", "write mcp__github"),
]


@pytest.mark.parametrize(("text", "message", "todo"), INVALID)
def test_what_is_no_rule_is_refused(text: str, message: str, todo: str) -> None:
    with pytest.raises(RuleError) as error:
        parse_rule(text)

    assert message in error.value.message
    assert todo in error.value.todo


@pytest.mark.parametrize(("text", "_message", "_todo"), INVALID)
def test_what_a_refusal_says_to_write_is_a_rule(text: str, _message: str, _todo: str) -> None:
    with pytest.raises(RuleError) as error:
        parse_rule(text)

    for suggestion in re.findall(r"[A-Z]\w+\([^()]+\)", error.value.todo):
        assert str(parse_rule(suggestion)) == suggestion


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Bash", "Any shell command."),
        ("Bash(* *)", "Any shell command."),
        ("Bash(git status)", "Only the command `git status`, character for character."),
        ("Bash(git:*)", "The command `git`, alone or with any arguments after it."),
        ("Bash(git *)", "The command `git`, alone or with any arguments after it."),
        ("Bash(ls*)", "Every command that begins with `ls`, also where the word goes on."),
        (
            "Bash(a * *)",
            "Commands of the form `a * *`, where * is any text, spaces and options too.",
        ),
        ("Bash(echo \\*)", "Only the command `echo \\*`, character for character."),
        ("Edit(*)", "Editing files that exist in the working directory."),
        ("WebFetch(*)", "Fetching any page of any host."),
        ("WebFetch(domain:*)", "Fetching any page of any host."),
        ("TaskStop", "Every use of the tool TaskStop."),
        ("mcp__github__*", "Every tool of the MCP server github."),
        ("Skill(review)", 'The skill called "review".'),
    ],
)
def test_a_rule_is_explained(text: str, sentence: str) -> None:
    assert explain_rule(parse_rule(text)) == sentence


PIECES = st.sampled_from(
    [
        *("Bash", "Edit", "Read", "WebFetch", "mcp__", "__", "x", "git", "nix build", "python"),
        *("env", "domain:", "command:", "FOO=1", "//", "./", "..", "~", "!", "*", ":*", " *"),
        *(".*", "\\*", "(", ")", " ", "'", '"', "|", ">", "&&", "$(", "[a]", "{a,b}", "^"),
        *("-c", "-m", "é", "\n"),
    ]
)
ANY_TEXT = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=9).map("".join))
SPECIFIED = st.builds("{}({})".format, st.sampled_from(sorted(BUILTIN_TOOLS)), ANY_TEXT)


def parsed(text: str) -> Rule | RuleError:
    try:
        return parse_rule(text)
    except RuleError as error:
        return error


@given(st.one_of(ANY_TEXT, SPECIFIED))
def test_any_text_is_a_rule_or_refused_in_one_line(text: str) -> None:
    match parsed(text):
        case RuleError() as error:
            assert len(error.message.splitlines()) == 1
            assert len(error.todo.splitlines()) == 1
        case rule:
            assert str(rule) == text
            assert parse_rule(str(rule)) == rule


ONE_LINE = ANY_TEXT.map(lambda text: "".join(c for c in text if c.isprintable()))
RULES = st.builds(
    Rule,
    st.sampled_from(["Bash", "Edit", "Read", "WebFetch", "Task", "WebSearch", "mcp__github__x"]),
    st.one_of(st.none(), ONE_LINE),
)


@given(RULES, st.booleans())
def test_every_rule_is_explained_and_judged_in_one_line(rule: Rule, allow: bool) -> None:
    said = [explain_rule(rule)]
    for warning in rule_warnings(rule, allow=allow):
        said += [warning.message, warning.instead]
    for line in said:
        assert line.strip()
        assert len(line.splitlines()) == 1
