"""Which valid rules are warned about, and which are not."""

import pytest

from hyperhive.hive.rules import parse_rule, rule_warnings

ARBITRARY = [
    "Bash",
    "Bash(*)",
    "Bash(* *)",
    "Bash(git *)",
    "Bash(git:*)",
    "Bash(git*)",
    "Bash(git -C *)",
    "Bash(git re*)",
    "Bash(git diff*)",
    "Bash(git rebase *)",
    "Bash(git fetch:*)",
    "Bash(git push origin *)",
    "Bash(git clone *)",
    "Bash(git bisect *)",
    "Bash(git submodule foreach *)",
    "Bash(git config --global *)",
    "Bash(git grep *)",
    "Bash(nix build *)",
    "Bash(nix build .*)",
    "Bash(nix run *)",
    "Bash(nix develop *)",
    "Bash(nix-shell *)",
    "Bash(python*)",
    "Bash(python3 *)",
    "Bash(python3.11:*)",
    "Bash(python3)",
    "Bash(python3 -)",
    "Bash(python3 -c *)",
    "Bash(python3 -m *)",
    "Bash(python3 -m pytest *)",
    "Bash(python3 -m pip *)",
    "Bash(python3 -m timeit *)",
    "Bash(node *)",
    "Bash(perl *)",
    "Bash(ruby *)",
    "Bash(bash *)",
    "Bash(bash)",
    "Bash(sh -c *)",
    "Bash(busybox sh *)",
    "Bash(sed *)",
    "Bash(make *)",
    "Bash(npm run *)",
    "Bash(cargo test *)",
    "Bash(docker *)",
    "Bash(ssh *)",
    "Bash(xargs *)",
    "Bash(env *)",
    "Bash(/usr/bin/env *)",
    "Bash(sudo *)",
    "Bash(sudo -u bob *)",
    "Bash(timeout *)",
    "Bash(timeout 5 make *)",
    "Bash(nice -n 5 *)",
    "Bash(FOO=1 make *)",
    "Bash(FOO=1 *)",
    "Bash(FOO=* frob)",
    "Bash(tar *)",
    "Bash(rsync *)",
    "Bash(vim *)",
    "Bash(nc *)",
    "Bash(sqlite3 *)",
    "Bash(rg *)",
    "Bash(sort *)",
    "Bash(gh *)",
    "Bash(* --version)",
    "Bash(*sh)",
]


@pytest.mark.parametrize("text", ARBITRARY)
def test_an_allow_rule_that_is_arbitrary_code(text: str) -> None:
    warnings = rule_warnings(parse_rule(text), allow=True)

    assert any("arbitrary code" in warning.message for warning in warnings)


WIDE = [
    ("Bash(git diff *)", "writes any file"),
    ("Bash(git sh*)", "writes any file"),
    ("Bash(git log:*)", "writes any file"),
    ("Bash(git show *)", "writes any file"),
    ("Bash(git stash *)", "writes any file"),
    ("Bash(git format-patch *)", "writes any file"),
    ("Bash(curl *)", "any host"),
    ("Bash(wget *)", "any host"),
    ("Bash(awk *)", "any file"),
    ("Bash(gawk *)", "any file"),
    ("Bash(tee *)", "overwrites files"),
    ("Bash(dd *)", "outside the working directory"),
    ("Bash(chmod *)", "outside the working directory"),
    ("Bash(find *)", "of no use"),
    ("Bash(eval *)", "always refuses"),
    ("Bash(./scripts/*)", "every program under ./scripts/"),
    ("Bash(git commit*)", "no space before the *"),
    ("Bash(ls*)", "no space before the *"),
    ("Bash(git * main)", "wildcard before its end"),
    ("Bash(cat src/*.txt)", "wildcard before its end"),
    ("Bash(nix build .*)", "begins with `nix build .`"),
    ("Bash(frob .+)", "regular expression"),
    ("Bash(^frob a$)", "regular expression"),
    ("Bash(frob (a|b))", "regular expression"),
    ("Bash(frob [a-z]*)", "regular expression"),
    ("Bash(frob \\d)", "regular expression"),
    ("Bash(frob | zap)", "shell operator"),
    ("Bash(frob > out.txt)", "shell operator"),
    ("Bash(frob && zap)", "shell operator"),
    ("Edit", "every file on the disk"),
    ("Write", "every file on the disk"),
    ("NotebookEdit", "every notebook"),
    ("Read", "every file on the disk"),
    ("Glob", "every directory"),
    ("Grep", "every directory"),
    ("Edit(//**)", "every file on the disk"),
    ("Read(//**)", "every file on the disk"),
    ("Edit(/src/**)", "not the root"),
    ("Edit(*)", "not creating files"),
    ("Edit(!src/**)", "`!`"),
    ("Read({a,b})", "braces"),
    ("WebFetch", "every host"),
    ("WebFetch(*)", "every host"),
    ("WebFetch(domain:*)", "every host"),
    ("WebFetch(domain:*.com)", "every host under .com"),
    ("WebFetch(domain:docs.*)", "docs.x.example"),
    ("WebFetch(domain:*docs.rs)", "not-docs.rs"),
    ("Monitor", "any shell command"),
]


@pytest.mark.parametrize(("text", "message"), WIDE)
def test_an_allow_rule_that_is_wider_than_it_looks(text: str, message: str) -> None:
    warnings = rule_warnings(parse_rule(text), allow=True)

    assert any(message in warning.message for warning in warnings), warnings
    assert all(warning.instead for warning in warnings)


@pytest.mark.parametrize(
    "text",
    [
        "Bash(git status)",
        "Bash(git diff)",
        "Bash(git add *)",
        "Bash(git commit *)",
        "Bash(git checkout:*)",
        "Bash(git push origin main)",
        "Bash(git stash list *)",
        "Bash(git config user.name *)",
        "Bash(git bisect good *)",
        "Bash(nix build .#default)",
        "Bash(make test)",
        "Bash(npm run test:unit)",
        "Bash(npm view *)",
        "Bash(docker ps *)",
        "Bash(gh pr view *)",
        "Bash(python3 --version)",
        "Bash(python3 scripts/check.py *)",
        "Bash(python3 -m json.tool *)",
        "Bash(java -jar /opt/tool.jar *)",
        "Bash(bash scripts/check.sh *)",
        "Bash(./scripts/check.sh *)",
        "Bash(timeout 5 git status)",
        "Bash(timeout 5m wc *)",
        "Bash(xargs wc *)",
        "Bash(wc *)",
        "Bash(ls *)",
        "Bash(cp *)",
        "Bash(echo '|')",
        "Bash(frob 2>&1)",
        "Bash(frob --out=*)",
        "Bash(base64 *)",
        "Edit(./**)",
        "Edit(//srv/site/**)",
        "Read(~/notes/**)",
        "WebFetch(domain:docs.rs)",
        "WebFetch(domain:*.rust-lang.org)",
        "WebSearch",
        "mcp__hyperhive",
        "mcp__github__get_issue",
        "Task",
    ],
)
def test_an_allow_rule_without_a_warning(text: str) -> None:
    assert rule_warnings(parse_rule(text), allow=True) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Bash(git commit:*)", "sh -c 'git commit'"),
        ("Bash(git commit:*)", "`git -c a.b=c commit`"),
        ("Bash(git push *)", "`git -c a.b=c push`"),
        ("Bash(git push*)", "`git -c a.b=c push`"),
        ("Bash(docker run *)", "`docker --debug run`"),
        ("Bash(rm -rf /)", "to the letter"),
        ("Bash(curl * | sh)", "shell operator"),
        ("Bash(* > *)", "shell operator"),
        ("Edit(/etc/**)", "not the root"),
        ("Edit(!a)", "`!`"),
        ("mcp__hyperhive", "answer nobody"),
        ("mcp__hyperhive__send", "answer nobody"),
    ],
)
def test_a_deny_rule_that_holds_less_back_than_it_looks(text: str, message: str) -> None:
    warnings = rule_warnings(parse_rule(text), allow=False)

    assert any(message in warning.message for warning in warnings), warnings
    assert all(warning.instead for warning in warnings)


@pytest.mark.parametrize(
    "text",
    [
        *("Bash", "Bash(*)", "Bash(git *)", "Bash(git:*)", "Bash(rm *)", "Read(.env)", "Read"),
        *("Write", "WebFetch", "mcp__github", "Task(Explore)"),
    ],
)
def test_a_deny_rule_without_a_warning(text: str) -> None:
    assert rule_warnings(parse_rule(text), allow=False) == []


def test_programs_that_run_programs_are_followed_so_far() -> None:
    [wide] = rule_warnings(parse_rule(f"Bash({'sudo ' * 8}bash *)"), allow=True)
    assert "-c" in wide.message
    [nested] = rule_warnings(parse_rule(f"Bash({'sudo ' * 9}bash *)"), allow=True)
    assert "too nested to be looked through" in nested.message
    # Whoever writes a rule as long as rules may be costs nobody anything.
    assert rule_warnings(parse_rule(f"Bash({'xargs ' * 160}*)"), allow=True) == [nested]
