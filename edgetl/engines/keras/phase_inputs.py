"""What each phase of training eats: features below its cut where they may be kept, pixels where not.

In: a model, the pixels of both parts, the recipe. Out: a `Course` a phase, which names the part of the network that is
trained and what goes into it. Frozen layers are computed here, once per photo and view (`features`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from edgetl.core import feature_store
from edgetl.core.progress import TrainingListener
from edgetl.core.recipe import Recipe
from edgetl.core.records import InputSpec
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import split_points
from edgetl.engines.keras.batches import (
    AugmentedPixels,
    CachedFeatures,
    LabelledPhotos,
    PlainPixels,
    Source,
    choose_view,
)
from edgetl.engines.keras.frozen_features import FrozenPart, PhotoView
from edgetl.engines.keras.split_points import SplitPoint


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseInput:
    """What one phase trains, and on what: the part of the network above a cut, or all of it."""

    network: keras.Model
    training: Source
    validation: Source
    training_labels: np.ndarray
    validation_labels: np.ndarray


class PhaseInputs:
    """Prepares what each phase eats: features below its cut where they may be kept, pixels where not."""

    def __init__(
        self,
        model: keras.Model,
        train_on: LabelledPhotos,
        validate_on: LabelledPhotos,
        recipe: Recipe,
        watch: TrainingListener,
    ) -> None:
        self._model = model
        self._parts = (train_on, validate_on)
        self._recipe = recipe
        self._watch = watch
        self._cuts: list[SplitPoint] = []
        self._frozen: FrozenPart | None = None

    def cook(self, tuned: list[str]) -> None:
        """Compute the features of both phases in one pass; `tuned` names the layers that phase 2 trains."""
        if not self._recipe.training.feature_cache:
            return
        found = split_points.find_split_points(self._model)
        names = [layer.name for layer in self._model.layers]
        # From the pooling on, whether it has weights or not: dropout acts only where it is trained with.
        head = split_points.find_split_below(self._model, found, names[names.index(keras_model.POOLING) + 1 :])
        courses = [[head]]
        if tuned:
            lower = split_points.find_split_below(self._model, found, tuned)
            if self._worth_keeping(lower, tuned):
                courses.insert(0, [lower, head])
        pixels = self._parts[0].pixels.shape
        for chosen in courses:
            frozen = FrozenPart(self._model, chosen, InputSpec(side_px=pixels.side_px, fit=pixels.fit))
            views = [*self._training_views(len(chosen)), self._validation_view()]
            if self._affordable(frozen.missing_bytes(views), chosen):
                self._cuts, self._frozen = chosen, frozen
                self._watch.begin("frozen", sum(len(view.sha256s) for view in views))
                frozen.fill(views, lambda photos: self._watch.step(photos, ""))
                return

    def head(self) -> PhaseInput:
        """Phase 1: everything above the pooling."""
        return self._cached(len(self._cuts) - 1) if self._frozen else self._plain()

    def fine_tune(self) -> PhaseInput:
        """Phase 2: everything above the highest cut that nothing trained lies below."""
        return self._cached(0) if self._frozen and len(self._cuts) == 2 else self._plain()

    def _cached(self, cut: int) -> PhaseInput:
        assert self._frozen is not None
        return PhaseInput(
            network=keras.Model(self._cuts[cut].tensor, self._model.output),
            training=CachedFeatures([self._frozen.opened(view, cut) for view in self._training_views(len(self._cuts))]),
            validation=CachedFeatures([self._frozen.opened(self._validation_view(), cut)]),
            training_labels=self._parts[0].labels,
            validation_labels=self._parts[1].labels,
        )

    def _plain(self) -> PhaseInput:
        return PhaseInput(
            network=self._model,
            training=AugmentedPixels(self._parts[0], self._recipe),
            validation=PlainPixels(self._parts[1]),
            training_labels=self._parts[0].labels,
            validation_labels=self._parts[1].labels,
        )

    def _worth_keeping(self, cut: SplitPoint, tuned: list[str]) -> bool:
        """Whether anything is computed below the cut; it may not be, where cells hand on two tensors side by side."""
        if cut.name not in (self._model.layers[0].name, keras_model.SCALING):
            return True
        names = [layer.name for layer in self._model.layers]
        first = min(names.index(name) for name in tuned)
        if any(layer.weights for layer in self._model.layers[:first]):
            self._watch.say(
                f"no single tensor parts the network below {names[first]}: "
                "phase 2 computes the frozen layers anew every epoch"
            )
        return False

    def _affordable(self, needed: int, chosen: list[SplitPoint]) -> bool:
        allowed = feature_store.compute_budget_bytes(self._recipe.training.cache_bytes)
        if needed > allowed:
            self._watch.say(
                f"features at {' and '.join(cut.name for cut in chosen)} would take {needed / 1e9:.1f} GB, "
                f"{allowed / 1e9:.1f} GB are allowed (--cache-bytes): phase {len(chosen)} computes the frozen layers "
                "anew every epoch"
            )
        return needed <= allowed

    def _training_views(self, phases: int) -> Sequence[PhotoView]:
        """The views that the epochs of so many phases will ask for."""
        photos, recipe = self._parts[0], self._recipe
        if not recipe.augment.on:
            return [_as_is(photos)]
        epochs = recipe.phase1.epochs + (recipe.phase2.epochs if phases == 2 else 0)
        numbers = sorted({choose_view(epoch, recipe.augment) for epoch in range(1, epochs + 1)})
        return [_augmented(photos, number, recipe) for number in numbers]

    def _validation_view(self) -> PhotoView:
        return _as_is(self._parts[1])


def _as_is(photos: LabelledPhotos) -> PhotoView:
    return PhotoView(key="as it is", sha256s=photos.sha256s, pixels=photos.pixels.rows)


def _augmented(photos: LabelledPhotos, number: int, recipe: Recipe) -> PhotoView:
    seed, how = recipe.training.seed, recipe.augment
    return PhotoView(
        key=f"{number}/{seed}/{how.model_dump_json(exclude={'views'})}",
        sha256s=photos.sha256s,
        pixels=lambda rows: photos.view(rows, number, seed, how),
    )
