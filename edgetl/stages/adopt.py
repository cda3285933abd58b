"""A model made elsewhere → Trained: loaded safely, with its preprocessing as first layer, checked on labelled photos.

The photos come from the training and validation parts, never from the test part.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.core.console import Console
from edgetl.core.errors import ConfigError
from edgetl.core.evaluation import preprocessing_check
from edgetl.core.label_files.labels_file import match_folders, read_labels
from edgetl.core.network import input_scaling
from edgetl.core.network.input_scaling import InputScaling
from edgetl.core.photos import pixel_store
from edgetl.core.recipe.tables import ExternalRecipe
from edgetl.core.records import Dataset, ExternalModelInfo, InputSpec, Trained
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.files import hash_file, hash_model
from edgetl.core.tasks.label_order import find_better_label_order
from edgetl.core.tasks.label_threshold import LabelThreshold
from edgetl.core.tasks.labels import list_labels
from edgetl.core.tasks.task import PhotoTask, find_task
from edgetl.core.tasks.thresholds import choose_thresholds, describe_thresholds
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.external.inspection import inspect_model
from edgetl.engines.keras.external.load import load_external
from edgetl.engines.keras.external.original import check_against_original
from edgetl.engines.keras.external.outputs import (
    classify_labels,
    classify_outputs,
    compute_probabilities,
    predict_raw,
)
from edgetl.engines.keras.external.scaling import apply_scaling, has_built_in_scaling
from edgetl.engines.keras.external.wrap import check_wrapped, wrap_model

# Enough to distinguish a wrong preprocessing from chance; each alternative scaling predicts all of them once more.
_CHECKED_PHOTOS = 256
# The logarithm of a probability of 0 is not finite.
_SMALLEST_PROBABILITY = 1e-6


@dataclass(frozen=True, slots=True)
class _LabelledSample:
    """Photos with labels, and the class of each model output.

    Attributes:
        pixels: uint8 [photos, height, width, 3].
        labels: int64 [photos], class index, or [photos, labels] of 0 and 1.
        class_of_output: class index of each output.
    """

    pixels: np.ndarray
    labels: np.ndarray
    class_of_output: tuple[int, ...]

    @property
    def output_of_class(self) -> np.ndarray:
        """Output index of each class: int64 [classes]."""
        return np.argsort(self.class_of_output)

    @property
    def task(self) -> PhotoTask:
        """What the model decides about a photo."""
        return find_task(self.labels)

    def find_correct(self, scores: np.ndarray) -> np.ndarray:
        """Return for which photos the class, or the decision about every label, is correct: bool [photos]."""
        correct = self.task.decide(scores[:, self.output_of_class]) == self.labels
        return np.asarray(correct.reshape(len(scores), -1).all(axis=1))

    def select_true_probabilities(self, scores: np.ndarray) -> np.ndarray:
        """Return the probability of each photo's true class, or of its true labels: float [photos], above 0."""
        probabilities = self.task.select_true_probabilities(scores[:, self.output_of_class], self.labels)
        probabilities = np.maximum(probabilities, _SMALLEST_PROBABILITY)
        return np.asarray(probabilities.reshape(len(scores), -1).prod(axis=1))


@dataclass(frozen=True, slots=True)
class _ScaledPrediction:
    """Predictions of the model under one input scaling: float [photos, outputs], probabilities."""

    scaling: InputScaling
    scores: np.ndarray


def inspect_external(_work: Workspace, model: Path) -> ExternalModelInfo:
    """Read what the pixel store needs to know of the model before it decodes the first photo.

    The model is loaded for the first time here, in a process with limits.

    Raises:
        ConfigError: see `engines.keras.external.inspection.inspect_model`.
    """
    return inspect_model(model)


def adopt_external(work: Workspace, external: ExternalRecipe, dataset: Dataset, input_spec: InputSpec) -> Trained:
    """Write model.keras, which takes raw RGB and predicts what the external model predicts.

    Raises:
        ConfigError: a model that cannot be used, a preprocessing that is missing or wrong, labels that do not match
            the class folders or the order of the outputs.
        StageError: the written model does not predict what the external model predicts.
    """
    path = Path(external.path)
    model = load_external(path)
    built_in = has_built_in_scaling(model)
    scaling = _resolve_scaling(external, built_in=built_in)
    sample = _draw_sample(external, dataset, input_spec, int(model.outputs[0].shape[1]))
    scaled = apply_scaling(sample.pixels, scaling)
    outputs = predict_raw(model, scaled)
    agreement = check_against_original(path, model, scaled, outputs)
    kind = classify_labels(outputs, path) if dataset.multi_label else classify_outputs(outputs, path)
    requested = _ScaledPrediction(scaling, compute_probabilities(outputs, kind))
    # A wrong preprocessing does not fail, it only costs accuracy. So the usual alternatives are tried as well.
    alternatives = []
    for alternative in input_scaling.list_alternatives(scaling, built_in=built_in):
        raw = predict_raw(model, apply_scaling(sample.pixels, alternative))
        alternatives.append(_ScaledPrediction(alternative, compute_probabilities(raw, kind)))
    _check_preprocessing(requested, alternatives, sample, dataset.classes, work.console)
    work.console.say(
        f"  {path.name}: photos of {input_spec.size} by {input_spec.fit}, scaling {scaling.name}, "
        f"outputs are {kind}" + (", to which the missing activation was added" if kind.endswith("logits") else "")
    )
    if agreement:
        work.console.say(f"  {agreement}")
    order = tuple(int(output) for output in sample.output_of_class)
    wrapped = wrap_model(model, scaling, kind, order)
    check_wrapped(wrapped, sample.pixels, requested.scores[:, list(order)])
    thresholds = _choose_thresholds(wrapped, dataset, input_spec, work.console) if dataset.multi_label else ()
    written = work.folder / "model.keras"
    keras_model.save_model(wrapped, written)
    return Trained(
        path=written,
        sha256=hash_file(written),
        base="external",
        alpha=1.0,
        weights=f"{path.name} sha256 {hash_model(path)}, scaling {scaling.name}",
        input=input_spec,
        classes=dataset.classes,
        activation="sigmoid" if kind.startswith("sigmoid") else "softmax",
        parameters=int(wrapped.count_params()),
        phases=(),
        dataset_sha256=dataset.sha256,
        backend=keras_model.get_backend(),
        device=keras_model.get_device(),
        precision="float32",
        thresholds=thresholds,
    )


def _choose_thresholds(
    model: Any, dataset: Dataset, input_spec: InputSpec, console: Console
) -> tuple[LabelThreshold, ...]:
    """Choose the threshold of each label on the validation photos."""
    pixels = pixel_store.open_pixels([photo.sha256 for photo in dataset.validation], input_spec)
    scores = keras_model.predict_scores(model, pixels)
    thresholds = choose_thresholds(scores, list_labels(dataset.validation), dataset.classes)
    for line in describe_thresholds(thresholds):
        console.say(f"  {line}")
    return thresholds


def _resolve_scaling(external: ExternalRecipe, *, built_in: bool) -> InputScaling:
    if built_in:
        if external.scaling not in ("", "none", "none-bgr"):
            raise ConfigError(
                f"the model's first layers scale its input: with --scaling {external.scaling} it would be scaled twice",
                where=(external.path,),
                hint="leave --scaling out, or use --scaling none",
            )
        return input_scaling.parse_scaling(external.scaling or "none")
    if not external.scaling:
        raise ConfigError(
            "--scaling is needed: no layer at the beginning of the model scales its input",
            where=(external.path,),
            hint="--scaling tf is -1..1, 0..1 is x / 255, torch and caffe are Keras's, none is 0..255 unscaled",
        )
    return input_scaling.parse_scaling(external.scaling)


def _draw_sample(external: ExternalRecipe, dataset: Dataset, input_spec: InputSpec, units: int) -> _LabelledSample:
    """Draw photos evenly from the validation and training parts, whose photos are sorted by class."""
    candidates = (*dataset.validation, *dataset.train)
    count = min(len(candidates), _CHECKED_PHOTOS)
    rows = np.linspace(0, len(candidates) - 1, count).round().astype(np.int64)
    photos = [candidates[row] for row in rows]
    pixels = pixel_store.open_pixels([photo.sha256 for photo in photos], input_spec).rows(range(len(photos)))
    # One sigmoid unit predicts two classes. Each of several labels has a unit.
    outputs = units if dataset.multi_label else max(2, units)
    return _LabelledSample(pixels, list_labels(photos), _map_outputs(external, dataset, outputs))


def _map_outputs(external: ExternalRecipe, dataset: Dataset, outputs: int) -> tuple[int, ...]:
    """Return the class index of each output."""
    classes = dataset.classes
    if outputs != len(classes):
        raise ConfigError(
            f"the model predicts {outputs} classes, the photos have {len(classes)}",
            where=(external.path, dataset.root),
            hint="the labels of the photos must be those of the model's outputs, one sigmoid unit for each"
            if dataset.multi_label
            else "one folder for each class that the model predicts",
        )
    if not external.labels:
        return tuple(range(outputs))
    path = Path(external.labels)
    names = read_labels(path, outputs, classes)
    match_folders(names, classes, path, dataset.root)
    return tuple(classes.index(name) for name in names)


def _check_preprocessing(
    requested: _ScaledPrediction,
    alternatives: list[_ScaledPrediction],
    sample: _LabelledSample,
    classes: tuple[str, ...],
    console: Console,
) -> None:
    """Refuse a scaling or output order if an alternative is clearly better; warn near chance.

    Raises:
        ConfigError: names the better scaling or order.
    """
    best = max(
        alternatives,
        # Accuracy first; the mean log-likelihood decides between equal ones.
        key=lambda alternative: (
            sample.find_correct(alternative.scores).sum(),
            np.log(sample.select_true_probabilities(alternative.scores)).mean(),
        ),
    )
    # Swapped colour channels can look like swapped labels, and the reverse. What explains more photos is reported.
    reordered = _find_reordered(sample, requested.scores, len(classes))
    best_correct = sample.find_correct(best.scores).sum()
    if reordered is None or best_correct >= reordered.find_correct(requested.scores).sum():
        _check_scaling(requested, best, sample, console)
    if reordered is not None:
        correct = f"{reordered.find_correct(requested.scores).mean():.1%}"
        raise ConfigError(
            f"the output order {', '.join(classes[label] for label in sample.class_of_output)} does not match the "
            "photos",
            where=(f"{correct} match {', '.join(classes[label] for label in reordered.class_of_output)}",),
            hint="write these names into a file, one on each line, and give it with --labels",
        )
    correct_photos = sample.find_correct(requested.scores)
    # A model may have further outputs, for which there are no photos.
    guesses = 2 ** len(classes) if sample.task.thresholds else len(set(sample.labels.tolist()))
    if preprocessing_check.is_near_chance(correct_photos, guesses):
        console.warn(
            f"the model predicts {correct_photos.mean():.1%} of {len(correct_photos)} photos correctly, no more than "
            "chance: are labels, scaling and fit those of its training?"
        )


def _check_scaling(
    requested: _ScaledPrediction, best: _ScaledPrediction, sample: _LabelledSample, console: Console
) -> None:
    """Refuse a scaling when another is clearly better: scaled twice, not at all, or BGR; warn where it may be."""
    correct, best_correct = sample.find_correct(requested.scores), sample.find_correct(best.scores)
    comparison = (
        f"the model predicts {correct.mean():.1%} of {len(correct)} photos correctly with --scaling "
        f"{requested.scaling.name}, and {best_correct.mean():.1%} with {best.scaling.name}"
    )
    if preprocessing_check.is_clearly_better(best_correct, correct):
        raise ConfigError(
            f"{comparison}: this preprocessing does not match the model's training",
            hint=f"use --scaling {best.scaling.name}",
        )
    likelier = preprocessing_check.is_likelier(
        sample.select_true_probabilities(best.scores), sample.select_true_probabilities(requested.scores)
    )
    if best_correct.sum() > correct.sum() and likelier:
        console.warn(f"{comparison}, with higher confidence: was the model trained with that scaling?")


def _find_reordered(sample: _LabelledSample, scores: np.ndarray, classes: int) -> _LabelledSample | None:
    """Return the sample with the output order that fits the photos clearly better; None if the requested one fits."""
    if sample.task.thresholds:
        better = find_better_label_order(scores[:, sample.output_of_class], sample.labels)
    else:
        predicted = np.array(sample.class_of_output)[scores.argmax(axis=1)]
        better = preprocessing_check.find_better_order(predicted, sample.labels, classes)
    if better is None:
        return None
    return _LabelledSample(sample.pixels, sample.labels, tuple(better[label] for label in sample.class_of_output))
