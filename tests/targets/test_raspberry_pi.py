"""The Raspberry Pi targets: their facts have sources, and each board installs and carries what it needs."""

import ast
from pathlib import Path

import pytest

from edgetl.core.device import bundle_files, targets

TARGETS = Path(__file__).parents[2] / "targets"
BOARDS_64_BIT = ("raspberry-pi-3", "raspberry-pi-4", "raspberry-pi-5", "raspberry-pi-zero-2w")


@pytest.mark.parametrize("name", [*BOARDS_64_BIT, "raspberry-pi-armv7"])
def test_facts_of_every_board_are_complete_and_sourced(name):
    target = targets.find_target(name)
    assert target.device is not None and target.device.source.startswith("https://www.raspberrypi.com/")
    assert target.device.cores == 4 and 900_000_000 <= target.device.clock_hz <= 2_400_000_000
    assert target.device.ram_bytes >= 2**29 and target.runtime.systems
    assert target.title != targets.find_target("tflite").title


@pytest.mark.parametrize("name", BOARDS_64_BIT)
def test_64_bit_board_installs_litert_on_the_board_and_on_a_pc(name):
    target = targets.find_target(name)
    lines = bundle_files.format_requirements(target).splitlines()[1:]
    assert [line for line in lines if "armv7l" in line] == []
    for machine in ("aarch64", "x86_64"):
        marker = f'platform_machine == "{machine}"'
        assert any(line.startswith("ai-edge-litert") and marker in line for line in lines)
    assert bundle_files.list_architectures(target) == ("aarch64",)
    assert bundle_files.list_other_architectures(target) == ("x86_64",)
    assert target.payload == targets.find_target("raspberry-pi").payload and target.runtime.accelerated


def test_64_bit_boards_carry_the_files_of_tflite_and_the_whole_demo():
    common = {file.name: file.path for file in targets.find_target("tflite").payload}
    payload = {file.name: file.path for file in targets.find_target("raspberry-pi").payload}
    assert payload.items() >= common.items()
    demo = {path.name for path in (TARGETS / "raspberry-pi").iterdir() if path.is_file()} - {"target.toml"}
    # The page of the browser target has the same styles.
    assert payload.keys() - common.keys() == demo | {"demo_page.css"} and "demo.py" in demo


def test_32_bit_board_installs_tflite_runtime_and_numpy_1():
    target = targets.find_target("raspberry-pi-armv7")
    lines = bundle_files.format_requirements(target).splitlines()[1:]
    bounds = 'python_version >= "3.9" and python_version < "3.12"'
    assert lines == [
        f"numpy>=1.23,<2 ; {bounds}",
        f"pillow>=9.4 ; {bounds}",
        f'tflite-runtime==2.14.0 ; platform_machine == "armv7l" and {bounds}',
    ]
    assert target.runtime.accelerated is False
    assert bundle_files.list_other_architectures(target) == ()


def test_32_bit_board_carries_the_same_files_with_another_runtime():
    target, tflite = targets.find_target("raspberry-pi-armv7"), targets.find_target("tflite")
    assert [file.name for file in target.payload] == [file.name for file in tflite.payload]
    runtimes = [next(file.path for file in board.payload if file.name == "runtime.py") for board in (target, tflite)]
    assert [path.parent.name for path in runtimes] == ["raspberry-pi-armv7", "tflite"]


def test_both_tflite_runtimes_differ_in_the_package_only():
    def normalize(name: str) -> str:
        text = (TARGETS / name / "runtime.py").read_text(encoding="utf-8")
        text = text.replace("tflite_runtime", "ai_edge_litert").replace("tflite-runtime", "ai-edge-litert")
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
                node.body = node.body[1:]
        return ast.unparse(tree)

    assert normalize("raspberry-pi-armv7") == normalize("tflite")
