"""core/screen loads nothing heavy."""

import subprocess
import sys


def test_screen_loads_no_rich_before_it_is_used():
    code = "import sys, edgetl.core.screen; print('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
