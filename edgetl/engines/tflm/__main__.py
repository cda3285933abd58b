"""Child process: opens a file in an arena, predicts a black photo, and prints what TensorFlow Lite Micro allocates.

    python -m edgetl.engines.tflm FILE ARENA_BYTES

TensorFlow Lite Micro prints to the stderr of the process, and ends the process where a file is damaged.
"""

import sys
from pathlib import Path

import numpy as np

from edgetl.core.errors import StageError
from edgetl.engines.tflm import interpreter


def main() -> int:
    """Run the program; return 1 where the file does not run."""
    path, arena_bytes = Path(sys.argv[1]), int(sys.argv[2])
    try:
        opened = interpreter.open_tflm_interpreter(path.read_bytes(), path, arena_bytes)
        image = opened.get_input_details(0)
        opened.set_input(np.zeros(image["shape"], image["dtype"]), 0)
        opened.invoke()
    except (StageError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    opened.print_allocations()
    return 0


if __name__ == "__main__":
    sys.exit(main())
