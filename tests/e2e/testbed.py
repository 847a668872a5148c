"""A real systemd with journald, D-Bus and machined, booted in half a second, without a VM.

    def test_something(testbed: Testbed) -> None:
        testbed.run(["touch", "/root/here"])                       # root, a unit of its own
        assert testbed.path("/root/here").is_file()                # the same file, from outside
        testbed.unit("hello.service", "[Service]\\nExecStart=/bin/sleep inf\\n")
        testbed.systemctl("start", "hello.service")
        assert testbed.show("hello.service", "ActiveState") == "active"

It has no network but its own loopback, no devices but the harmless ones, and a `/` of its own: an
overlay of the machine's, with the checkout and the running Python at their usual places. What must
not lie on an overlay (the roots of containers, what is bound with `:idmap`) belongs below
/srv/state, /nix, /var/lib/hyperhive or /var/lib/nixos-containers, which are a tmpfs.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from tests.tools import ROOT, need, program

PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
NAMESPACES: Final = ("--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup")
BOOT_DEADLINE: Final = 60.0
"""Seconds for a boot, which takes half a one on a machine that does nothing else."""
DEADLINE: Final = 30.0
"""Seconds that a command or a wait may take unless it says otherwise."""
GLANCE: Final = 0.02
LONGEST_GLANCE: Final = 0.2
"""Seconds between two looks at what is waited for; more and more, since to look takes work too."""
IDMAPPED_TMPFS: Final = (6, 3)
"""The first Linux that can idmap a tmpfs."""

_COMMAND: Final = re.compile(r"\brun-u\d+\.service")

Found = TypeVar("Found")


class Testbed:
    """One booted system.

    Attributes:
        pid: its PID 1, as this machine sees it.
    """

    __test__ = False  # no test class, whatever its name

    def __init__(self, supervisor: "subprocess.Popen[str]", pid: int) -> None:
        self.pid = pid
        self._supervisor = supervisor

    @classmethod
    def boot(cls, *visible: Path) -> "Testbed":
        """Boot one; skip or fail the test where this machine cannot.

        Args:
            visible: paths of the machine to show inside beside the checkout and this Python.
        """
        _need_machine()
        shown = {ROOT, Path(sys.prefix), Path(sys.base_prefix), *visible}
        supervisor = subprocess.Popen(
            [sys.executable, "-S", "-E", "-m", "tests.e2e.boot", *map(str, _outermost(shown))],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is the tests' to handle
        )
        assert supervisor.stdout is not None
        try:
            pid = supervisor.stdout.readline()
            booted = supervisor.stdout.readline()
            assert booted == "ready\n", "the testbed did not boot: see its standard error"
        except BaseException:
            _close(supervisor)
            raise
        return cls(supervisor, int(pid))

    def close(self) -> None:
        """End it with everything that runs inside."""
        _close(self._supervisor)

    def path(self, inside: str | Path) -> Path:
        """Where this machine sees the path `inside` of the testbed.

        Unix sockets can be connected to by it. Symbolic links to absolute paths lead astray.
        """
        return Path(f"/proc/{self.pid}/root{inside}")

    def start(
        self,
        command: Sequence[str | Path],
        *,
        user: str | None = None,
        container: str | None = None,
        environment: Mapping[str, str] | None = None,
        properties: Sequence[str] = (),
    ) -> "subprocess.Popen[str]":
        """Start a command as a transient unit; its standard streams are pipes.

        Args:
            command: words; the program is looked for on the usual PATH.
            user: whom it runs as; root unless said.
            container: the machine it runs in (`h-alice`); the testbed itself unless said.
            environment: variables it gets besides PATH, HOME, LANG.
            properties: of its unit (`PrivateNetwork=yes`).
        """
        words = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect"]
        words += [f"--machine={container}"] if container else []
        words += [f"--uid={user}"] if user else []
        words += [f"--setenv={name}={value}" for name, value in (environment or {}).items()]
        words += [f"--property={each}" for each in properties]
        return subprocess.Popen(
            [*self._enter(), *words, "--", *map(str, command)],
            env={"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def run(
        self,
        command: Sequence[str | Path],
        *,
        input: str = "",
        check: bool = True,
        timeout: float = DEADLINE,
        user: str | None = None,
        container: str | None = None,
        environment: Mapping[str, str] | None = None,
        properties: Sequence[str] = (),
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command as `start` does, to its end.

        Args:
            input: its standard input.
            check: whether another status than 0 fails the test, with what it printed.
            timeout: seconds that it may take.
        """
        process = self.start(
            command,
            user=user,
            container=container,
            environment=environment,
            properties=properties,
        )
        shown = " ".join(map(str, command))
        with process:
            try:
                out, err = process.communicate(input, timeout=timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise AssertionError(f"`{shown}` did not end in {timeout:g} s") from None
        assert not check or process.returncode == 0, (
            f"`{shown}` ended with status {process.returncode}\n{out}{err}"
        )
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def systemctl(self, *words: str, timeout: float = DEADLINE) -> str:
        """What `systemctl` prints; it must end well."""
        return self._quick("systemctl", *words, timeout=timeout)

    def show(self, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.systemctl("show", "--value", f"--property={name}", "--", unit).strip()

    def unit(self, name: str, text: str) -> None:
        """Write a unit file and have systemd read it."""
        file = self.path("/etc/systemd/system") / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self.systemctl("daemon-reload")

    def mount(self, source: str | Path, target: str | Path) -> None:
        """Show `source` at `target` too, both inside; read-only."""
        # Private, or what is mounted on one of both would be on the other too.
        self._quick("mount", "--bind", "--make-private", "-o", "ro", str(source), str(target))

    def wait_for(
        self, what: str, look: Callable[[], Found | None], seconds: float = DEADLINE
    ) -> Found:
        """What `look` finds once it finds something; `what` says what was waited for in vain."""
        deadline = time.monotonic() + seconds
        pause = GLANCE
        while not (found := look()):
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds:g} s for {what}")
            time.sleep(pause)
            pause = min(1.2 * pause, LONGEST_GLANCE)
        return found

    def journal(self, *matches: str, lines: int = 60) -> str:
        """The last lines of the journal, of all or of what matches (`-u`, `hyperhive.service`).

        Nothing is said of the commands that tests run.
        """
        said = self._quick("journalctl", "--no-pager", "--quiet", f"--lines={2 * lines}", *matches)
        kept = [line for line in said.splitlines(keepends=True) if not _COMMAND.search(line)]
        return "".join(kept[-lines:])

    def _quick(self, *command: str, timeout: float = DEADLINE) -> str:
        """What a program prints that needs no unit of its own; it must end well."""
        done = subprocess.run(
            [*self._enter(), *command],
            env={"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "SYSTEMD_COLORS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
        shown = " ".join(command)
        assert done.returncode == 0, f"`{shown}`: {done.stdout}{done.stderr}"
        return done.stdout

    def _enter(self) -> list[str]:
        return ["nsenter", f"--target={self.pid}", *NAMESPACES, "--"]


def as_uid(uid: int, *command: str | Path, group: str = "") -> list[str]:
    """A command as that uid and gid (and in `group`), with no power of root's."""
    ids = [f"--reuid={uid}", f"--regid={uid}", f"--groups={group}" if group else "--clear-groups"]
    return ["setpriv", *ids, "--inh-caps=-all", "--", *map(str, command)]


def _close(supervisor: "subprocess.Popen[str]") -> None:
    assert supervisor.stdin is not None
    assert supervisor.stdout is not None
    supervisor.stdin.close()
    supervisor.wait(DEADLINE)
    supervisor.stdout.close()


def _outermost(paths: set[Path]) -> list[Path]:
    """The paths that lie in no other of them, and outside of /usr, which the overlay has."""
    kept: list[Path] = []
    for path in sorted({path.resolve() for path in paths}):
        if not any(path.is_relative_to(other) for other in [Path("/usr"), *kept]):
            kept.append(path)
    return kept


def _need_machine() -> None:
    """Skip or fail the running test on a machine that cannot have a testbed."""
    need("root", os.getuid() == 0, "run the tests as root")
    release = re.match(r"(\d+)\.(\d+)", os.uname().release)
    assert release is not None
    found = (int(release[1]), int(release[2])) >= IDMAPPED_TMPFS
    need("Linux 6.3", found, "idmapped mounts of a tmpfs need it")
    unified = ("/sys/fs/cgroup/cgroup.controllers", "/sys/fs/cgroup/unified/cgroup.procs")
    need("a unified cgroup hierarchy", any(map(os.path.exists, unified)), "mount cgroup2")
    for name, package in (
        ("systemd-nspawn", "systemd-container"),
        ("dbus-daemon", "dbus"),
        ("nsenter", "util-linux"),
        ("ip", "iproute2"),
        ("nft", "nftables"),
        ("ps", "procps"),
    ):
        program(name, f"apt-get install {package}")
    polkit = shutil.which("polkitd", path="/usr/lib/polkit-1:/usr/libexec:/usr/libexec/polkit-1")
    need("polkitd", polkit, "apt-get install polkitd")
