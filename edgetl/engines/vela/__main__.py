"""Child process: Vela with limits of memory and time.

python -m edgetl.engines.vela MEMORY_BYTES LIMIT_S OPTIONS OF VELA
"""

import sys

from ethosu.vela import vela

from edgetl.engines.processes.limits import set_limits


def main() -> int:
    """Run Vela; return its exit code."""
    memory_bytes, limit_s, *arguments = sys.argv[1:]
    set_limits(int(memory_bytes), int(limit_s), int(limit_s))
    return int(vela.main(arguments) or 0)


if __name__ == "__main__":
    sys.exit(main())
