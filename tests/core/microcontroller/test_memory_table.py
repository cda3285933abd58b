"""Memory of a file in sentences, and the boards that it fits into."""

from edgetl.core.device.targets import list_targets
from edgetl.core.microcontroller.latency import describe_latency
from edgetl.core.microcontroller.memory_table import describe_memory, summarize_memory, tabulate_fit
from edgetl.core.microcontroller.npu import describe_npu, summarize_npu
from edgetl.core.records import Artifact


def make_artifact(**fields):
    return Artifact.model_construct(**{"method": "int8", "bytes": 800_000, "features": 0, **fields})


def test_sentences_name_arena_flash_and_computation(memory):
    lines = describe_memory(memory, make_artifact(features=4))
    assert lines == [
        "arena: 5,168 bytes: 5,008 in tflite-micro 1.0 on this machine, and at most 160 for the kernels of CMSIS-NN",
        "flash: 880,000 bytes for the model and the features of training photos, beside the program",
        "computation: 0.0 million multiplications and additions a photo",
    ]
    assert "features" not in describe_memory(memory, make_artifact())[1]


def test_every_board_says_what_does_not_fit(memory):
    large = memory.model_copy(update={"tested_bytes": 400_000})
    title, columns, rows = tabulate_fit(large, make_artifact(), list_targets())
    assert "boards" in title and all(len(row) == len(columns) for row in rows)
    fits = {row[0]: row[-1] for row in rows}
    assert fits["arduino-nano-33-ble"] == "no: arena and flash" and fits["stm32h747"] == "yes"
    assert "tflite" not in fits and "microcontroller" not in fits


def test_the_estimate_of_a_board_has_a_source(memory):
    targets = list_targets()
    latencies = {row[0]: row[3] for row in tabulate_fit(memory, make_artifact(), targets)[2]}
    assert " … " in latencies["rp2350"] and latencies["esp32-s3"] == ""
    lines = describe_memory(memory, make_artifact(), targets)[3:]
    assert lines == describe_latency({"Cortex-M4", "Cortex-M7", "Cortex-M33"}) and len(lines) == 2


def test_figures_for_json(memory):
    summary = summarize_memory(memory, make_artifact())
    assert (summary["arena_bytes"], summary["flash_bytes"], summary["tflite_micro"]) == (5168, 800_000, "1.0")


def test_the_npu_of_a_target_is_described_after_the_memory(memory, npu_file):
    compiled = memory.model_copy(update={"npu": (npu_file,)})
    assert describe_memory(compiled, make_artifact())[3:] == describe_npu(npu_file)
    assert summarize_memory(compiled, make_artifact())["npu"] == [summarize_npu(npu_file)]
    assert summarize_memory(memory, make_artifact())["npu"] == []
