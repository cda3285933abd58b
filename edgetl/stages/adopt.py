"""A model made anywhere → Trained: loaded safely, fed as its maker says, and tried on photos of known classes first.

The trials take photos of the training and validation parts, never of the test part.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgetl.core import input_scaling
from edgetl.core.console import Console
from edgetl.core.errors import ConfigError
from edgetl.core.evaluation import preprocessing_check
from edgetl.core.input_scaling import InputScaling
from edgetl.core.photos import pixel_store
from edgetl.core.recipe import ExternalRecipe
from edgetl.core.records import Dataset, ExternalModelInfo, InputSpec, Trained
from edgetl.core.runs import hash_file
from edgetl.engines.keras import external
from edgetl.engines.keras import model as keras_model

_TRIED_PHOTOS = 256


@dataclass(frozen=True, slots=True)
class _Trial:
    """Photos of known classes, and which class each output stands for."""

    pixels: np.ndarray
    labels: np.ndarray
    class_of: tuple[int, ...]


def inspect_external(told: ExternalRecipe) -> ExternalModelInfo:
    """What must be known of the model before a photo is decoded.

    Raises:
        ConfigError: see `engines.own.opened`.
    """
    return ExternalModelInfo(side_px=keras_model.read_input_side(external.load_external(Path(told.path))))


def adopt_external(
    told: ExternalRecipe, dataset: Dataset, shape: InputSpec, folder: Path, *, console: Console
) -> Trained:
    """Write model.keras, which eats raw RGB and answers as the given model does, into `folder`.

    Raises:
        ConfigError: a model that cannot be taken, a preprocessing that is not stated or is stated wrongly, labels that
            are not those of the folders or not in the order of the outputs.
        StageError: the model that was written does not answer as the given one.
    """
    path = Path(told.path)
    model = external.load_external(path)
    inside = external.has_built_in_scaling(model)
    way = _way(told, inside)
    trial = _trial(told, dataset, shape, int(model.outputs[0].shape[1]))
    outputs = external.predict_raw(model, external.apply_scaling(trial.pixels, way))
    answers = external.classify_outputs(outputs, path)
    expected = external.to_probabilities(outputs, answers)
    tried = [
        (
            other,
            external.to_probabilities(
                external.predict_raw(model, external.apply_scaling(trial.pixels, other)), answers
            ),
        )
        for other in input_scaling.list_alternatives(way, inside=inside)
    ]
    best = max(tried, key=lambda one: (_right(one[1], trial).sum(), np.log(_of_truth(one[1], trial)).mean()))
    # Swapped colours can pass for swapped labels, and the other way round: what explains more of the photos is told.
    reordered = _reordered(trial, expected, len(dataset.classes))
    if reordered is None or _right(best[1], trial).sum() >= _right(expected, reordered).sum():
        _compare((way, expected), best, trial, console)
    _check_order(trial, reordered, _right(expected, trial), dataset.classes, console)
    order = tuple(int(at) for at in np.argsort(trial.class_of))
    console.say(
        f"  {path.name}: photos of {shape.side_px} px by {shape.fit}, scaling {way.name}, outputs are {answers}"
        + (", to which the missing step was added" if answers.endswith("logits") else "")
    )
    made = external.wrap_model(model, way, answers, order)
    external.check_wrapped(made, trial.pixels, expected[:, list(order)])
    written = folder / "model.keras"
    keras_model.save_model(made, written)
    return Trained(
        path=written,
        sha256=hash_file(written),
        base="external",
        alpha=1.0,
        weights=f"{path.name} sha256 {hash_file(path)}, scaling {way.name}",
        input=shape,
        classes=dataset.classes,
        activation="sigmoid" if answers.startswith("sigmoid") else "softmax",
        parameters=int(made.count_params()),
        phases=(),
        dataset_sha256=dataset.sha256,
        backend=keras_model.get_backend(),
        device=keras_model.get_device(),
        precision="float32",
    )


def _way(told: ExternalRecipe, inside: bool) -> InputScaling:
    if inside:
        if told.scaling not in ("", "none", "none-bgr"):
            raise ConfigError(
                f"the model's first layers scale its photos: with --scaling {told.scaling} it would be done twice",
                where=(told.path,),
                hint="leave --scaling out, or say --scaling none",
            )
        return input_scaling.parse_scaling(told.scaling or "none")
    if not told.scaling:
        raise ConfigError(
            "how the model's photos were scaled must be said: no layer at its beginning does it",
            where=(told.path,),
            hint="--scaling tf is -1..1, 0..1 is x / 255, torch and caffe are Keras's, none feeds 0..255 as they are",
        )
    return input_scaling.parse_scaling(told.scaling)


def _trial(told: ExternalRecipe, dataset: Dataset, shape: InputSpec, units: int) -> _Trial:
    known = (*dataset.validation, *dataset.train)
    rows = np.linspace(0, len(known) - 1, min(len(known), _TRIED_PHOTOS)).round().astype(np.int64)
    photos = [known[row] for row in rows]
    pixels = pixel_store.open_pixels([photo.sha256 for photo in photos], shape).rows(range(len(photos)))
    return _Trial(pixels, np.array([photo.label for photo in photos]), _class_of(told, dataset, max(2, units)))


def _class_of(told: ExternalRecipe, dataset: Dataset, outputs: int) -> tuple[int, ...]:
    """For each output the class it stands for."""
    classes = dataset.classes
    if outputs != len(classes):
        raise ConfigError(
            f"the model tells {outputs} classes apart, the photos have {len(classes)}",
            where=(told.path, dataset.root),
            hint="one folder for each class that the model knows",
        )
    if not told.labels:
        return tuple(range(outputs))
    names = [line.strip() for line in _text(Path(told.labels)).splitlines() if line.strip()]
    if sorted(names) != sorted(classes):
        odd = sorted(set(names) ^ set(classes)) or sorted({name for name in names if names.count(name) > 1})
        raise ConfigError(
            f"the labels are not the names of the folders: {', '.join(odd)}",
            where=(told.labels, dataset.root),
            hint="one name a line, in the order of the model's outputs, each a folder of photos",
        )
    return tuple(classes.index(name) for name in names)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the labels cannot be read: {error}", where=(path,)) from error


def _compare(
    stated: tuple[InputScaling, np.ndarray], tried: tuple[InputScaling, np.ndarray], trial: _Trial, console: Console
) -> None:
    """Refuse a way of feeding when another is clearly better: scaled twice, or not at all, or BGR."""
    (way, scores), (other, other_scores) = stated, tried
    right, other_right = _right(scores, trial), _right(other_scores, trial)
    seen = (
        f"the model names {right.mean():.1%} of {len(right)} photos right with --scaling {way.name}, and "
        f"{other_right.mean():.1%} with {other.name}"
    )
    if preprocessing_check.is_clearly_better(other_right, right):
        raise ConfigError(
            f"{seen}: it was not trained the way it is fed",
            hint=f"say --scaling {other.name}",
        )
    if other_right.sum() > right.sum() and preprocessing_check.is_likelier(
        _of_truth(other_scores, trial), _of_truth(scores, trial)
    ):
        console.warn(f"{seen}, and is surer of them: was it trained that way?")


def _reordered(trial: _Trial, expected: np.ndarray, classes: int) -> _Trial | None:
    """The trial with the order of the outputs that fits the photos clearly better; None where the stated one does."""
    named = np.array(trial.class_of)[expected.argmax(axis=1)]
    better = preprocessing_check.find_better_order(named, trial.labels, classes)
    if better is None:
        return None
    return _Trial(trial.pixels, trial.labels, tuple(better[label] for label in trial.class_of))


def _check_order(
    trial: _Trial, reordered: _Trial | None, right: np.ndarray, classes: tuple[str, ...], console: Console
) -> None:
    if reordered is not None:
        told = ", ".join(classes[label] for label in trial.class_of)
        raise ConfigError(
            f"the photos say that the outputs are not in the order {told}",
            where=(f"they fit {', '.join(classes[label] for label in reordered.class_of)}",),
            hint="write these names into a file, one a line, and give it with --labels",
        )
    if preprocessing_check.is_near_chance(right, len(classes)):
        console.warn(
            f"the model names {right.mean():.1%} of {len(right)} photos right, as guessing would: are labels, scaling "
            "and fit those it was trained with?"
        )


def _right(scores: np.ndarray, trial: _Trial) -> np.ndarray:
    return np.asarray(np.array(trial.class_of)[scores.argmax(axis=1)] == trial.labels)


def _of_truth(scores: np.ndarray, trial: _Trial) -> np.ndarray:
    """The probability that each photo's true class is given."""
    output_of = np.argsort(trial.class_of)
    return np.asarray(np.maximum(scores[np.arange(len(scores)), output_of[trial.labels]], 1e-6))
