"""NPUs: the summary of Vela, operators on the Cortex-M, sentences and JSON."""

import configparser
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import pytest

from edgetl.core.errors import MissingPackage
from edgetl.core.microcontroller import npu
from edgetl.core.microcontroller.npu import (
    NPUS,
    NpuFile,
    NpuName,
    describe_npu,
    list_fallback,
    parse_vela_summary,
    require_vela,
    summarize_npu,
    write_npu_files,
)

COLUMNS = (
    "experiment,core_clock,sram_memory_used,dram_memory_used,on_chip_flash_memory_used,off_chip_flash_memory_used,"
    "cycles_total"
)
SUMMARY = f"{COLUMNS}\ndefault,500000000.0,76.75,0.0,1.0,508.953125,678398\n"


def test_every_npu_has_a_row_and_a_target():
    targets = Path(__file__).parents[3] / "targets"
    assert {*get_args(NpuName)} == NPUS.keys() == {path.name for path in targets.glob("ethos-u*")}


@pytest.mark.skipif(find_spec("ethosu") is None, reason=f"Vela is not installed: {npu.INSTALL_VELA}")
def test_vela_has_the_systems_and_memory_modes_of_the_table():
    (folder,) = find_spec("ethosu").submodule_search_locations
    configuration = configparser.ConfigParser()
    configuration.read(Path(folder) / "config_files" / "Arm" / "vela.ini")
    for row in NPUS.values():
        assert {f"System_Config.{row.system}", f"Memory_Mode.{row.memory_mode}"} <= set(configuration.sections())
        assert configuration[f"System_Config.{row.system}"]["axi1_port"] == "OffChipFlash"


def test_figures_are_read_from_the_summary_in_bytes():
    figures = parse_vela_summary(SUMMARY)
    assert (figures.sram_bytes, figures.dram_bytes, figures.flash_bytes) == (78592, 0, 1024 + 521168)
    assert (figures.cycles, figures.clock_hz) == (678398, 500_000_000)
    assert figures.ms == pytest.approx(1.356796)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "0 rows"),
        (SUMMARY + SUMMARY.splitlines()[1], "2 rows"),
        (SUMMARY.replace("cycles_total", "cycles"), "lacks a column: 'cycles_total'"),
        (SUMMARY.replace(",678398", ""), "lacks a column"),
        (SUMMARY.replace("76.75", "none"), "could not convert"),
    ],
)
def test_another_summary_is_an_error(text, message):
    with pytest.raises(ValueError, match=message):
        parse_vela_summary(text)


def test_operators_that_are_not_on_the_npu_are_named_by_their_first_layer():
    operators = [("ethos-u", "a"), ("GELU", "block/gelu;block/add"), ("CUSTOM", "b\x1b[2J")]
    assert list_fallback(operators) == ("GELU block/gelu", "CUSTOM b?[2J")


def test_sentences_name_the_estimate_and_the_operators_on_the_processor(npu_file):
    memory, estimate, share, fallback, verdict = describe_npu(npu_file)
    assert "78,592 bytes of SRAM, 521,168 bytes of flash" in memory and "DRAM" not in memory
    assert estimate.startswith("Vela's estimate, not a measurement: 678,398 cycles a photo, 1.36 ms at 500 MHz")
    assert share == "operators on the NPU: 3 of 4 (75%)" and fallback == "on the Cortex-M: GELU block/gelu"
    assert "the NPU is not judged here" in verdict


def test_dram_is_named_where_it_is_used(npu_file):
    figures = npu_file.figures.model_copy(update={"dram_bytes": 2048})
    assert "2,048 bytes of DRAM" in describe_npu(npu_file.model_copy(update={"figures": figures}))[0]


def test_figures_for_json(npu_file):
    summary = summarize_npu(npu_file)
    assert (summary["npu"], summary["sram_bytes"], summary["cycles"]) == ("ethos-u55-128", 78592, 678398)
    assert summary["estimated_ms"] == 1.3568 and summary["fallback"] == ["GELU block/gelu"]


def test_the_record_has_a_path_inside_its_folder(npu_file, tmp_path):
    assert NpuFile.from_json(npu_file.to_json(tmp_path), tmp_path) == npu_file
    assert npu_file.contents() == {tmp_path / "model_vela.tflite": "1" * 64}


def test_absent_vela_is_an_error_with_the_command(monkeypatch):
    monkeypatch.setattr(npu, "find_spec", lambda _: None)
    with pytest.raises(MissingPackage) as caught:
        require_vela()
    assert caught.value.hint == "install it: pip install 'edgetl[ethos]'"


def test_the_compiled_file_has_a_page_with_its_figures(npu_file):
    files = write_npu_files(npu_file, b"compiled")
    assert files["ethos-u/model_vela.tflite"] == b"compiled"
    page = files["ethos-u/README.md"].decode()
    assert "- operators on the NPU: 3 of 4 (75%)\n- on the Cortex-M: GELU block/gelu\n" in page
    assert "`AddEthosU()`, and those of the operators on the Cortex-M." in page


def test_a_file_that_is_on_the_npu_needs_one_operator(npu_file):
    page = write_npu_files(npu_file.model_copy(update={"fallback": ()}), b"")["ethos-u/README.md"].decode()
    assert "`AddEthosU()`. Link TFLM" in page
