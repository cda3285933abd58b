"""Predicts photos with a .tflite file on LiteRT, with one single-threaded interpreter for each core.

`Predictions.accelerated` is read from the interpreter: LiteRT silently uses its own kernels where XNNPACK cannot start.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgetl.core.device.host_latency import measure_host_latency
from edgetl.core.errors import ConfigError, StageError, first_line
from edgetl.core.formats import KernelSet
from edgetl.core.network.quantization import dequantize, quantize_pixels
from edgetl.core.parallel import Predictions, join_outputs, predict_in_parallel, predict_one_by_one, split_outputs
from edgetl.core.photos.pixel_store import Pixels

WITHOUT_DELEGATES = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
# The message of LiteRT for an operator that a kernel set lacks. Its reference kernels lack ELU and others.
_MISSING_OPERATOR = re.compile(r"Didn't find op for builtin opcode '(?P<name>\w+)'")
RESOLVERS = {"xnnpack": OpResolverType.AUTO, "reference": OpResolverType.BUILTIN_REF}


def predict_file(path: Path, photos: Pixels, kernels: KernelSet, advance: Callable[[int], None]) -> Predictions:
    """Predict photos with a .tflite file.

    Args:
        path: a file with one uint8 or float image input of batch 1 and one output.
        photos: uint8 [photos, height, width, 3].
        kernels: "xnnpack", as on devices, or "reference", which computes the same integers on every processor.
        advance: called with the number of photos of each chunk, from several threads.

    Raises:
        ConfigError: not a TFLite file, or its input does not match the photos.
        StageError: the kernel set lacks an operator.
    """
    outputs, interpreters = predict_all_outputs(path, photos, kernels, advance)
    scores, *features = dequantize_outputs(outputs, interpreters[0])
    return Predictions(
        raw=outputs[0],
        scores=scores,
        # After the photos, when no other thread computes. The input is the last photo of this interpreter.
        latency=measure_host_latency(interpreters[0].invoke),
        accelerated=all(map(_has_delegate, interpreters)),
        features=features[0] if features else None,
    )


def predict_all_outputs(
    path: Path, photos: Pixels, kernels: KernelSet, advance: Callable[[int], None]
) -> tuple[list[np.ndarray], list[Interpreter]]:
    """Predict photos with a .tflite file; arguments and errors as in `predict_file`.

    Returns:
        The values of each output, [photos, units] in its own dtype, and the interpreters.
    """
    interpreters: list[Interpreter] = []

    def predict_chunks(chunks: list[np.ndarray]) -> list[np.ndarray]:
        interpreter = open_interpreter(path, RESOLVERS[kernels])
        interpreters.append(interpreter)
        check_input(interpreter, path, photos)
        indices = [output["index"] for output in interpreter.get_output_details()]

        def predict_photo(photo: np.ndarray) -> np.ndarray:
            invoke(interpreter, photo)
            return join_outputs([interpreter.get_tensor(index)[0] for index in indices])

        return predict_one_by_one(photos, chunks, predict_photo, advance)

    return split_outputs(predict_in_parallel(len(photos), predict_chunks)), interpreters


def dequantize_outputs(outputs: Sequence[np.ndarray], interpreter: Interpreter) -> list[np.ndarray]:
    """Dequantize the values of each output: float32 of the same shapes."""
    details = interpreter.get_output_details()
    return [dequantize(raw, *detail["quantization"]) for raw, detail in zip(outputs, details, strict=True)]


def invoke(interpreter: Interpreter, photo: np.ndarray) -> None:
    """Predict a photo, uint8 [1, height, width, 3]."""
    image = interpreter.get_input_details()[0]
    interpreter.set_tensor(image["index"], quantize_pixels(photo, image["quantization"], image["dtype"]))
    interpreter.invoke()


def try_file(path: Path) -> None:
    """Predict a black photo with the fast kernels.

    Raises:
        ConfigError: not a TFLite file.
        StageError: the runtime failed.
    """
    interpreter = open_interpreter(path, RESOLVERS["xnnpack"])
    try:
        interpreter.invoke()
    except (ValueError, RuntimeError) as error:
        raise StageError(f"LiteRT cannot run the file: {first_line(error)}", where=(path,)) from error


def runs_xnnpack(path: Path) -> bool:
    """Return whether XNNPACK runs the file, or a part of it, on this host."""
    return _has_delegate(open_interpreter(path, RESOLVERS["xnnpack"]))


def open_interpreter(path: Path, resolver: OpResolverType) -> Interpreter:
    """Open a file with one input and one output in a single-threaded interpreter.

    Raises:
        ConfigError: not a TFLite file, or another number of inputs or outputs.
        StageError: the kernel set lacks an operator.
    """
    try:
        interpreter = Interpreter(model_path=str(path), num_threads=1, experimental_op_resolver_type=resolver)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        missing = _MISSING_OPERATOR.search(str(error))
        if missing is not None:
            kernels = "reference kernels" if resolver == RESOLVERS["reference"] else "kernels"
            raise StageError(f"LiteRT has no {kernels} for {missing['name']}", where=(path,)) from error
        raise ConfigError(f"not a TFLite file that can be run: {first_line(error)}", where=(path,)) from error
    inputs, outputs = len(interpreter.get_input_details()), len(interpreter.get_output_details())
    # The second output is that of `features`.
    if inputs != 1 or outputs not in (1, 2):
        raise ConfigError(f"the model has {inputs} inputs and {outputs} outputs, one of each is needed", where=(path,))
    return interpreter


def check_input(interpreter: Interpreter, path: Path, photos: Pixels) -> None:
    """Check that the input of a file has the shape of the photos.

    Raises:
        ConfigError: it has another one.
    """
    expected = (1, *photos.input_spec.shape)
    shape = tuple(map(int, interpreter.get_input_details()[0]["shape"]))
    if shape != expected:
        raise ConfigError(f"the model's input is {shape}, the photos are {expected}", where=(path,))


def _has_delegate(interpreter: Interpreter) -> bool:
    # LiteRT has no public function for this. A delegate appears as an operator in the list of operators.
    return any(node["op_name"] == "DELEGATE" for node in interpreter._get_ops_details())
