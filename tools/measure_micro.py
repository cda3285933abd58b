#!/usr/bin/env python3
"""Measure networks for microcontrollers: the arena by network, or verdict, arena and NPUs of two networks on photos.

    python tools/measure_micro.py --table --write    # the rows of core/microcontroller/fit.py; minutes
    python tools/measure_micro.py PHOTOS --write     # MobileNet 0.25 at 96 px and MobileNetV2 0.35 at 128 px; trains
    python tools/measure_micro.py PHOTOS --epochs 3

The rows of --table are int8 files with random weights, five classes and one output at 96 px. Without --epochs, the
networks are trained by the default recipe. `tools/tables/micro.py` has the figures that ST publishes for the second
network, with its own runtime.

Needs `pip install 'edgetl[micro,ethos]'`.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from edgetl.core.device.targets import find_target
from edgetl.core.errors import StageError
from edgetl.core.microcontroller.arena import compute_scratch_bytes
from edgetl.core.microcontroller.fit import MEASURED_SIDE_PX
from edgetl.core.microcontroller.latency import estimate_latency
from edgetl.core.microcontroller.npu import NPUS, summarize_npu
from edgetl.core.records import Artifact
from edgetl.core.run.run_folder import read_finished_stage
from edgetl.engines.tflite import layers
from edgetl.engines.tflm import memory
from edgetl.engines.vela import compiler
from tools.errors import report_errors
from tools.results_files import Row, add_write_option, check_machine, write_rows

_ALPHAS = {"mobilenet": (0.25, 0.5, 0.75, 1.0), "mobilenet_v2": (0.35, 0.5, 0.75, 1.0)}
_BUILDERS = {"mobilenet": keras.applications.MobileNet, "mobilenet_v2": keras.applications.MobileNetV2}
_NETWORKS = (("mobilenet", "0.25", "96"), ("mobilenet_v2", "0.35", "128"))
_BOARD, _METHOD = "stm32h747", "int8"


def main() -> None:
    """Measure what the options name; print each row, or write them."""
    options = _parse_options()
    name, key = ("micro_networks", ("base", "alpha")) if options.table else ("micro", ("network",))
    if options.write:
        check_machine(options.write / f"{name}.jsonl")
    if options.table:
        pairs = [(base, alpha) for base, alphas in _ALPHAS.items() for alpha in alphas]
        rows = [_print_row(_measure_network(base, alpha)) for base, alpha in pairs]
    else:
        rows = [_print_row(_build(options.photos, network, options.epochs)) for network in _NETWORKS]
    if options.write:
        write_rows(options.write / f"{name}.jsonl", rows, key)


def describe_build(network: tuple[str, str, str], delivered: dict[str, Any], run: Path) -> Row:
    """Make a row of a finished build.

    Args:
        network: base, alpha and side.
        delivered: what `edgetl build --json` printed.
        run: its run folder.
    """
    base, alpha, side = network
    verdict, memory_use = delivered["verdict"], delivered["memory"][0]
    device = find_target(_BOARD).device
    low, high = estimate_latency(device, memory_use["multiplications"]) or (0.0, 0.0)
    kernels = [np.load(run / f"score-tflite-{_METHOD}-{name}-test" / "scores.npy") for name in ("reference", "tflm")]
    return {
        "network": f"{base} {alpha} at {side} px",
        "outcome": verdict["outcome"],
        "photos": verdict["photos"],
        "keras_accuracy": round(verdict["reference_accuracy"], 4),
        "accuracy": round(verdict["accuracy"], 4),
        "unequal_photos": int((kernels[0] != kernels[1]).any(axis=1).sum()),
        "model_bytes": delivered["model_bytes"],
        **{
            name: memory_use[name] for name in ("arena_bytes", "arena_measured_bytes", "flash_bytes", "multiplications")
        },
        "low_ms": round(low, 1),
        "high_ms": round(high, 1),
        "tflite_micro": memory_use["tflite_micro"],
    }


def _print_row(row: Row) -> Row:
    print(json.dumps(row), flush=True)
    return row


def _measure_network(base: str, alpha: float) -> Row:
    """Convert a network with random weights and measure its arena."""
    keras.backend.clear_session()
    shape = (MEASURED_SIDE_PX, MEASURED_SIDE_PX, 3)
    network = _BUILDERS[base](input_shape=shape, alpha=alpha, weights=None, include_top=False, pooling="avg")
    for layer in network.layers:
        # A variance of 1 shrinks the outputs of random weights layer by layer, to scales that TFLM's softmax refuses.
        if isinstance(layer, keras.layers.BatchNormalization):
            *rest, variance = layer.get_weights()
            layer.set_weights([*rest, variance * 0.02])
    model = keras.Model(network.input, keras.layers.Dense(5, activation="softmax")(network.output))
    with TemporaryDirectory() as work:
        model.export(f"{work}/saved_model", verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(f"{work}/saved_model")
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        random = np.random.default_rng(0)
        converter.representative_dataset = lambda: ([random.random((1, *shape), np.float32)] for _ in range(2))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
        path = Path(work) / "model.tflite"
        path.write_bytes(converter.convert())
        use, tested_bytes = memory.measure_arena(path)
        operators = layers.measure_layers(path)
        return {
            "base": base,
            "alpha": alpha,
            "model_bytes": path.stat().st_size,
            "head_bytes": use.head_bytes,
            "rest_bytes": tested_bytes - use.head_bytes + compute_scratch_bytes(operators),
            "multiplications": sum(layer.multiplications for layer in operators),
        }


def _build(photos: Path, network: tuple[str, str, str], epochs: int | None) -> Row:
    """Build for the board, compile the file for each NPU, and return the figures."""
    base, alpha, side = network
    training = ["--epochs", str(epochs), "--fine-tune-epochs", str(max(1, epochs // 3))] if epochs else []
    with TemporaryDirectory() as work:
        run = Path(work) / "run"
        command = [
            *(sys.executable, "-m", "edgetl", "build", str(photos), "--out", str(run), "--json"),
            *("--target", _BOARD, "--method", _METHOD, "--base", base, "--alpha", alpha, "--side", side, *training),
        ]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout
        row = describe_build(network, json.loads(output), run)
        return row | {"epochs": epochs or 0, "npus": compile_for_npus(run)}


def compile_for_npus(run: Path) -> list[Row]:
    """Compile the int8 file of a run for each NPU.

    Raises:
        StageError: the run has no such file, or Vela does not compile it.
    """
    finished = read_finished_stage(run / f"convert-tflite-{_METHOD}", Artifact)
    if finished is None:
        raise StageError("the run has no int8 file", where=(run,))
    rows = []
    for npu in NPUS.values():
        with TemporaryDirectory() as folder:
            rows.append(summarize_npu(compiler.compile_file(finished.record, npu, Path(folder))))
    return rows


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="?", type=Path, help="a folder of labelled photos")
    parser.add_argument("--table", action="store_true", help="the arena by network, without photos")
    parser.add_argument("--epochs", type=int, help="epochs of the head; the base is trained for a third of them")
    add_write_option(parser)
    options = parser.parse_args()
    if not options.table and options.photos is None:
        parser.error("PHOTOS or --table")
    return options


if __name__ == "__main__":
    with report_errors():
        main()
