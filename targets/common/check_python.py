"""Check that this Python and this processor can run the bundle. Exit code 0, or 2 with what the bundle needs.

setup.sh runs it before anything is installed: it uses the standard library alone, and runs on old versions of Python 3.
"""

import json
import os
import platform
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  (nothing newer than Python 3.4 here)
MACHINES_64_BIT = ("aarch64", "x86_64")


def main() -> None:
    """Print why the bundle cannot run here and exit with code 2; return if it can."""
    with open(os.path.join(HERE, "model.json"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
        runtime = json.load(file)["runtime"]
    bits = 64 if sys.maxsize > 2**32 else 32
    problem = explain_problem(runtime, sys.version_info[:2], platform.machine(), bits)
    if problem:
        print(problem, file=sys.stderr)
        sys.exit(2)


def explain_problem(runtime: "dict[str, object]", python: "tuple[int, ...]", machine: str, bits: int) -> str:
    """Return why the bundle cannot run, in sentences; empty if it can.

    Args:
        runtime: `runtime` of model.json: "python" such as ">=3.10,<3.15", "architectures" of the board,
            "other_architectures", on which the bundle can be tried, and "systems", the names of operating systems that
            are known to work.
        python: version of Python, such as (3, 11).
        machine: architecture of the processor, as platform.machine() returns it.
        bits: word size of the running Python, 32 or 64.
    """
    bounds, board = str(runtime["python"]), list(runtime["architectures"])  # type: ignore[call-overload]
    architectures = board + list(runtime["other_architectures"])  # type: ignore[call-overload]
    systems = "; ".join(runtime["systems"])  # type: ignore[arg-type]
    requirement = "This bundle needs Python {} on {}{}.".format(
        bounds, " or ".join(architectures), ", for example " + systems if systems else ""
    )
    # 32-bit Raspberry Pi OS starts a 64-bit kernel on processors that have 64 bits. pip then looks for 64-bit packages,
    # which the 32-bit Python cannot load.
    if machine in MACHINES_64_BIT and bits == 32:
        reason = "This is a 32-bit system on a 64-bit kernel (" + machine + "): pip finds no packages for it."
        if "armv7l" in architectures:
            return reason + " On a Raspberry Pi, add arm_64bit=0 to /boot/firmware/config.txt and restart the board."
        return reason + " " + requirement
    if machine in architectures and is_version_within(python, bounds):
        return ""
    return "There is no runtime for Python " + ".".join(map(str, python)) + " on " + machine + ". " + requirement


def is_version_within(python: "tuple[int, ...]", bounds: str) -> bool:
    """Return whether a version such as (3, 11) satisfies all bounds of a list such as ">=3.10,<3.15"."""
    for operator, major, minor in re.findall(r"([<>=!]+)(\d+)\.(\d+)", bounds):
        # Versions are compared as tuples: as text or as a fraction, 3.9 would be later than 3.10.
        bound = (int(major), int(minor))
        satisfied = {
            ">=": python >= bound,
            "<=": python <= bound,
            ">": python > bound,
            "<": python < bound,
            "==": python == bound,
            "!=": python != bound,
        }
        if not satisfied[operator]:
            return False
    return True


if __name__ == "__main__":
    main()
