"""The C files on Cortex-M: compiled without warnings, and run on emulated cores with the results of this machine."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.device.conftest import use_user_cache
from tools.emulation import microcontroller
from tools.emulation.microcontroller import CORES
from tools.emulation.store import EmulationError

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "targets" / "microcontroller" / "src"
PROGRAM = ROOT / "tests" / "targets" / "microcontroller_program.c"


@pytest.fixture
def tools():
    try:
        with use_user_cache():
            return microcontroller.find_tools()
    except EmulationError as error:
        pytest.skip(error.message)


def test_tools_that_are_not_prepared_are_named_with_their_command(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(EmulationError, match="tools/emulate prepare --microcontroller"):
        microcontroller.find_tools()


@pytest.mark.parametrize("core", CORES, ids=lambda core: core.name)
def test_files_compile_without_warnings_and_use_no_ram(tools, core, tmp_path):
    for source in sorted(FOLDER.glob("*.c")):
        for language in (("-std=c99",), ("-x", "c++", "-std=c++17")):
            compiled = tmp_path / "compiled.o"
            microcontroller.compile_sources(tools, core, [source], compiled, "-c", *language)
            flash, ram = microcontroller.measure_size(tools, compiled)
            assert 0 < flash < 4096 and ram == 0


# GNU's dialect allows the compiler to fuse operations, which the code must prevent where it changes a result.
@pytest.mark.parametrize("dialect", ["-std=c99", "-std=gnu11"])
@pytest.mark.parametrize("core", [core for core in CORES if core.board], ids=lambda core: core.name)
def test_emulated_cores_compute_what_this_machine_computes(tools, core, dialect, tmp_path):
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    sources = [*sorted(FOLDER.glob("*.c")), PROGRAM]
    include, host = f"-I{FOLDER}", tmp_path / "host"
    subprocess.run(["gcc", "-std=c99", "-O2", include, *sources, "-lm", "-o", host], check=True)
    expected = subprocess.run([host], capture_output=True, text=True, check=True).stdout
    program = microcontroller.link_program(tools, core, sources, tmp_path, dialect, include)
    assert len(expected.splitlines()) == 72
    assert microcontroller.run_program(tools, core, program) == expected
