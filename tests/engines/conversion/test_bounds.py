"""bounds.py: a process with bounds has a limit on its memory, and the kernel ends it before others."""

import subprocess
import sys

SCRIPT = """
import resource
from pathlib import Path
from edgetl.engines.conversion.bounds import set_bounds

set_bounds(200 * 2**20)
print(resource.getrlimit(resource.RLIMIT_DATA)[0], Path("/proc/self/oom_score_adj").read_text().strip())
try:
    bytearray(300 * 2**20)
except MemoryError:
    print("MemoryError")
# A smaller limit that exists is kept.
resource.setrlimit(resource.RLIMIT_DATA, (100 * 2**20, 100 * 2**20))
set_bounds(200 * 2**20)
print(resource.getrlimit(resource.RLIMIT_DATA)[0])
"""


def test_memory_of_the_process_is_limited():
    output = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
    assert output.splitlines() == [f"{200 * 2**20} 1000", "MemoryError", f"{100 * 2**20}"]
