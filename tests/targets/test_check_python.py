"""check_python.py: which Python runs a bundle on which processor, and what it prints for the others."""

import ast
import json
import shutil
from pathlib import Path

import pytest

LITERT = {
    "python": ">=3.10,<3.15",
    "architectures": ["aarch64"],
    "other_architectures": ["x86_64"],
    "systems": ["bookworm", "trixie"],
}
ARMV7 = {
    "python": ">=3.9,<3.12",
    "architectures": ["armv7l"],
    "other_architectures": ["x86_64"],
    "systems": ["32-bit bookworm"],
}


@pytest.fixture(scope="module")
def check_python(import_payload):
    return import_payload("check_python")


@pytest.mark.parametrize(
    ("runtime", "python", "machine", "bits"),
    [
        (LITERT, (3, 11), "aarch64", 64),
        (LITERT, (3, 13), "aarch64", 64),
        (LITERT, (3, 10), "x86_64", 64),
        (ARMV7, (3, 11), "armv7l", 32),
        (ARMV7, (3, 11), "x86_64", 64),
    ],
)
def test_supported_python_and_processor_have_no_problem(check_python, runtime, python, machine, bits):
    assert check_python.explain_problem(runtime, python, machine, bits) == ""


@pytest.mark.parametrize(
    ("runtime", "python", "machine", "bits", "message"),
    [
        (
            LITERT,
            (3, 9),
            "aarch64",
            64,
            "There is no runtime for Python 3.9 on aarch64. This bundle needs Python >=3.10,<3.15 on aarch64 or "
            "x86_64, for example bookworm; trixie.",
        ),
        (LITERT, (3, 15), "aarch64", 64, "There is no runtime for Python 3.15 on aarch64. "),
        (LITERT, (3, 11), "armv7l", 32, "There is no runtime for Python 3.11 on armv7l. "),
        (LITERT, (3, 11), "riscv64", 64, "There is no runtime for Python 3.11 on riscv64. "),
        (ARMV7, (3, 13), "armv7l", 32, "There is no runtime for Python 3.13 on armv7l. "),
        (ARMV7, (3, 11), "aarch64", 64, "There is no runtime for Python 3.11 on aarch64. "),
        (ARMV7, (3, 11), "aarch64", 32, "This is a 32-bit system on a 64-bit kernel (aarch64)"),
        (LITERT, (3, 11), "aarch64", 32, "This bundle needs Python >=3.10,<3.15 on aarch64 or x86_64"),
    ],
)
def test_unsupported_python_or_processor_is_explained(check_python, runtime, python, machine, bits, message):
    assert message in check_python.explain_problem(runtime, python, machine, bits)


def test_only_a_bundle_for_32_bit_recommends_a_32_bit_kernel(check_python):
    assert "arm_64bit=0" in check_python.explain_problem(ARMV7, (3, 11), "aarch64", 32)
    assert "arm_64bit=0" not in check_python.explain_problem(LITERT, (3, 11), "aarch64", 32)


@pytest.mark.parametrize(
    ("python", "bounds", "satisfied"),
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
def test_version_bounds_are_compared_as_numbers(check_python, python, bounds, satisfied):
    assert check_python.is_version_within(python, bounds) is satisfied


def test_exit_code_is_2_where_the_bundle_cannot_run(device, bundles, tmp_path):
    assert device.run(bundles["int8"], "check_python.py").returncode == 0
    folder = shutil.copytree(bundles["int8"], tmp_path / "bundle")
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    facts["runtime"]["architectures"] = ["armv7l"]
    (folder / "model.json").write_text(json.dumps(facts), encoding="utf-8")
    completed = device.run(folder, "check_python.py")
    assert completed.returncode == 2 and completed.stdout == ""
    assert completed.stderr.startswith("There is no runtime for Python 3.")


def test_python_3_4_can_parse_it():
    path = Path(__file__).parents[2] / "targets" / "common" / "check_python.py"
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 4))
