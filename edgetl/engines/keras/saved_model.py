"""A Keras model → a SavedModel for one photo at a time: named input and output, raw RGB in, nothing else to know.

Three kinds, because an integer file must not begin with a float:
- "uint8": input uint8 [1, side, side, 3]; the cast to float is part of the graph. For float files.
- "ranged": input float32 of the same values, with the ranges of input and scaling pinned by fake-quant nodes. They are
  known exactly (0..255, times the scale, plus the offset, over all channels), so they must not be estimated from
  photos: left to calibration, the scaling of a MobileNet loses a third of its levels before the first convolution. For
  int8 files.
- "float32": input float32 of the same values, nothing pinned. For int16x8 files: TFLite casts nothing to 16 bits.

The export needs TensorFlow. Under another backend this file runs as a child process of its own.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, cast

import keras
import numpy as np
import tensorflow as tf

from edgetl.core.errors import StageError
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import rescaling

InputKind = Literal["uint8", "ranged", "float32"]
INPUT, OUTPUT = "image", "scores"


def export_saved_model(model_path: Path, folder: Path, kind: InputKind) -> None:
    """Write the SavedModel of a .keras file into `folder`.

    Raises:
        StageError: the export failed; the message carries the reason.
    """
    if keras_model.get_backend() == "tensorflow":
        _export(keras_model.load_model(model_path), folder, kind)
        return
    # -P: the current folder, which may hold anybody's files, is no place to import from.
    command = [sys.executable, "-P", "-m", "edgetl.engines.keras.saved_model", str(model_path), str(folder), kind]
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    child = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if child.returncode != 0:
        reason = (child.stderr.strip().splitlines() or [f"exit code {child.returncode}"])[-1]
        raise StageError(f"the export to a SavedModel failed: {reason}", where=(model_path,))


def _export(model: keras.Model, folder: Path, kind: InputKind) -> None:
    side_px = keras_model.read_input_side(model)
    serve, tracked = _raw(model) if kind == "uint8" else _scaled(model, pin=kind == "ranged")
    dtype = tf.uint8 if kind == "uint8" else tf.float32
    archive = keras.export.ExportArchive()
    archive.track(tracked)
    archive.add_endpoint("serve", serve, input_signature=[tf.TensorSpec((1, side_px, side_px, 3), dtype, name=INPUT)])
    archive.write_out(str(folder), verbose=False)


def _raw(model: keras.Model) -> tuple[Any, keras.Model]:
    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {OUTPUT: model(image, training=False)}

    return serve, model


def _scaled(model: keras.Model, *, pin: bool) -> tuple[Any, keras.Model]:
    """The model with its scaling done here, on floats, so that no cast stands between."""
    layer = model.get_layer(rescaling.LAYER_NAME)
    # Its name gets into the file; one that Keras counts up would make each conversion in a process differ.
    rest = keras.Model(layer.output, model.output, name="classifier")
    scale, offset = rescaling.read_rescaling(layer)
    after_scale, after_offset = rescaling.compute_scaled_ranges(scale, offset)

    def pinned(value: tf.Tensor, held: tuple[float, float]) -> tf.Tensor:
        return tf.quantization.fake_quant_with_min_max_args(value, min=held[0], max=held[1]) if pin else value

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        value = pinned(image, (0.0, 255.0))
        # A step that changes nothing is left out: an integer file would round once more for it.
        if np.any(scale != 1):
            value = pinned(value * scale, after_scale)
        if np.any(offset != 0):
            value = pinned(value + offset, after_offset)
        return {OUTPUT: rest(value, training=False)}

    return serve, rest


if __name__ == "__main__":
    _export(keras_model.load_model(Path(sys.argv[1])), Path(sys.argv[2]), cast(InputKind, sys.argv[3]))
