"""What a broker imports before it answers."""

import subprocess
import sys


def test_the_mcp_sdk_is_loaded_after_the_broker_answers() -> None:
    code = "import sys, hyperhive.operator.service; sys.exit('mcp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert done.returncode == 0, "importing it takes longer than everything else together"
