"""Says whether this Python on this processor can run the bundle, and if not, what can. Exit code 0 or 2.

Started by setup.sh before anything is installed, so it needs nothing but a Python 3, even an old one.
"""

import json
import os
import platform
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  (nothing newer than Python 3.4 here)
BITS_64 = ("aarch64", "x86_64")


def main() -> None:
    """Print what is in the way and end with exit code 2, if anything is."""
    with open(os.path.join(HERE, "model.json"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
        runtime = json.load(file)["runtime"]
    bits = 64 if sys.maxsize > 2**32 else 32
    found = fault(runtime, sys.version_info[:2], platform.machine(), bits)
    if found:
        print(found, file=sys.stderr)
        sys.exit(2)


def fault(runtime: "dict[str, object]", python: "tuple[int, ...]", machine: str, bits: int) -> str:
    """What is in the way, in sentences; empty if nothing is.

    Args:
        runtime: "python" as in ">=3.10,<3.15", "architectures", "systems": names of those that are known to fit.
        python: its version, as in (3, 11).
        machine: the processor's architecture, as platform.machine() gives it.
        bits: 32 or 64, of the running Python.
    """
    wanted, architectures = str(runtime["python"]), list(runtime["architectures"])  # type: ignore[call-overload]
    systems = "; ".join(runtime["systems"])  # type: ignore[arg-type]
    needed = "This bundle runs with Python {} on {}{}.".format(
        wanted, " or ".join(architectures), ", for example on " + systems if systems else ""
    )
    if machine in BITS_64 and bits == 32:
        reason = (
            "This is a 32-bit system on a 64-bit kernel (" + machine + "), for which pip finds no fitting packages."
        )
        if "armv7l" in architectures:
            return reason + " On a Raspberry Pi write arm_64bit=0 into /boot/firmware/config.txt and start it again."
        return reason + " " + needed
    if machine in architectures and within(python, wanted):
        return ""
    return "There is no runtime for Python " + ".".join(map(str, python)) + " on " + machine + ". " + needed


def within(python: "tuple[int, ...]", wanted: str) -> bool:
    """Whether a Python version, as in (3, 11), keeps all of a list of bounds, as in ">=3.10,<3.15"."""
    for operator, major, minor in re.findall(r"([<>=!]+)(\d+)\.(\d+)", wanted):
        bound = (int(major), int(minor))
        kept = {
            ">=": python >= bound,
            "<=": python <= bound,
            ">": python > bound,
            "<": python < bound,
            "==": python == bound,
            "!=": python != bound,
        }
        if not kept[operator]:
            return False
    return True


if __name__ == "__main__":
    main()
