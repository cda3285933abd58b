"""A classifier made anywhere → the shape that everything here works on: raw uint8 RGB in, probabilities out.

In: a .keras file, or a .h5 of Keras 2 that Keras 3 can read, loaded with safe mode on. Out: a Keras 3 model with its
scaling as first layer, that answers what the file's model answers; `prove` holds them against each other.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import keras
import numpy as np

from edgetl.core.errors import ConfigError
from edgetl.core.evaluation import metrics
from edgetl.core.evaluation.agreement import check_close
from edgetl.core.network.input_scaling import Affine, InputScaling
from edgetl.core.parallel import predict_in_batches
from edgetl.engines.keras import legacy_h5, rescaling
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.build import SCORES

OutputKind = Literal["softmax", "sigmoid", "softmax logits", "sigmoid logits"]

# How far the probabilities of the wrapped model may be from those of the model in the file.
_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class BuiltInScaling:
    """What the model does to its photos itself: the scaling its first layers amount to, and what comes out of them."""

    numbers: Affine
    tensor: Any


def load_external(path: Path) -> keras.Model:
    """The model of a file, as one functional model.

    Raises:
        ConfigError: absent, not safe to load, or not one square RGB photo in and one row of scores out.
    """
    if not path.is_file():
        raise ConfigError("no such model file", where=(path,))
    keras_model.check_channels_last()
    if path.suffix in (".h5", ".hdf5"):
        with TemporaryDirectory(prefix="edgetl-keras2-") as folder:
            model = keras_model.load_model(legacy_h5.translate_h5(path, Path(folder)))
    else:
        model = keras_model.load_model(path)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ConfigError(
            f"the model has {len(model.inputs)} inputs and {len(model.outputs)} outputs, one of each is needed",
            where=(path,),
            hint="save the part that turns one photo into one row of scores: keras.Model(input, scores)",
        )
    _check_ends(model, path)
    computes = sorted({str(layer.compute_dtype) for layer in model.layers if layer.weights} - {"float32"})
    if computes:
        raise ConfigError(f"the model computes in {computes[0]}, float32 is needed", where=(path,))
    return keras.Model(model.inputs[0], model.outputs[0])


def has_built_in_scaling(model: keras.Model) -> bool:
    """Whether the first layers scale the photo, in the model itself or in a network nested at its beginning."""
    if find_built_in_scaling(model) is not None:
        return True
    nested = _readers(model, model.inputs[0])
    return len(nested) == 1 and isinstance(nested[0], keras.Model) and has_built_in_scaling(_functional(nested[0]))


def find_built_in_scaling(model: keras.Model) -> BuiltInScaling | None:
    """What the Rescaling and Normalization layers right behind the input amount to, None without any."""
    tensor, scale, offset, found = model.inputs[0], np.array(1.0), np.array(0.0), False
    while len(readers := _readers(model, tensor)) == 1:
        numbers = _numbers(readers[0])
        if numbers is None:
            break
        scale, offset = scale * numbers[0], offset * numbers[0] + numbers[1]
        tensor, found = readers[0].output, True
    return BuiltInScaling(Affine(_plain(scale), _plain(offset)), tensor) if found else None


def apply_scaling(pixels: np.ndarray, way: InputScaling) -> np.ndarray:
    """Photos as the model in the file wants them: uint8 RGB [n, side, side, 3] to float32 of the same shape."""
    scale, offset = (np.asarray(value, np.float32) for value in (way.numbers.scale, way.numbers.offset))
    scaled = pixels.astype(np.float32) * scale + offset
    return scaled[..., ::-1] if way.bgr else scaled


def predict_raw(model: keras.Model, photos: np.ndarray) -> np.ndarray:
    """Return the outputs [photos, units] for photos in the model's own input dtype, [photos, side, side, 3]."""
    return predict_in_batches(len(photos), keras_model.BATCH_SIZE, lambda rows: model.predict_on_batch(photos[rows]))


def classify_outputs(outputs: np.ndarray, path: Path) -> OutputKind:
    """What the outputs are, told from what they were.

    Raises:
        ConfigError: several outputs within 0..1 that do not add up to 1, or something that is no number.
    """
    if not np.isfinite(outputs).all():
        raise ConfigError("the model answers with something that is no number", where=(path,))
    within = bool((outputs > -1e-3).all() and (outputs < 1 + 1e-3).all())
    if outputs.shape[1] == 1:
        return "sigmoid" if within else "sigmoid logits"
    if within and not np.allclose(outputs.sum(axis=1), 1, atol=1e-2):
        raise ConfigError(
            "the outputs are independent of each other: they lie in 0..1 and do not add up to 1",
            where=(path,),
            hint="edgetl judges one class a photo: end the model in a softmax, or in one sigmoid for two classes",
        )
    return "softmax" if within else "softmax logits"


def to_probabilities(outputs: np.ndarray, answers: OutputKind) -> np.ndarray:
    """The outputs as probabilities, one column a class."""
    if answers == "sigmoid logits":
        outputs = 1 / (1 + np.exp(-outputs.astype(np.float64)))
    if answers == "softmax logits":
        raised = np.exp(outputs.astype(np.float64) - outputs.max(axis=1, keepdims=True))
        outputs = raised / raised.sum(axis=1, keepdims=True)
    return metrics.expand_sigmoid(outputs)


def wrap_model(model: keras.Model, way: InputScaling, answers: OutputKind, order: tuple[int, ...]) -> keras.Model:
    """The model that eats raw uint8 RGB; changes the weights of `model` where channels or classes change places.

    Args:
        model: from `opened`.
        way: how it is fed.
        answers: from `kind`; logits get the softmax or sigmoid they lack.
        order: for each class the output that stands for it.

    Raises:
        ConfigError: BGR, or classes in another order, where no layer's weights can take it up.
    """
    lifted = find_built_in_scaling(model)
    numbers = lifted.numbers if lifted else way.numbers
    if way.bgr:
        _read_rgb(model, lifted.tensor if lifted else model.inputs[0])
        numbers = numbers if not lifted else Affine(_turned(numbers.scale), _turned(numbers.offset))
    if order != tuple(range(len(order))):
        _reorder(model, order)
    side_px = keras_model.read_input_side(model)
    image = keras.Input((side_px, side_px, 3), dtype="uint8", name="image")
    body = keras.Model(lifted.tensor, model.outputs[0], name="body") if lifted else model
    body.name = "body"
    scores = body(rescaling.make_rescaling(numbers)(image))
    if answers == "softmax logits":
        scores = keras.layers.Softmax(name=SCORES)(scores)
    if answers == "sigmoid logits":
        scores = keras.layers.Activation("sigmoid", name=SCORES)(scores)
    return keras.Model(image, scores, name="classifier")


def check_wrapped(model: keras.Model, pixels: np.ndarray, expected: np.ndarray) -> None:
    """Check that the wrapped model predicts what the model in the file does.

    Args:
        model: from `wrap_model`.
        pixels: uint8 [photos, side, side, 3].
        expected: float [photos, classes], probabilities in the order of the classes.

    Raises:
        StageError: they differ by 1e-4 or more.
    """
    scores = metrics.expand_sigmoid(predict_raw(model, pixels))
    check_close(scores, expected, _TOLERANCE, error=("the wrapped model differs from the model in the file", ""))


def _check_ends(model: keras.Model, path: Path) -> None:
    shape, scores = tuple(model.inputs[0].shape), tuple(model.outputs[0].shape)
    if len(shape) != 4 or shape[3] != 3:
        raise ConfigError(f"the model must take RGB photos [photos, side, side, 3], not {list(shape)}", where=(path,))
    if shape[1] is None or shape[1] != shape[2]:
        raise ConfigError(
            f"the model must take square photos of one size, not {list(shape)}",
            where=(path,),
            hint="give its Input a fixed shape, and save it again",
        )
    if len(scores) != 2 or scores[1] is None:
        raise ConfigError(f"the model must answer one row of scores a photo, not {list(scores)}", where=(path,))


def _functional(model: keras.Model) -> keras.Model:
    return keras.Model(model.inputs, model.outputs)


def _readers(model: keras.Model, tensor: Any) -> list[Any]:
    """The steps that take this tensor.

    A nested model's `input` is its own inner one; what it is given here is told by its first node alone.
    """
    return [step for step in model.operations if any(read is tensor for read in step._inbound_nodes[0].input_tensors)]


def _numbers(step: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Scale and offset, float64 [] or [3] each; None for any other layer."""
    if isinstance(step, keras.layers.Rescaling):
        found = np.asarray(step.scale, np.float64), np.asarray(step.offset, np.float64)
    elif isinstance(step, keras.layers.Normalization) and not step.invert:
        mean, variance = (np.squeeze(np.asarray(value, np.float64)) for value in (step.mean, step.variance))
        scale = 1 / np.maximum(np.sqrt(variance), keras.config.epsilon())
        found = scale, -mean * scale
    else:
        return None
    return found if all(value.shape in ((), (3,)) for value in found) else None


def _plain(value: Any) -> float | tuple[float, ...]:
    return float(value) if np.ndim(value) == 0 else tuple(float(each) for each in value)


def _turned(value: float | tuple[float, ...]) -> float | tuple[float, ...]:
    return value[::-1] if isinstance(value, tuple) else value


def _read_rgb(model: keras.Model, tensor: Any) -> None:
    """Let the first convolution behind this tensor read RGB where it read BGR."""
    while len(readers := _readers(model, tensor)) == 1:
        reader = readers[0]
        if isinstance(reader, keras.layers.Conv2D) and reader.groups == 1:
            rescaling.reverse_input_channels(reader)
            return
        if isinstance(reader, keras.Model):
            nested = _functional(reader)
            _read_rgb(nested, nested.inputs[0])
            return
        numbers = _numbers(reader)
        blind = numbers is not None and all(value.ndim == 0 for value in numbers)
        if not blind and not isinstance(reader, keras.layers.ZeroPadding2D | keras.layers.Dropout):
            break
        tensor = reader.output
    raise ConfigError(
        "the model reads BGR, and it does not begin with one convolution whose kernel could be turned to read RGB",
        hint="turn the channels round inside the model, and save it again",
    )


def _reorder(model: keras.Model, order: tuple[int, ...]) -> None:
    """Put the outputs into the order of the classes, in the weights of the last Dense layer."""
    last = next(
        (
            layer
            for layer in reversed(model.layers)
            if not isinstance(layer, keras.layers.Activation | keras.layers.Softmax)
        ),
        None,
    )
    if isinstance(last, keras.Model):
        _reorder(last, order)
        return
    if not isinstance(last, keras.layers.Dense):
        raise ConfigError(
            "the labels are in another order than the folders, and the model does not end in a Dense layer",
            hint="name the folders so that they sort in the order of the outputs",
        )
    weights = last.get_weights()
    # One sigmoid p stands for (1 - p, p): turned round it is 1 - p, the sigmoid of the negative.
    turned = [-weight if last.units == 1 else weight[..., list(order)] for weight in weights]
    last.set_weights(turned)
