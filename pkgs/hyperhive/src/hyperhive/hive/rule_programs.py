"""Programs that do more than they are called for once an agent chooses their arguments."""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Risk:
    """What a kind of program does.

    Attributes:
        how: why a rule with a wildcard is wide, following "`NAME *` is ".
        instead: what to write; `{name}` stands for the program.
        reads_code: whether the program without arguments runs what is piped into it.
    """

    how: str
    instead: str
    reads_code: bool = False


_CODE: Final = "arbitrary code: "
_SCRIPT: Final = "name the script: Bash({name} scripts/check *), in a place the agent cannot write"
_SHELL: Final = Risk(f"{_CODE}it runs any command given with -c or in a file", _SCRIPT, True)
_INTERPRETER: Final = Risk(
    f"{_CODE}it runs a program given as an option or in any file", _SCRIPT, True
)
_WRAPPER: Final = Risk(
    f"{_CODE}it runs the program named in its arguments",
    "allow that program: a rule of its own, such as Bash(wc *)",
)
_BUILD: Final = Risk(
    f"{_CODE}it runs what files of the project and its options tell it to run",
    "write the commands out, without *, such as Bash(make test); they too run what an agent that"
    " may edit the project puts there",
)
_NIX: Final = Risk(
    f"{_CODE}builders run any program, and --impure --expr and --option take any expression",
    "write the command out, without *, as in Bash(nix build .#default)",
)
_CONTAINERS: Final = Risk(
    f"{_CODE}it starts any program, with the rights of the service behind it",
    "write the commands out, without *",
)
_REMOTE: Final = Risk(
    f"{_CODE}options such as ProxyCommand and -e run programs, and data goes to any host",
    "write the command out, without *, host included",
)
_TRANSFER: Final = Risk(
    "a way out and in: it sends any file to any host and can write files anywhere",
    "use WebFetch with a host, as in WebFetch(domain:docs.rs)",
)
_SOCKET: Final = Risk(
    f"{_CODE}it connects to any host, and can give it a shell",
    "use WebFetch with a host, as in WebFetch(domain:docs.rs)",
)
_EDITOR: Final = Risk(
    f"{_CODE}editors run shell commands and write any file",
    "use the tools Edit and Write: Edit(./**)",
)
_ARCHIVE: Final = Risk(
    f"{_CODE}options run programs (--to-command, --checkpoint-action, -TT), and files are written"
    " anywhere",
    "write the command out, without *",
)
_DATABASE: Final = Risk(
    f"{_CODE}its own commands start a shell (.shell, \\!)", "serve the database over MCP instead"
)
_ANYWHERE: Final = Risk(
    "wider than Edit(./**): it changes files outside the working directory too",
    "use the tools Edit and Write: Edit(./**)",
)
_SETUP: Final = Risk(
    f"{_CODE}it installs programs from anywhere and runs their scripts",
    "declare what the agent needs under packages",
)

_KINDS: Final = {
    _SHELL: "ash bash csh dash elvish fish ksh mksh nu pwsh rbash sh tcsh xonsh zsh",
    _INTERPRETER: "elixir erl escript expect ghci groovy guile iex irb java jshell julia lua"
    " luajit node nodejs ocaml octave perl php pry pypy python r racket rscript ruby"
    " runghc sbcl scala swipl tclsh ts-node tsx wish",
    _WRAPPER: "at batch busybox bwrap chroot chrt command coproc direnv doas entr env"
    " fakeroot firejail flock gdb hyperfine ionice lldb ltrace nice nohup nsenter"
    " parallel perf pkexec proot runuser screen script setarch setpriv setsid stdbuf"
    " strace su sudo systemd-inhibit systemd-run taskset time timeout tmux toybox"
    " unshare valgrind watch watchexec xargs",
    _BUILD: "ant bazel bazelisk bmake buck bun bundle cabal cargo cmake composer ctest deno"
    " dotnet dune gmake go gradle gradlew grunt gulp hatch invoke jest just lake"
    " lein mage make maven meson mix mvn mvnw ninja nox npm pnpm poetry pre-commit"
    " pytest rake rebar3 remake sbt scons stack swift task tox vite vitest waf yarn"
    " zig",
    _SETUP: "apt apt-get brew bunx conda dnf easy_install gem luarocks npx opam pip pipx"
    " pnpx rustup uv uvx yum",
    _NIX: "home-manager nix nix-build nix-env nix-instantiate nix-shell nixos-container"
    " nixos-rebuild nom",
    _CONTAINERS: "buildah docker docker-compose helm incus kubectl lxc machinectl nerdctl podman"
    " runc systemd-nspawn virsh",
    _REMOTE: "ansible ansible-playbook mosh rsync scp sftp ssh sshfs",
    _TRANSFER: "aria2c axel curl ftp http https lftp lynx rclone tftp w3m wget xh",
    _SOCKET: "nc ncat netcat socat telnet",
    _EDITOR: "ed emacs ex helix hx joe micro nano nvi nvim vi view vim",
    _ARCHIVE: "bsdtar gtar tar zip",
    _DATABASE: "duckdb mariadb mysql psql sqlite",
    _ANYWHERE: "chgrp chmod chown dd install truncate",
}
_SINGLE: Final = {
    "awk": Risk(
        "wide: awk reads and writes any file (getline, print >), and runs programs where Claude"
        " Code does not notice",
        "use grep, cut, sort or jq; inside the working directory they need no rule",
    ),
    "fd": Risk(f"{_CODE}fd -x runs any program", "use find, or the tool Glob: they need no rule"),
    "find": Risk(
        "of no use: Claude Code allows find in the working directory without a rule, and with one"
        " still refuses other directories, -exec and -delete",
        "remove the rule",
    ),
    "gh": Risk(
        f"{_CODE}gh alias set --shell and extensions run programs, and gh api does all that its"
        " token may",
        "write the sub-commands out, as in Bash(gh pr view *)",
    ),
    "rg": Risk(
        f"{_CODE}rg --pre runs any program",
        "remove the rule: rg in the working directory needs none, without such options",
    ),
    "sed": Risk(
        f"{_CODE}the e command runs programs and w writes any file",
        "use the tool Edit; sed -n with p alone needs no rule",
    ),
    "sort": Risk(
        f"{_CODE}sort --compress-program runs any program",
        "remove the rule: sort in the working directory needs none, without such options",
    ),
    "tee": Risk(
        "a way to write: it overwrites files, before version 2.1.330 anywhere on the disk",
        "write Edit(./**), which says so and covers `> file`",
    ),
}
_ALIASES: Final = {
    "fdfind": "fd",
    "gawk": "awk",
    "gsed": "sed",
    "mawk": "awk",
    "nawk": "awk",
    "original-awk": "awk",
}

_RISKS: Final = _SINGLE | {name: risk for risk, names in _KINDS.items() for name in names.split()}
_HARMLESS_SUBCOMMANDS: Final = {
    "docker": frozenset({"images", "logs", "ps"}),
    "gh": frozenset({"issue", "label", "pr", "release", "run", "search"}),
    "go": frozenset({"doc", "version"}),
    "npm": frozenset({"ls", "outdated", "view"}),
    "podman": frozenset({"images", "logs", "ps"}),
}
NEVER_ALLOWED: Final = frozenset({".", "alias", "eval", "exec", "source", "trap"})
"""What Claude Code refuses in a command whatever a rule for it says."""


def risk_of(name: str) -> Risk | None:
    """The risk of a program with arguments of the agent's choice, or None if none is known.

    A version at the end does not count: python3.11 is python.
    """
    name = name.lower()
    for candidate in (name, re.sub(r"[-.\d]+$", "", name)):
        found = _RISKS.get(_ALIASES.get(candidate, candidate))
        if found is not None:
            return found
    return None


def is_wrapper(name: str) -> bool:
    """Whether a program runs another one that follows in its arguments."""
    return risk_of(name) is _WRAPPER


def is_interpreter(name: str) -> bool:
    """Whether a program runs a script that is named first in its arguments."""
    return risk_of(name) in (_SHELL, _INTERPRETER)


def is_harmless(name: str, subcommand: str) -> bool:
    """Whether a sub-command of a risky program is not risky, whatever follows it."""
    return subcommand in _HARMLESS_SUBCOMMANDS.get(name, ())
