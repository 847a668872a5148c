"""What is to be known of an agent's settings as a whole before they are approved.

Warned of is what goes past the agent's Bash rules or leads data elsewhere: programs that start by
themselves, variables that make programs start others, configuration that nobody checks.
"""

import re
import shlex
from collections.abc import Iterator
from typing import Final

from hyperhive.hive.layers import Effective, Layer
from hyperhive.hive.problems import one_line
from hyperhive.hive.secrets import NamedSecret, named_secret, redacted
from hyperhive.hive.tables import McpServer

_LONGEST: Final = 300
_PROPOSED: Final = frozenset({Layer.APPROVED, Layer.OVERRIDE})

_STARTS: Final = re.compile(
    r"PATH|.*_PRELOAD|LD_.*|NODE_OPTIONS|NODE_PATH|BUN_.*|BASH_ENV|ENV|PROMPT_COMMAND"
    r"|GIT_(SSH|SSH_COMMAND|ASKPASS|EDITOR|SEQUENCE_EDITOR|PAGER|EXTERNAL_DIFF|PROXY_COMMAND"
    r"|EXEC_PATH|TEMPLATE_DIR|CONFIG.*|DIR|COMMON_DIR|WORK_TREE|INDEX_FILE|ALLOW_PROTOCOL|TRACE.*"
    r"|(ALTERNATE_)?OBJECT_DIRECTOR(Y|IES))"
    r"|(.*_)?EDITOR|VISUAL|(.*_)?PAGER|MANPAGER|MANOPT|BROWSER|SHELL|LESS|LESS(OPEN|CLOSE|KEY.*)"
    r"|.*_ASKPASS|.*_RSH|SVN_SSH|RSYNC_CONNECT_PROG|HGRCPATH|FCEDIT|VIMINIT|GVIMINIT|EXINIT"
    r"|ZDOTDIR|FZF_.*|TAR_OPTIONS|RIPGREP_CONFIG_PATH|AWK(LIB)?PATH"
    r"|HOME|XDG_(CONFIG|DATA)_(HOME|DIRS)|CURL_HOME|(SYSTEM_)?WGETRC|PSQLRC|GNUPGHOME"
    r"|OPENSSL_(CONF|MODULES|ENGINES)|GTK_MODULES|QT_PLUGIN_PATH|GIO_EXTRA_MODULES"
    r"|PYTHON(PATH|HOME|STARTUP|INSPECT|BREAKPOINT|WARNINGS|USERBASE|EXECUTABLE|PLATLIBDIR"
    r"|PYCACHEPREFIX)|PYTEST_(ADDOPTS|PLUGINS)|MYPYPATH|PERL5(LIB|OPT|DB|SHELL)|PERLLIB|PERL_.*_OPT"
    r"|RUBY(OPT|LIB)|GEM_(HOME|PATH)|BUNDLE_.*|LUA_(INIT|PATH|CPATH).*|TCLLIBPATH|PHPRC"
    r"|PHP_INI_SCAN_DIR|R_(PROFILE|ENVIRON|LIBS).*|JULIA_.*|ERL_.*|GUILE_LOAD_.*|EMACSLOADPATH"
    r"|DOTNET_.*|CORECLR_.*|COR_.*|CLASSPATH|JAVA_HOME|JAVA_OPTS|(MAVEN|ANT|SBT|GRADLE)_(OPTS|ARGS)"
    r"|DENO_.*|YARN_.*|COREPACK_.*|TS_NODE_.*|RUST(UP_.*|DOC|FLAGS|DOCFLAGS)"
    r"|GO(ENV|PATH|ROOT|TOOLCHAIN|SUMDB|NOSUMDB)|GNUMAKEFLAGS|MAKEFILES|MAKE|LDFLAGS|C(XX|PP)?FLAGS"
    r"|AR|AS|LD|CPP|COMPILER_PATH|GCC_EXEC_PREFIX|CMAKE_.*|PKG_CONFIG.*|GCONV_PATH|SHELLOPTS|PS4"
    r"|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|RUSTC(_WRAPPER)?|RUSTC_WORKSPACE_WRAPPER"
    r"|CARGO_.*|GOFLAGS|GOPROXY|MAKEFLAGS|CC|CXX|NPM_CONFIG_.*|PIP_.*|UV_.*"
    r"|NIX_(PATH|CONFIG|CONF_DIR|USER_CONF_FILES|REMOTE|SSHOPTS|BUILD_HOOK).*",
    re.IGNORECASE,
)
"""Variables with which a harmless command runs another program, or code from elsewhere."""
_LEADS_AWAY: Final = re.compile(
    r"(HTTPS?|ALL|FTP)_PROXY|ANTHROPIC_(BASE_URL|.*_BASE_URL|CUSTOM_HEADERS)"
    r"|SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS|NODE_TLS_REJECT_UNAUTHORIZED|CURL_CA_BUNDLE"
    r"|REQUESTS_CA_BUNDLE|NIX_SSL_CERT_FILE|GIT_SSL_.*|OTEL_EXPORTER_.*|SSLKEYLOGFILE|NETRC"
    r"|RSYNC_PROXY|HOSTALIASES|LOCALDOMAIN|RES_OPTIONS|PGHOST|GH_HOST|DOCKER_(HOST|CONFIG)"
    r"|KUBECONFIG|AWS_(CONFIG_FILE|ENDPOINT_URL.*)|SSH_AUTH_SOCK",
    re.IGNORECASE,
)
"""Variables that say where connections go, or which of them are trusted."""
_OF_CLAUDE: Final = re.compile(r"(ANTHROPIC|CLAUDE|DISABLE|MCP)_.*", re.IGNORECASE)

_FETCHERS: Final = frozenset({"npx", "bunx", "pnpx", "uvx", "pipx", "deno", "docker", "podman"})
"""Programs that fetch what they run."""
_SHELLS: Final = frozenset(
    {"sh", "bash", "dash", "zsh", "env", "python", "python3", "node", "perl"}
)
_ITS_OWN: Final = ("/state/", "/claude/", "/tmp/", "/var/tmp/", "/home/", "/dev/shm/")
"""Directories of the container that the agent writes to."""


def hive_warnings(after: Effective, *, extra_nix: str | None = None) -> list[str]:
    """What is to be known of settings that are proposed, one line each.

    Args:
        after: the agent with the proposal. What its declaration says is not warned of.
        extra_nix: the free-form NixOS configuration that comes with it.
    """
    return [_cut(one_line(warning)) for warning in _warnings(after, extra_nix)]


def command_line(server: McpServer) -> str:
    """What starts an MCP server, as a shell would take it.

    Each argument is redacted alone: two of them that look like a secret when they stand side by
    side would hide what stands between and after them.
    """
    return shlex.join(redacted(part) for part in [server.command, *server.args])


def _warnings(after: Effective, extra_nix: str | None) -> Iterator[str]:
    if extra_nix is not None:
        yield (
            "extra.nix is free-form NixOS configuration: it can undo what is configured inside the"
            " container, and is evaluated by root's Nix"
        )
    for at, setting in after.settings.items():
        if setting.layer not in _PROPOSED:
            continue
        match at, setting.value:
            case ("packages",), list() as packages:
                for package in packages:
                    yield from _package(package)
            case ("environment", str(name)), str(value):
                yield from _variable(f"environment.{name}", name, value)
            case ("mcp", str(name)), McpServer() as server:
                yield from _mcp(f"mcp.{name}", server)


def _package(package: str) -> Iterator[str]:
    name = redacted(package)
    first, *inner = name.split(".")
    if first.startswith("pkgs") and inner:
        yield f"package {name}: built from source, which may take hours"
    elif len(inner) > 1 or "'" in name or name.startswith("_"):
        yield f"package {name}: an unusual name; `nix search` tells whether it is a program"


def _variable(place: str, name: str, value: str) -> Iterator[str]:
    shown = redacted(value)
    if _STARTS.fullmatch(name):
        yield f"{place}: can make an allowed command run another program: {shown}"
    elif _LEADS_AWAY.fullmatch(name):
        yield f"{place}: says where connections go or which are trusted: {shown}"
    elif _OF_CLAUDE.fullmatch(name):
        yield f"{place}: changes how claude itself behaves: {shown}"
    if named_secret(name, value) is NamedSecret.POSSIBLE:
        yield f"{place}: looks like a secret, and is world-readable in the Nix store"


def _mcp(place: str, server: McpServer) -> Iterator[str]:
    program = server.command.rsplit("/", 1)[-1]
    line = command_line(server)
    if server.command.startswith(_ITS_OWN):
        yield f"{place}: starts a program that the agent itself can change: {line}"
    elif program in _FETCHERS:
        yield f"{place}: starts what {program} fetches from elsewhere: {line}"
    elif program in _SHELLS:
        yield f"{place}: starts whatever its arguments say: {line}"
    else:
        yield f"{place}: starts a program with every turn, past the Bash rules: {line}"
    for name, value in sorted(server.environment.items()):
        yield from _variable(f"{place}.environment.{name}", name, value)


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}… ({len(line)} characters)"
