"""Proposals of all kinds, for tests of what reads, changes and shows them."""

import tomlkit
from hypothesis import strategies as st

from hyperhive.hive.override import Override, ProposedConversation
from hyperhive.hive.tables import BashRules, McpServer

LINES = st.text(
    st.characters(exclude_categories=["C", "Zl", "Zp", "Zs"], include_characters=" "), max_size=20
)
TEXTS = st.lists(LINES, max_size=4).map("\n".join)
RULES = st.one_of(
    st.sampled_from(["git status", "git diff *", "sh *", "*", "npm run test:*", "echo 'a \"b\"'"]),
    st.text("abc \"'#=[]\\é🐝", min_size=1, max_size=12).map(lambda text: f"echo {text}.".strip()),
)
PACKAGES = st.sampled_from(
    ["jq", "ripgrep", "python3Packages.requests", "pkgsStatic.jq", "nodejs_22"]
)
VARIABLES = st.from_regex(r"\AX[A-Za-z0-9_]{0,6}\Z")
SERVERS = st.builds(
    McpServer,
    command=st.sampled_from(["gh-server", "/run/current-system/sw/bin/x", "npx"]),
    args=st.lists(LINES, max_size=2),
    environment=st.dictionaries(VARIABLES, LINES, max_size=2),
    tools=st.lists(st.sampled_from(["*", "get_issue", "a.b-c"]), max_size=2),
)


@st.composite
def overrides(draw: st.DrawFn) -> Override:
    """An override that names any of its settings."""
    rules = st.lists(RULES, max_size=3)
    bash = draw(st.fixed_dictionaries({}, optional={"allow": rules, "deny": rules}))
    notes = draw(st.fixed_dictionaries({}, optional={"notes_kib": st.integers(0, 1024)}))
    tables = {
        "bash": st.just(BashRules.model_validate(bash)),
        "conversation": st.just(ProposedConversation.model_validate(notes)),
        "environment": st.dictionaries(VARIABLES, TEXTS, max_size=3),
        "mcp": st.dictionaries(st.sampled_from(["github", "A-b", "x_y"]), SERVERS, max_size=2),
        "model": st.sampled_from(["opus", "claude-opus-5-5[1m]"]),
        "packages": st.lists(PACKAGES, max_size=3),
        "system_prompt": TEXTS,
    }
    return Override.model_validate(draw(st.fixed_dictionaries({}, optional=tables)))


def toml_of(override: Override) -> str:
    """An agent.toml that says so."""
    return tomlkit.dumps(override.model_dump(exclude_unset=True, exclude_none=True))
