"""Exports a Keras model to a SavedModel for one photo: input "image" is raw RGB, output "scores".

There are three kinds of input, because an integer file must not begin with a float operation:
- "uint8": uint8 [1, height, width, 3]; the cast to float is part of the graph. For float files.
- "ranged": float32 with the same values 0..255. Fake-quant nodes set the ranges of the input and of the scaling, which
  are known: 0..255, times the scale, plus the offset, over all channels. If they were calibrated from photos, the
  scaling of a MobileNet would lose a third of its levels before the first convolution. For int8 files.
- "float32": float32 with the same values, and no ranges. For int16x8 files: TFLite has no cast to 16 bits.

The export needs TensorFlow. Under another backend, this file runs in a child process.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, cast

import keras
import numpy as np
import tensorflow as tf

from edgetl.core.errors import ConfigError, StageError, first_line
from edgetl.core.interrupt import call_when_interrupted, check_interrupt
from edgetl.core.model_file import INPUT, OUTPUT
from edgetl.core.storage.files import hash_file
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import recurrent, rescaling
from edgetl.engines.processes.child import make_child_command

InputKind = Literal["uint8", "ranged", "float32"]

_PIXEL_RANGE = (0.0, 255.0)


def export_saved_model(model_path: Path, folder: Path, kind: InputKind, *, unroll: bool = False) -> None:
    """Export a .keras file to a SavedModel in `folder`.

    Args:
        model_path: the .keras file.
        folder: is made.
        kind: see above.
        unroll: whether recurrent layers are exported without loops: see `recurrent`.

    Raises:
        ConfigError: not a .keras file that can be loaded.
        StageError: the child process failed; the message contains the last line of its errors.
        Interrupted: ^C or SIGTERM was received.
    """
    if keras_model.get_backend() == "tensorflow":
        _export(_load_model(model_path, unroll=unroll), folder, kind)
        # The conversion that follows is one call into C code.
        check_interrupt()
        return
    command = make_child_command("edgetl.engines.keras.saved_model", str(model_path), str(folder), kind)
    command += ["unroll"] if unroll else []
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    # In a process group of its own, the child gets no ^C from the terminal: this process ends it.
    with (
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, process_group=0) as child,
        call_when_interrupted(child.kill),
    ):
        _, errors = child.communicate()
    check_interrupt()
    if child.returncode != 0:
        reason = (errors.strip().splitlines() or [f"exit code {child.returncode}"])[-1]
        raise StageError(f"the export to a SavedModel failed: {reason}", where=(model_path,))


def _load_model(path: Path, *, unroll: bool) -> keras.Model:
    """Load a .keras file. It stays in memory for the next export: most files of a build are of the same model."""
    try:
        sha256 = hash_file(path)
    except OSError as error:
        raise ConfigError(f"the model cannot be read: {first_line(error)}", where=(path,)) from error
    model = keras_model.load_for_prediction(path, sha256)
    if unroll and recurrent.can_unroll(model):
        recurrent.unroll_recurrent_layers(model)
        # The next export may need the loops.
        keras_model.load_for_prediction.cache_clear()
    return model


def _export(model: keras.Model, folder: Path, kind: InputKind) -> None:
    height_px, width_px = keras_model.read_input_size(model)
    serve = _serve_uint8(model) if kind == "uint8" else _serve_float32(model, with_ranges=kind == "ranged")
    dtype = tf.uint8 if kind == "uint8" else tf.float32
    # A fixed batch of one photo: with an open batch axis, the converters keep operators that compute shapes.
    signature = tf.TensorSpec((1, height_px, width_px, 3), dtype, name=INPUT)
    function = tf.function(serve, input_signature=[signature], autograph=False)
    # Keras's ExportArchive would trace the network three times, and save what a training needs: half of the time of an
    # export. Here it is traced once, and the variables that it reads are saved with it.
    traced = function.get_concrete_function()
    module = tf.Module()
    module.serve, module.read_variables = traced, traced.variables
    # The names of tensors in model files depend on the number of signatures, which are those of ExportArchive.
    signatures = {"serve": traced, tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY: traced}
    tf.saved_model.save(module, str(folder), signatures=signatures)


def _serve_uint8(model: keras.Model) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {OUTPUT: model(image, training=False)}

    return serve


def _serve_float32(model: keras.Model, *, with_ranges: bool) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Return the served function, with the scaling computed on the float input.

    The scaling layer is replaced because it begins with a cast.
    """
    layer = model.get_layer(rescaling.LAYER_NAME)
    # Keras would number an unnamed model, and the file, which contains the name, would differ between two conversions.
    # This adds inbound nodes to the layers after the scaling, which no conversion reads.
    network = keras.Model(layer.output, model.output, name="classifier")
    scale, offset = rescaling.read_rescaling(layer)
    multiplied_range, scaled_range = rescaling.compute_scaled_ranges(scale, offset)

    def set_range(tensor: tf.Tensor, limits: tuple[float, float]) -> tf.Tensor:
        if not with_ranges:
            return tensor
        return tf.quantization.fake_quant_with_min_max_args(tensor, min=limits[0], max=limits[1])

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        tensor = set_range(image, _PIXEL_RANGE)
        # An operation that changes nothing is left out: an integer file would round once more for it.
        if np.any(scale != 1):
            tensor = set_range(tensor * scale, multiplied_range)
        if np.any(offset != 0):
            tensor = set_range(tensor + offset, scaled_range)
        return {OUTPUT: network(tensor, training=False)}

    return serve


if __name__ == "__main__":
    _export(
        _load_model(Path(sys.argv[1]), unroll=sys.argv[4:] == ["unroll"]),
        Path(sys.argv[2]),
        cast(InputKind, sys.argv[3]),
    )
