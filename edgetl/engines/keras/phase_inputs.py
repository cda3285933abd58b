"""Prepares the inputs of both training phases: features of the frozen layers, or pixels if the features do not fit.

The features are computed once for each photo and view: see `frozen_features`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np

from edgetl.core.evaluation.quality.epoch_choice import EpochOutcomes
from edgetl.core.execution.executor import Executor
from edgetl.core.photos.labelled import LabelledPhotos, choose_view
from edgetl.core.progress import TrainingListener
from edgetl.core.recipe.tables import TrainingTables
from edgetl.core.storage import feature_store
from edgetl.engines.feature_shards import Augmentation
from edgetl.engines.keras import build, split_points
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.batches import AugmentedPixels, CachedFeatures, PlainPixels, Source, Targets
from edgetl.engines.keras.frozen_features import FrozenPart, PhotoView
from edgetl.engines.keras.split_points import SplitPoint


@dataclass(frozen=True, kw_only=True, slots=True)
class Teacher:
    """A model whose probabilities a student learns, and the training photos in the size of its input."""

    model: keras.Model
    photos: LabelledPhotos


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingData:
    """Photos of the training and validation parts, the recipe, a listener for progress, and a teacher if there is one.

    The photos of the teacher are the training photos, in the same order and of the size of its input. Each epoch adds
    to the outcomes, if there are any. An executor computes the features; without one, this machine does.
    """

    training: LabelledPhotos
    validation: LabelledPhotos
    recipe: TrainingTables
    listener: TrainingListener
    teacher: Teacher | None = None
    outcomes: EpochOutcomes | None = None
    executor: Executor | None = None

    def list_training_views(self, epochs: int) -> Sequence[PhotoView]:
        """List the views of the training photos that epochs 1 to `epochs` read."""
        recipe = self.recipe
        if not recipe.augment.on:
            return [_make_plain_view(self.training)]
        numbers = sorted({choose_view(epoch, recipe.augment) for epoch in range(1, epochs + 1)})
        return [_make_augmented_view(self.training, number, recipe) for number in numbers]

    def make_validation_view(self) -> PhotoView:
        """Make the view of the validation photos."""
        return _make_plain_view(self.validation)


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseInput:
    """The part of the network that a phase computes in each epoch, and the inputs and targets of that part.

    Attributes:
        first: the tensor of the whole network whose values the inputs are.
        network: the layers between it and the output.
    """

    first: keras.KerasTensor
    network: keras.Model
    training: Source
    validation: Source
    training_targets: Targets
    validation_targets: Targets

    def predict_last_features(self, model: keras.Model) -> np.ndarray:
        """Return the inputs of the last layer for the validation photos: float32 [photos, features].

        Args:
            model: the whole network, whose frozen layers computed the inputs.
        """
        last, photos = model.get_layer(build.SCORES).input, np.arange(len(self.validation_targets.labels))
        if last is self.first:
            return self.validation.rows(photos, 1)
        trunk = keras.Model(self.first, last)
        return keras_model.predict_rows(trunk, len(photos), lambda rows: self.validation.rows(rows, 1))


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseInputs:
    """Inputs of both phases. Without a phase 2, `fine_tune` reads pixels and is not used."""

    head: PhaseInput
    fine_tune: PhaseInput


def prepare_phase_inputs(model: keras.Model, data: TrainingData, unfrozen: Sequence[str]) -> PhaseInputs:
    """Compute the features of both phases in one pass, if they fit into the budget of the feature cache.

    Args:
        model: from `build.assemble_model`.
        data: photos, recipe and listener.
        unfrozen: names of the layers of the base that phase 2 trains; empty if it trains the head alone, and without a
            phase 2.

    Raises:
        StageError: LiteRT's features differ from Keras's.
        EdgetlError: the disk is full, or the cache cannot be written.
    """
    units = int(model.output.shape[-1])
    pixels = PhaseInput(
        first=model.input,
        network=model,
        training=AugmentedPixels(data.training, data.recipe),
        validation=PlainPixels(data.validation),
        training_targets=Targets.of(data.training, units, _predict_views(data)),
        validation_targets=Targets.of(data.validation, units),
    )
    if not data.recipe.training.feature_cache:
        return PhaseInputs(head=pixels, fine_tune=pixels)
    # A phase 2 that trains the head alone reads the same features as phase 1, of further views.
    head_alone = bool(data.recipe.phase2.epochs) and not unfrozen
    for splits in _list_choices(model, data, unfrozen):
        # Phase 2 reads the views that follow those of phase 1. Pixels of phase 2 are augmented in each epoch.
        both = len(splits) == 2 or head_alone
        epochs = data.recipe.phase1.epochs + (data.recipe.phase2.epochs if both else 0)
        views = [*data.list_training_views(epochs), data.make_validation_view()]
        frozen = FrozenPart(model, splits, data.training.pixels.input_spec, data.listener.say, data.executor)
        if _is_affordable(frozen.count_missing_bytes(views), splits, data):
            data.listener.begin("frozen", sum(len(view.sha256s) for view in views))
            frozen.compute_missing(views, lambda photos: data.listener.step(photos, ""))
            # The lowest split point is that of phase 2, the highest that of phase 1.
            inputs = [_read_features(pixels, model, frozen, split, views) for split in range(len(splits))]
            return PhaseInputs(head=inputs[-1], fine_tune=inputs[0] if both else pixels)
    return PhaseInputs(head=pixels, fine_tune=pixels)


def _list_choices(model: keras.Model, data: TrainingData, unfrozen: Sequence[str]) -> list[list[SplitPoint]]:
    """List the sets of split points whose features may be stored, the preferred one first.

    A set has the split points of both phases, lowest first, or that of phase 1 alone.
    """
    # Before any submodel is made: a submodel gives its layers a second node in a second graph.
    points = split_points.find_split_points(model)
    names = [layer.name for layer in model.layers]
    # The head is everything after the pooling, with or without weights: dropout must act in each training step.
    head = split_points.find_split_below(model, points, names[names.index(build.POOLING) + 1 :])
    choices = [[head]]
    if unfrozen:
        lower = split_points.find_split_below(model, points, unfrozen)
        if _has_layers_below(model, lower, unfrozen, data.listener):
            choices.insert(0, [lower, head])
    return choices


def _read_features(
    pixels: PhaseInput, model: keras.Model, frozen: FrozenPart, split: int, views: Sequence[PhotoView]
) -> PhaseInput:
    *training_views, validation_view = views
    first = frozen.splits[split].tensor
    return replace(
        pixels,
        first=first,
        network=keras.Model(first, model.output),
        training=CachedFeatures([frozen.open_features(view, split) for view in training_views]),
        validation=CachedFeatures([frozen.open_features(validation_view, split)]),
    )


def _predict_views(data: TrainingData) -> Source | None:
    """Predict each view of the training photos once by the teacher; None without one.

    A view is the same change of a photo for both sizes: shifts and crops are fractions of its side. The predictions are
    kept as features are.
    """
    if data.teacher is None:
        return None
    model, photos = data.teacher.model, data.teacher.photos
    split = SplitPoint("teacher", model.output)
    frozen = FrozenPart(model, [split], photos.pixels.input_spec, data.listener.say, data.executor)
    views = replace(data, training=photos).list_training_views(data.recipe.phase1.epochs + data.recipe.phase2.epochs)
    data.listener.begin("teacher", sum(len(view.sha256s) for view in views))
    frozen.compute_missing(views, lambda count: data.listener.step(count, ""))
    return CachedFeatures([frozen.open_features(view, 0) for view in views])


def _has_layers_below(
    model: keras.Model, split: SplitPoint, unfrozen: Sequence[str], listener: TrainingListener
) -> bool:
    """Return whether there are layers to compute below a split point.

    In NASNet each cell consumes the outputs of the two cells before it, so that the highest split point below the
    trained layers is the input.
    """
    if split.name not in (model.layers[0].name, build.SCALING):
        return True
    names = [layer.name for layer in model.layers]
    first = min(names.index(name) for name in unfrozen)
    if any(layer.weights for layer in model.layers[:first]):
        listener.say(
            f"no single tensor splits the network below {names[first]}: "
            "phase 2 computes the frozen layers in each epoch"
        )
    return False


def _is_affordable(needed_bytes: int, splits: Sequence[SplitPoint], data: TrainingData) -> bool:
    allowed_bytes = feature_store.compute_budget_bytes(data.recipe.training.cache_bytes)
    if needed_bytes > allowed_bytes:
        data.listener.say(
            f"features at {' and '.join(split.name for split in splits)} need {needed_bytes / 1e9:.1f} GB, "
            f"{allowed_bytes / 1e9:.1f} GB are allowed (--cache-bytes): phase {len(splits)} computes the frozen layers "
            "in each epoch"
        )
    return needed_bytes <= allowed_bytes


def _make_plain_view(photos: LabelledPhotos) -> PhotoView:
    return PhotoView(key="plain", sha256s=photos.sha256s, pixels=photos.pixels.rows)


def _make_augmented_view(photos: LabelledPhotos, number: int, recipe: TrainingTables) -> PhotoView:
    seed, augment = recipe.training.seed, recipe.augment
    return PhotoView(
        key=f"{number}/{seed}/{augment.model_dump_json(exclude={'views'})}",
        sha256s=photos.sha256s,
        pixels=lambda rows: photos.augmented(rows, number, seed, augment),
        augmentation=Augmentation(view=number, seed=seed, recipe=augment),
        plain=photos.pixels.rows,
    )
