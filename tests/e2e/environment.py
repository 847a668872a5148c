"""The project and its Python where every unit of the testbed can run them.

Units close /home, /root and /tmp to themselves, and a checkout or a Python may lie there. So both
are also mounted below /opt, and put together to an environment with the paths that they have there.
Containers have /opt too.
"""

import sys
import sysconfig
from pathlib import Path
from typing import Final

from tests.e2e.testbed import Testbed
from tests.tools import ROOT

PYTHON: Final = Path("/opt/python")
CHECKOUT: Final = Path("/opt/checkout")
ENVIRONMENT: Final = Path("/opt/hyperhive")
HYPERHIVE: Final = ENVIRONMENT / "bin/hyperhive"
"""The command, inside."""
INTERPRETER: Final = ENVIRONMENT / "bin/python"

_COMMAND: Final = f"""\
#!{INTERPRETER}
import sys
from hyperhive.cli.main import main
sys.exit(main())
"""


def install(testbed: Testbed) -> None:
    """Mount the checkout and the environment of the running Python below /opt."""
    packages = Path(sysconfig.get_path("purelib"))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    own_packages = ENVIRONMENT / "lib" / version / "site-packages"
    mounts = {ROOT: CHECKOUT, packages: own_packages}
    if not Path(sys.base_prefix).is_relative_to("/usr"):
        mounts[Path(sys.base_prefix)] = PYTHON
        home = PYTHON / "bin"
    else:
        home = Path(sys.base_prefix) / "bin"
    for target in mounts.values():
        testbed.path(target).mkdir(parents=True)
    # What an editable installation says about where the source is.
    for file in packages.glob("*.pth"):
        if str(ROOT) in (text := file.read_text()):
            moved = ENVIRONMENT / file.name
            testbed.path(moved).write_text(text.replace(str(ROOT), str(CHECKOUT)))
            mounts[moved] = own_packages / file.name
    for source, target in mounts.items():
        testbed.mount(source, target)
    # A shared library of Python is looked for where it was installed, then where the system has its
    # own, which may be of the same name.
    system = testbed.path("/usr/lib") / str(sysconfig.get_config_var("MULTIARCH") or "")
    if PYTHON in mounts.values():
        for library in Path(sys.base_prefix, "lib").glob("libpython*.so.*"):
            (system / library.name).unlink(missing_ok=True)
            (system / library.name).symlink_to(PYTHON / "lib" / library.name)
    programs = testbed.path(ENVIRONMENT / "bin")
    programs.mkdir()
    (programs / "python").symlink_to(home / version)
    testbed.path(ENVIRONMENT / "pyvenv.cfg").write_text(f"home = {home}\n")
    catalog = ENVIRONMENT / "lib/systemd/catalog/hyperhive.catalog"
    testbed.path(catalog.parent).mkdir(parents=True)
    testbed.path(catalog).symlink_to(CHECKOUT / "pkgs/hyperhive/src/hyperhive/hyperhive.catalog")
    command = testbed.path(HYPERHIVE)
    command.write_text(_COMMAND)
    command.chmod(0o755)
