#!/usr/bin/env python3
"""Measure networks for microcontrollers: the arena by network, or verdict, arena and flash of two networks on photos.

    python tools/measure_micro.py --table          # the rows of core/microcontroller/fit.py; minutes
    python tools/measure_micro.py PHOTOS           # MobileNet 0.25 at 96 px and MobileNetV2 0.35 at 128 px; trains
    python tools/measure_micro.py PHOTOS --epochs 3

The rows of --table are int8 files with random weights, five classes and one output at 96 px. The last line has the
figures that ST publishes for the second network on an STM32H747, with its own runtime.

Needs `pip install 'edgetl[micro]'`.
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

from edgetl.core.microcontroller.arena import compute_scratch_bytes
from edgetl.core.microcontroller.fit import MEASURED_SIDE_PX
from edgetl.engines.tflite import layers
from edgetl.engines.tflm import memory

_ALPHAS = {"mobilenet": (0.25, 0.5, 0.75, 1.0), "mobilenet_v2": (0.35, 0.5, 0.75, 1.0)}
_BUILDERS = {"mobilenet": keras.applications.MobileNet, "mobilenet_v2": keras.applications.MobileNetV2}
_NETWORKS = (("mobilenet", "0.25", "96"), ("mobilenet_v2", "0.35", "128"))
# Source: ST, stm32ai-modelzoo, image classification, MobileNetV2 0.35 at 128 px for flowers, int8, STM32H747I-DISCO.
_ST = "MobileNetV2 0.35 at 128 px by ST on STM32H747: activations 237 KiB, weights 407 KiB, 94 ms"


def main() -> None:
    """Measure what the options say, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="?", type=Path, help="a folder of labelled photos")
    parser.add_argument("--table", action="store_true", help="the arena by network, without photos")
    parser.add_argument("--epochs", type=int, default=15, help="epochs of the head; the base is trained for a third")
    options = parser.parse_args()
    if options.table:
        for base, alphas in _ALPHAS.items():
            for alpha in alphas:
                print(json.dumps(_measure_network(base, alpha)), flush=True)
        return
    if options.photos is None:
        parser.error("PHOTOS or --table")
    for network in _NETWORKS:
        print(json.dumps(_build(options.photos, network, options.epochs)), flush=True)
    print(_ST)


def _measure_network(base: str, alpha: float) -> dict[str, Any]:
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


def _build(photos: Path, network: tuple[str, str, str], epochs: int) -> dict[str, Any]:
    """Build for an STM32H747 and return the figures of the file."""
    base, alpha, side = network
    with TemporaryDirectory() as work:
        command = [
            *(sys.executable, "-m", "edgetl", "build", str(photos), "--out", f"{work}/run", "--json"),
            *("--target", "stm32h747", "--method", "int8", "--base", base, "--alpha", alpha, "--side", side),
            *("--epochs", str(epochs), "--fine-tune-epochs", str(max(1, epochs // 3))),
        ]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout
        delivered = json.loads(output)
    verdict = delivered["verdict"]
    return {
        "network": f"{base} {alpha} at {side} px",
        "outcome": verdict["outcome"],
        "keras_accuracy": round(verdict["reference_accuracy"], 4),
        "accuracy": round(verdict["accuracy"], 4),
        "photos": verdict["photos"],
        "model_bytes": delivered["model_bytes"],
        **delivered["memory"][0],
    }


if __name__ == "__main__":
    main()
