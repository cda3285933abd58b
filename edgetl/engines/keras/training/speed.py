"""Measures how fast this machine computes frozen layers and training steps, in a few seconds."""

import time
from collections.abc import Callable, Iterable

import keras
import numpy as np

from edgetl.core.photos.labelled import LabelledPhotos
from edgetl.core.recipe.tables import TrainingTables
from edgetl.core.recipe.time_plan import (
    Pace,
    Speed,
    apply_effort,
    choose_effort,
    describe_effort,
    list_efforts,
    parse_budget_s,
)
from edgetl.engines.keras import build, split_points
from edgetl.engines.keras.frozen_features import FrozenPart, PhotoView
from edgetl.engines.keras.phase_inputs import TrainingData
from edgetl.engines.keras.split_points import SplitPoint
from edgetl.engines.keras.training import optimizers

# Photos in the frozen layers: enough for half a second.
_PHOTOS = 64
# A step is repeated for so long, and so many times at least.
_SECONDS, _STEPS = 1.0, 2


def fit_into_budget(model: keras.Model, data: TrainingData, start: float) -> tuple[TrainingTables, str]:
    """Return the recipe whose training fits into the time budget of a recipe, and say what was chosen, and why.

    Args:
        model: from `build.assemble_model`.
        data: photos and recipe.
        start: when the training began, by `time.monotonic`.
    """
    efforts = list_efforts(data.recipe)
    depths = dict.fromkeys(effort.unfreeze for effort in efforts)
    speed = measure_speed(model, data, depths, start)
    photos = len(data.training.labels), len(data.validation.labels)
    budget_s = parse_budget_s(data.recipe.training.time_budget)
    effort = choose_effort(efforts, speed, photos, budget_s)
    return apply_effort(data.recipe, effort), describe_effort(effort, speed, photos, budget_s)


def measure_speed(model: keras.Model, data: TrainingData, depths: Iterable[str], start: float) -> Speed:
    """Measure on a copy of a model, whose weights and layers stay as they are.

    Args:
        model: from `build.assemble_model`.
        data: photos and recipe.
        depths: what phase 2 may train, as `--unfreeze` names it.
        start: when the training began, by `time.monotonic`.
    """
    copy = _copy(model)
    points = split_points.find_split_points(copy)
    names = [layer.name for layer in copy.layers]
    head = split_points.find_split_below(copy, points, names[names.index(build.POOLING) + 1 :])
    frozen = _measure_frozen(copy, head, data.training)
    if data.teacher is not None:
        # A teacher predicts each view once, too.
        teacher = data.teacher.model
        teaching = _measure_frozen(teacher, SplitPoint("teacher", teacher.output), data.teacher.photos)
        frozen = Pace(frozen.photo_s + teaching.photo_s, frozen.setup_s + teaching.setup_s)
    head_pace = _measure_step(_copy(model), data.recipe, [])
    tuned = {}
    for depth in depths:
        copy = _copy(model)
        names = build.select_trainable_layers(copy, depth, data.recipe.training)
        build.unfreeze(copy, names, data.recipe.training)
        tuned[depth] = _measure_step(copy, data.recipe, names)
    return Speed(frozen=frozen, head=head_pace, tuned=tuned, spent_s=time.monotonic() - start)


def _copy(model: keras.Model) -> keras.Model:
    """Return a copy of a model: a model that is split gives its layers further nodes."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for layer, original in zip(copy.layers, model.layers, strict=True):
        layer.trainable = original.trainable
    return copy


def _measure_frozen(model: keras.Model, split: SplitPoint, photos: LabelledPhotos) -> Pace:
    """Measure the layers below a split point. The features are dropped."""
    rows = np.arange(min(_PHOTOS, len(photos.sha256s)))
    view = PhotoView(key="speed", sha256s=photos.sha256s, pixels=photos.pixels.rows)
    seconds, setup_s = FrozenPart(model, [split], photos.pixels.input_spec).measure_s(view, rows)
    return Pace(seconds / len(rows), setup_s)


def _measure_step(model: keras.Model, recipe: TrainingTables, unfrozen: list[str]) -> Pace:
    """Measure the training steps of a phase."""
    start = time.perf_counter()
    points = split_points.find_split_points(model)
    names = [layer.name for layer in model.layers]
    trained = unfrozen or names[names.index(build.POOLING) + 1 :]
    split = split_points.find_split_below(model, points, trained)
    network = keras.Model(split.tensor, model.output)
    size = recipe.training.batch_size
    generator = np.random.default_rng(recipe.training.seed)
    inputs = generator.random((size, *split.tensor.shape[1:])).astype(split.tensor.dtype)
    units = int(model.output.shape[-1])
    targets = np.eye(units, dtype=np.float32)[generator.integers(0, units, size)]
    loss = "binary_crossentropy" if recipe.head.activation == "sigmoid" else "categorical_crossentropy"
    network.compile(optimizer=optimizers.make_optimizer(recipe.training, 1e-9, 1, 1), loss=loss)
    network.optimizer.build(network.trainable_variables)
    network.train_on_batch(inputs, targets)
    setup_s = time.perf_counter() - start
    return Pace(_repeat(lambda: network.train_on_batch(inputs, targets)) / size, setup_s)


def _repeat(call: Callable[[], object]) -> float:
    """Return the seconds of a call, the median of a second's."""
    times: list[float] = []
    while len(times) < _STEPS or sum(times) < _SECONDS:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return float(np.median(times))
