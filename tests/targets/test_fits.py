"""fits.py: which Python on which processor, and the sentence for the others."""

import ast
import json
import shutil
from pathlib import Path

import pytest

LITERT = {"python": ">=3.10,<3.15", "architectures": ["aarch64", "x86_64"], "systems": ["bookworm", "trixie"]}
ARMV7 = {"python": ">=3.9,<3.12", "architectures": ["armv7l"], "systems": ["32-bit bookworm"]}


@pytest.fixture(scope="module")
def fits(payload):
    return payload("fits")


@pytest.mark.parametrize(
    ("runtime", "python", "machine", "bits"),
    [
        (LITERT, (3, 11), "aarch64", 64),
        (LITERT, (3, 13), "aarch64", 64),
        (LITERT, (3, 10), "x86_64", 64),
        (ARMV7, (3, 11), "armv7l", 32),
    ],
)
def test_what_fits(fits, runtime, python, machine, bits):
    assert fits.fault(runtime, python, machine, bits) == ""


@pytest.mark.parametrize(
    ("runtime", "python", "machine", "bits", "says"),
    [
        (
            LITERT,
            (3, 9),
            "aarch64",
            64,
            "There is no runtime for Python 3.9 on aarch64. This bundle runs with Python >=3.10,<3.15 on aarch64 or "
            "x86_64, for example on bookworm; trixie.",
        ),
        (LITERT, (3, 15), "aarch64", 64, "There is no runtime for Python 3.15 on aarch64. "),
        (LITERT, (3, 11), "armv7l", 32, "There is no runtime for Python 3.11 on armv7l. "),
        (LITERT, (3, 11), "riscv64", 64, "There is no runtime for Python 3.11 on riscv64. "),
        (ARMV7, (3, 13), "armv7l", 32, "There is no runtime for Python 3.13 on armv7l. "),
        (ARMV7, (3, 11), "aarch64", 64, "There is no runtime for Python 3.11 on aarch64. "),
        # 32-bit Raspberry Pi OS starts a 64-bit kernel on boards that can, and pip then looks for the wrong wheels.
        (ARMV7, (3, 11), "aarch64", 32, "This is a 32-bit system on a 64-bit kernel (aarch64)"),
        (LITERT, (3, 11), "aarch64", 32, "This bundle runs with Python >=3.10,<3.15 on aarch64 or x86_64"),
    ],
)
def test_what_does_not_is_said(fits, runtime, python, machine, bits, says):
    assert says in fits.fault(runtime, python, machine, bits)


def test_the_way_out_of_a_64_bit_kernel(fits):
    assert "arm_64bit=0" in fits.fault(ARMV7, (3, 11), "aarch64", 32)
    assert "arm_64bit=0" not in fits.fault(LITERT, (3, 11), "aarch64", 32)


@pytest.mark.parametrize(
    ("python", "wanted", "kept"),
    [
        ((3, 9), ">=3.10", False),
        ((3, 10), ">=3.10", True),
        ((3, 100), ">=3.10,<3.15", False),
        ((3, 12), "!=3.12", False),
        ((3, 12), "==3.12", True),
        ((3, 12), ">3.12", False),
        ((3, 12), "<=3.12", True),
    ],
)
def test_bounds(fits, python, wanted, kept):
    assert fits.within(python, wanted) is kept


def test_as_a_program(device, built, tmp_path):
    assert device.run(built["int8"], "fits.py").returncode == 0
    folder = shutil.copytree(built["int8"], tmp_path / "bundle")
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    facts["runtime"]["architectures"] = ["armv7l"]
    (folder / "model.json").write_text(json.dumps(facts), encoding="utf-8")
    done = device.run(folder, "fits.py")
    assert done.returncode == 2 and done.stdout == "" and done.stderr.startswith("There is no runtime for Python 3.")


def test_an_old_python_can_read_it():
    path = Path(__file__).parents[2] / "targets" / "common" / "fits.py"
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 4))
