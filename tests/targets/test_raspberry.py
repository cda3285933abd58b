"""The Raspberry Pi targets: their facts are complete and sourced, and each says which packages its board installs."""

import ast
from pathlib import Path

import pytest

from edgetl.core.device import bundle_files, targets

TARGETS = Path(__file__).parents[2] / "targets"
BOARDS = ("raspberry-pi-3", "raspberry-pi-4", "raspberry-pi-5", "raspberry-pi-zero-2w")


@pytest.mark.parametrize("name", [*BOARDS, "raspberry-pi-armv7"])
def test_every_fact_is_there_and_says_where_it_comes_from(name):
    found = targets.find_target(name)
    assert found.device is not None and found.device.source.startswith("https://www.raspberrypi.com/")
    assert found.device.cores == 4 and 900_000_000 <= found.device.clock_hz <= 2_400_000_000
    assert found.device.ram_bytes >= 2**29 and found.runtime.systems
    assert found.title != targets.find_target("tflite").title


@pytest.mark.parametrize("name", BOARDS)
def test_a_64_bit_board_installs_litert_and_nothing_for_others(name):
    found = targets.find_target(name)
    lines = bundle_files.format_requirements(found).splitlines()[1:]
    assert [line for line in lines if "x86_64" in line or "armv7l" in line] == []
    assert any(line.startswith("ai-edge-litert") and 'platform_machine == "aarch64"' in line for line in lines)
    assert found.payload == targets.find_target("raspberry-pi").payload and found.runtime.accelerated


def test_the_64_bit_boards_carry_what_all_carry_and_the_demo():
    common = {file.name: file.path for file in targets.find_target("tflite").payload}
    found = {file.name: file.path for file in targets.find_target("raspberry-pi").payload}
    assert found.items() >= common.items()
    demo = {path.name for path in (TARGETS / "raspberry-pi").iterdir() if path.is_file()} - {"target.toml"}
    assert found.keys() - common.keys() == demo and "demo.py" in demo


def test_the_32_bit_board_installs_tflite_runtime_and_an_old_numpy():
    found = targets.find_target("raspberry-pi-armv7")
    lines = bundle_files.format_requirements(found).splitlines()[1:]
    bounds = 'python_version >= "3.9" and python_version < "3.12"'
    assert lines == [
        f"numpy>=1.23,<2 ; {bounds}",
        f"pillow>=9.4 ; {bounds}",
        f'tflite-runtime==2.14.0 ; platform_machine == "armv7l" and {bounds}',
    ]
    assert found.runtime.accelerated is False


def test_the_32_bit_board_carries_what_the_others_carry_and_a_runtime_of_its_own():
    found, others = targets.find_target("raspberry-pi-armv7"), targets.find_target("tflite")
    assert [file.name for file in found.payload] == [file.name for file in others.payload]
    runtimes = [next(file.path for file in target.payload if file.name == "runtime.py") for target in (found, others)]
    assert [path.parent.name for path in runtimes] == ["raspberry-pi-armv7", "tflite"]


def test_both_runtimes_are_the_same_but_for_the_package():
    def program(name: str) -> str:
        text = (TARGETS / name / "runtime.py").read_text(encoding="utf-8")
        text = text.replace("tflite_runtime", "ai_edge_litert").replace("tflite-runtime", "ai-edge-litert")
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
                node.body = node.body[1:]
        return ast.unparse(tree)

    assert program("raspberry-pi-armv7") == program("tflite")
