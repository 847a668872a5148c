"""Each kind of bad value of an agent: where it is reported, what is said, that nothing else is."""

import pytest

from tests.unit.hive.declared import TOKEN, alice, the_error

ALICE = {
    "unknown field": ('modle = "opus"', "modle", "unknown field", 'did you mean "model"?'),
    "unknown, camel case": ('systemPrompt = ""', "systemPrompt", "unknown", '"system_prompt"'),
    "unknown, inner": ('memory = "1G"', "memory", "unknown", '"limits.memory"'),
    "unknown, like nothing": ("zzz = 1", "zzz", "unknown", "the fields here are role, "),
    "unknown in a table": ("limits.cpus = 1", "limits.cpus", "unknown", '"cpu"'),
    "unknown in a list": (
        'binds = [{source = "/srv/a", target = "/srv/b", rw = true}]',
        "binds[0].rw",
        "unknown",
        "the fields here are source, target, writable",
    ),
    "not a text": ("model = 3", "model", "not a text", 'for example "opus"'),
    "not a list": ('packages = "jq"', "packages", "not a list", '["ripgrep"'),
    "not a table": ("bash = []", "bash", "not a table", "write a table"),
    "not a whole number": ('limits.tasks = "9"', "limits.tasks", "not a whole", "512"),
    "no conversion to bool": ("extra_nix = 1", "extra_nix", "not true or false", "true"),
    "a time for a text": ("description = 2026-01-01", "description", "not a text", "quotes"),
    "role": ('role = "managr"', "role", "not one of the choices", 'did you mean "manager"?'),
    "network": ('network = "x"', "network", "not one of", "private or none or host"),
    "model": ('model = "--opus"', "model", "not a name of a model", "alias"),
    "icon": ('icon = "abcdefghi"', "icon", "9 characters", "at most 8"),
    "control character": ('description = "a\\u0007"', "description", "U+0007", "plain line"),
    "newline in a line": ('description = "a\\nb"', "description", "U+000A", "plain line"),
    "text that turns": ('description = "a\\u202eb"', "description", "U+202E", "plain line"),
    "NUL in a text": ('system_prompt = "a\\u0000"', "system_prompt", "U+0000", "remove it"),
    "package with prefix": ('packages = ["pkgs.jq"]', "packages[0]", "more than", '"jq"'),
    "package": ('packages = ["a", "b c"]', "packages[1]", "not the name", "ripgrep"),
    "tool": ('tools.available = ["bash"]', "tools.available[0]", "not a tool", '"Bash"'),
    "bash as a full rule": (
        'bash.allow = ["git status", "Bash(git diff)"]',
        "bash.allow[1]",
        "written as a full rule",
        'parentheses: "git diff"',
    ),
    "bash with another tool": (
        'bash.deny = ["Read(.env)"]',
        "bash.deny[0]",
        "a rule for the tool Read",
        "tools.deny",
    ),
    "tool as a command": ('bash.allow = ["Bash"]', "bash.allow[0]", "name of a tool", '"*"'),
    "malformed bash rule": ('bash.allow = ["git:* status"]', "bash.allow[0]", "", ""),
    "empty bash rule": ('bash.allow = [""]', "bash.allow[0]", "", ""),
    "malformed rule": ('tools.allow = ["Edit(./**"]', "tools.allow[0]", "", ""),
    "rule of an unknown tool": ('tools.deny = ["Reed(x)"]', "tools.deny[0]", "", ""),
    "memory": ('limits.memory = "4X"', "limits.memory", "not an amount", "4G"),
    "memory, percent": ('limits.memory = "101%"', "limits.memory", "0 and 100", "4G"),
    "memory, tiny": ('limits.memory = "4"', "limits.memory", "4 bytes", "1G or more"),
    "cpu": ('limits.cpu = "2"', "limits.cpu", "not a share", "200%"),
    "cpu, none": ('limits.cpu = "0%"', "limits.cpu", "less than one", "50%"),
    "tasks": ("limits.tasks = 3", "limits.tasks", "too small", "64 or more"),
    "turn": ("limits.turn_seconds = 0", "limits.turn_seconds", "too small", "1 or more"),
    "turn, long": ("limits.turn_seconds = 9999999", "limits.turn_seconds", "too large", "less"),
    "mcp, own name": ('mcp.hyperhive.command = "x"', "mcp.hyperhive", "own MCP server", "another"),
    "mcp, own name in capitals": ('mcp.HyperHive.command = "x"', "mcp.HyperHive", "own", "other"),
    "mcp, name": ('mcp.a__b.command = "x"', "mcp.a__b", "not a name", "single underscores"),
    "mcp, no command": ("mcp.x.args = []", "mcp.x.command", "missing", "set it, for example"),
    "mcp, command line": ('mcp.x.command = "x -y"', "mcp.x.command", "holds a space", "args"),
    "mcp, empty command": ('mcp.x.command = ""', "mcp.x.command", "empty", "program"),
    "mcp, tool": (
        'mcp.x = {command = "x", tools = ["a b"]}',
        "mcp.x.tools[0]",
        "not a name of an MCP tool",
        "*",
    ),
    "mcp, variable": (
        'mcp.x = {command = "x", environment = {"a b" = ""}}',
        'mcp.x.environment."a b"',
        "not a name of an environment variable",
        "letters",
    ),
    "variable": ('environment.1A = ""', "environment.1A", "not a name of", "no digit first"),
    "owned variable": ('environment.PATH = "/x"', "environment.PATH", "by the harness", "remove"),
    "loader's variable": ('environment.LD_AUDIT = ""', "environment.LD_AUDIT", "loader", "remove"),
    "runtime's variable": ('environment.BUN_X = ""', "environment.BUN_X", "runtime", "remove"),
    "own variable": ('environment.HYPERHIVE_X = ""', "environment.HYPERHIVE_X", "itself", "remove"),
    "node's variable": ('environment.NODE_OPTIONS = ""', "environment.NODE_OPTIONS", "rule", ""),
    "credential for an owned variable": (
        'credentials.HOME = "/run/x"',
        "credentials.HOME",
        "set by the harness",
        "remove",
    ),
    "credential in the store": (
        'credentials.A = "/nix/store/x"',
        "credentials.A",
        "everyone on the host can read",
        "/run/secrets",
    ),
    "credential, relative": ('credentials.A = "x"', "credentials.A", "not an absolute", "/"),
    "credential, space": ('credentials.A = "/a b"', "credentials.A", "' '", "letters"),
    "credential and variable": (
        'environment.A = "x"\ncredentials.A = "/run/x"',
        "environment.A",
        "under credentials too",
        "one of the two",
    ),
    "bind, relative": (
        'binds = [{source = "a", target = "/srv/a"}]',
        "binds[0].source",
        "not an absolute path",
        "/",
    ),
    "bind, up": (
        'binds = [{source = "/srv/a", target = "/srv/../etc"}]',
        "binds[0].target",
        "plain form",
        "..",
    ),
    "bind, colon": (
        'binds = [{source = "/srv/a:b", target = "/srv/a"}]',
        "binds[0].source",
        "':'",
        "link",
    ),
    "bind of the hive's state": (
        'binds = [{source = "/var/lib", target = "/srv/a"}]',
        "binds[0].source",
        "the hive's own",
        "/srv",
    ),
    "bind of the root": (
        'binds = [{source = "/", target = "/srv/a"}]',
        "binds[0].source",
        "the hive's own",
        "/srv",
    ),
    "bind of the kernel's": (
        'binds = [{source = "/proc/1", target = "/srv/a"}]',
        "binds[0].source",
        "kernel",
        "ordinary",
    ),
    "bind over the state": (
        'binds = [{source = "/srv/a", target = "/state"}]',
        "binds[0].target",
        "cover /state",
        "/srv/x",
    ),
    "bind in the store": (
        'binds = [{source = "/srv/a", target = "/nix/store/x"}]',
        "binds[0].target",
        "cover /nix",
        "/srv/x",
    ),
    "bind over everything": (
        'binds = [{source = "/srv/a", target = "/"}]',
        "binds[0].target",
        "cover",
        "/srv/x",
    ),
    "two binds on one place": (
        'binds = [{source = "/srv/a", target = "/srv/x"}, {source = "/srv/b", target = "/srv/x"}]',
        "binds[1].target",
        "bound there already",
        "another",
    ),
    "uid base between": ("uid_base = 524289", "uid_base", "multiple of 65536", "524288"),
    "uid base outside": ("uid_base = 1000", "uid_base", "outside", "524288 to 1878982656"),
    "recipient": ('recipients = ["alcie"]', "recipients[0]", "no such agent", '"alice"'),
    "recipient, far": ('recipients = ["zed"]', "recipients[0]", "no such", "[agents.zed]"),
    "recipient, reserved": ('recipients = ["all"]', "recipients[0]", "not a recipient", "empty"),
    "no manager": ('recipients = ["manager"]', "recipients[0]", "role manager", "set role"),
    "secret by format": (f'system_prompt = "use {TOKEN}"', "system_prompt", "GitHub token", "cred"),
    "secret in a key": (f'environment.{TOKEN} = ""', None, "GitHub token", "credentials"),
    "secret by name": (
        f'environment.MY_TOKEN = "{"x" * 30}"',
        "environment.MY_TOKEN",
        "a secret in the clear",
        "agents.alice.credentials.MY_TOKEN",
    ),
    "secret of an MCP server": (
        f'mcp.x = {{command = "x", environment = {{API_KEY = "{"x" * 30}"}}}}',
        "mcp.x.environment.API_KEY",
        "a secret in the clear",
        "agents.alice.credentials.API_KEY",
    ),
    "secret in a rule": (
        f'bash.allow = ["curl -H {TOKEN}"]',
        "bash.allow[0]",
        "GitHub token",
        "credentials",
    ),
}


@pytest.mark.parametrize(("fields", "place", "message", "todo"), ALICE.values(), ids=ALICE)
def test_problem_of_an_agent(fields: str, place: str | None, message: str, todo: str) -> None:
    found = the_error(alice(fields))
    if place is not None:
        assert found.place == f"agents.alice.{place}"
    assert message in found.message
    assert todo in found.todo
    assert found.message
    assert found.todo
    assert TOKEN not in found.what + found.todo
