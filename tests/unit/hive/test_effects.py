"""What a proposal changes, in words."""

from dataclasses import asdict, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.hive.effects import Change, changes, hive_warnings
from hyperhive.hive.load import parse_hive
from hyperhive.hive.members import Approved, Members, Spawned, with_approved
from hyperhive.hive.names import AgentName
from hyperhive.hive.override import Override
from hyperhive.operator.approval_models import Effect
from tests.unit.hive.declared import TOKEN
from tests.unit.hive.proposals import overrides, toml_of

ALICE, CAROL = AgentName("alice"), AgentName("carol")
DECLARED = with_approved(
    parse_hive(
        {
            "hive": {"name": "lab", "spawn": {"limits": {"memory": "2G"}}},
            "agents": {
                "alice": {
                    "model": "haiku",
                    "bash": {"allow": ["git status", "jq"], "deny": ["git push *"]},
                    "packages": ["jq", "fd"],
                    "environment": {"LANG": "C"},
                    "system_prompt": "You own the parser.\nBe brief.",
                    "mcp": {"web": {"command": "web"}},
                }
            },
        },
        "hive.toml",
    ),
    {},
)


def approved(agent_toml: str) -> Members:
    members = DECLARED.replaced(ALICE, Approved({"agent.toml": agent_toml}))
    assert not members.problems
    return members


def changed(agent_toml: str, **more: str) -> list[Change]:
    after = approved(agent_toml).effective(ALICE)
    return changes(DECLARED.effective(ALICE), after, overridden_model=more.get("overridden"))


def the_change(agent_toml: str, **more: str) -> Change:
    (found,) = changed(agent_toml, **more)
    return found


@pytest.mark.parametrize(
    ("agent_toml", "setting", "words"),
    [
        ('model = "opus"', "model", "model: haiku (declared) → opus (approved)"),
        (
            'model = "haiku"',
            "model",
            "model: the same, now approved instead of declared",
        ),
        (
            'bash.allow = ["git status", "jq", "nproc"]',
            "bash.allow",
            "Bash + `nproc`",
        ),
        (
            'bash.allow = ["jq", "git push *"]',
            "bash.allow",
            "Bash + `git push *` ⚠, − `git status`",
        ),
        ('bash.allow = ["jq", "git status"]', "bash.allow", "Bash: the same in another order"),
        ("bash.deny = []", "bash.deny", "Bash denied − `git push *` ⚠"),
        ('packages = ["jq", "ripgrep"]', "packages", "packages + ripgrep, − fd"),
        (
            'environment.LANG = "de"',
            "environment.LANG",
            "environment LANG: C (declared) → de (approved)",
        ),
        ('environment.TZ = "UTC"', "environment.TZ", "environment + TZ: UTC"),
        ('environment.TZ = ""', "environment.TZ", 'environment + TZ: ""'),
        (
            '[mcp.gh]\ncommand = "gh"\nargs = ["a", "b"]',
            "mcp.gh",
            "MCP + gh: `gh a b`",
        ),
        (
            '[mcp.web]\ncommand = "web"\nenvironment = { A = "b" }\ntools = ["x"]',
            "mcp.web",
            "MCP web: `web` (declared) → `web` with A=b, tools x (approved)",
        ),
        (
            "conversation.notes_kib = 32",
            "conversation.notes_kib",
            "conversation.notes_kib: 64 (default) → 32 (approved)",
        ),
        (
            'system_prompt = "You own the parser.\\nBe exact.\\nTest."',
            "system_prompt",
            "system_prompt: 3 lines changed (2 added, 1 taken away)",
        ),
        (
            'system_prompt = "Be brief."',
            "system_prompt",
            "system_prompt: 1 line changed (1 taken away)",
        ),
        (
            'system_prompt = "Be brief.\\nYou own the parser."',
            "system_prompt",
            "system_prompt: the same lines otherwise arranged",
        ),
    ],
)
def test_a_change_in_words(agent_toml: str, setting: str, words: str) -> None:
    found = the_change(agent_toml)
    assert (found.setting, found.words) == (setting, words)
    assert found.layer_becomes == "approved"
    assert found.masked_by == ""


def test_what_is_taken_back_is_a_change() -> None:
    before = approved('environment.TZ = "UTC"\nmcp.gh.command = "gh"\nmodel = "opus"')
    found = changes(before.effective(ALICE), DECLARED.effective(ALICE))
    assert {change.words for change in found} == {
        "model: opus (approved) → haiku (declared) ⚠",
        "environment − TZ ⚠",
        "MCP − gh ⚠",
    }
    assert [(c.becomes, c.layer_becomes) for c in found if c.setting == "mcp.gh"] == [(None, "")]


def test_what_is_taken_back_is_warned_of() -> None:
    before = approved(
        'model = "opus"\nbash.allow = ["git status", "jq", "make check"]\nbash.deny = ["rm *"]'
    ).effective(ALICE)
    after = approved('model = "sonnet"\nbash.deny = ["rm *"]').effective(ALICE)
    found = {change.setting: change for change in changes(before, after)}
    assert found["bash.allow"].words == "Bash − `make check` ⚠"
    assert found["bash.allow"].warnings == ["`make check`: takes back what was approved"]
    assert found["model"].warnings == [], "another that is approved takes its place"
    assert found.keys() == {"bash.allow", "model"}
    narrow = approved('bash.allow = ["jq"]').effective(ALICE)
    (wider,) = changes(narrow, DECLARED.effective(ALICE))
    assert (wider.words, wider.warnings) == (
        "Bash + `git status` ⚠",
        ["takes back what was approved"],
    )
    assert the_change('bash.allow = ["jq"]').warnings == [], "the operator declares it still"


def test_nothing_changes() -> None:
    assert changed("") == []
    assert changed("# only words\n[bash]\n") == []


def test_the_rule_checker_is_heard_of_rules_that_are_new() -> None:
    found = the_change('bash.allow = ["git status", "sh *"]')
    (warning,) = found.warnings
    assert warning.startswith("`sh *`: `sh *` is arbitrary code")
    before = approved('bash.allow = ["git status", "sh *"]').effective(ALICE)
    after = approved('bash.allow = ["git status", "sh *", "nproc"]').effective(ALICE)
    assert changes(before, after)[0].warnings == []
    assert the_change("bash.deny = []").warnings == ["`git push *`: no longer denied"]


def test_a_model_of_the_operators_holds() -> None:
    assert the_change('model = "opus"', overridden="fable").masked_by == (
        "the model fable, which the operator set"
    )
    assert the_change('packages = ["jq"]', overridden="fable").masked_by == ""


def test_of_a_new_agent_all_that_is_set_is_told() -> None:
    layer = Approved({"agent.toml": 'bash.allow = ["nproc"]'}, Spawned("Reads papers", 3))
    found = changes(None, DECLARED.replaced(CAROL, layer).effective(CAROL))
    assert {change.setting: change.words for change in found} == {
        "description": "description: Reads papers (approved)",
        "bash.allow": "Bash + `nproc`",
        "limits.memory": "limits.memory: 2G (hive)",
    }
    assert {(change.was, change.layer_was) for change in found} == {(None, "")}


HOSTILE = 'environment.A = "one\\ntwo \\t three"\npackages = []\n'


def test_words_are_one_plain_line() -> None:
    found = {change.setting: change for change in changed(HOSTILE)}
    assert found["environment.A"].words == "environment + A: one\\ntwo \\t three"
    # Zero-width and full-width characters may be in a rule; the first kind would not show.
    rule = the_change('bash.allow = ["git status", "jq", "echo \\u200bx"]')
    assert rule.words == "Bash + `echo \\u200Bx`"


def test_what_is_too_long_to_show_says_so() -> None:
    words = the_change(f'environment.A = "{"x" * 5000}"').words
    assert words.endswith("x… (5000 characters)")
    assert len(words) < 300


def test_no_secret_is_shown() -> None:
    layer = f'[mcp.gh]\ncommand = "gh"\nargs = ["--token", "{TOKEN}"]'
    members = DECLARED.replaced(ALICE, Approved({"agent.toml": layer}))
    assert "holds a GitHub token" in members.problems[ALICE].what
    assert TOKEN not in members.problems[ALICE].what


def test_arguments_that_look_like_a_secret_together_hide_no_others() -> None:
    args = '"X=-----BEGIN", "A PRIVATE KEY-----=", "sh", "/state/evil"'
    found = the_change(f'mcp.docs = {{ command = "env", args = [{args}] }}')
    assert found.words == "MCP + docs: `env X=-----BEGIN 'A PRIVATE KEY-----=' sh /state/evil`"


def test_a_change_is_what_the_operators_plane_tells() -> None:
    assert [field.name for field in fields(Change)] == list(Effect.model_fields)


@given(overrides(), overrides(), st.none() | st.just("fable"))
def test_any_change_can_be_told(one: Override, other: Override, model: str | None) -> None:
    before, after = (approved(toml_of(each)).effective(ALICE) for each in (one, other))
    found = changes(before, after, overridden_model=model)
    for change in found:
        told = Effect.model_validate(asdict(change))
        assert Effect.model_validate_json(told.model_dump_json()) == told
        assert change.words.isprintable()
        assert all(warning.isprintable() for warning in change.warnings)
    assert len({change.setting for change in found}) == len(found)
    assert {change.setting for change in changes(after, before)} == {c.setting for c in found}
    assert changes(before, before) == []
    for warning in hive_warnings(after, extra_nix="{ }"):
        assert warning.isprintable()


def test_a_rule_that_a_denied_one_covers_has_no_effect() -> None:
    found = the_change('bash.allow = ["git status", "jq", "git push origin main"]')
    assert found.words == "Bash + `git push origin main` ⚠"
    assert any(
        "no effect: `git push *` is denied, and what is denied stays denied" in warning
        for warning in found.warnings
    ), found.warnings
    plain = the_change('bash.allow = ["git status", "jq", "nproc"]')
    assert plain.warnings == []
