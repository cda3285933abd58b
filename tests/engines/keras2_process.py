"""The process that runs test code with Keras 2: `python -m tests.engines.keras2_process`.

Each line of standard input is a JSON array [module, function, arguments]. The reply is a line with a JSON object: the
result of the function, or the traceback.
"""

import gc
import importlib
import json
import os
import sys
import traceback


def main() -> None:
    # Libraries print to standard output: replies get a copy of it, and everything else becomes standard error.
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        module, name, arguments = json.loads(line)
        try:
            reply = {"result": getattr(importlib.import_module(module), name)(*arguments)}
        except Exception:  # noqa: BLE001  # any exception is a failure of the test, not of this process
            reply = {"error": traceback.format_exc()}
        replies.write(json.dumps(reply) + "\n")
        # Keras models contain reference cycles. Those of all tests would take gigabytes.
        if "tf_keras" in sys.modules:
            sys.modules["tf_keras"].backend.clear_session()
        gc.collect()


if __name__ == "__main__":
    main()
