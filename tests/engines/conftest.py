"""Keras 2 for the tests: a second Python process, started once, because tfmot must not be imported into this one."""

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest

_SERVER = """
import json, os, sys, traceback
lines = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
for line in sys.stdin:
    scope = {}
    try:
        exec(json.loads(line), scope)
        answer = {"result": scope.get("result")}
    except Exception:
        answer = {"failed": traceback.format_exc()}
    lines.write(json.dumps(answer) + "\\n")
"""


@pytest.fixture(scope="session")
def legacy() -> Iterator[Callable[[str], Any]]:
    """Runs code in the other process and gives what it leaves in `result`."""
    command = [sys.executable, "-c", _SERVER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        assert child.stdin is not None and child.stdout is not None

        def run(code: str) -> Any:
            child.stdin.write(json.dumps(textwrap.dedent(code)) + "\n")
            child.stdin.flush()
            answer = json.loads(child.stdout.readline())
            if "failed" in answer:
                pytest.fail(answer["failed"])
            return answer["result"]

        yield run
        child.stdin.close()
