"""Photos → the pooled features of a frozen base, from the feature store that training uses."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetl.core.photos import pixel_store
from edgetl.core.recipe.tables import BaseRecipe, HeadRecipe
from edgetl.core.records import InputSpec
from edgetl.engines.keras import build, split_points
from edgetl.engines.keras.frozen_features import FrozenPart, PhotoView


def compute_pooled_features(
    sha256s: Sequence[str],
    input_spec: InputSpec,
    base: tuple[BaseRecipe, Path | None],
    advance: Callable[[int], None],
    warn: Callable[[str], None] = lambda _: None,
) -> NDArray[np.float32]:
    """Compute what the head of a model sees of each photo. Features that are in the store are read back.

    Args:
        sha256s: photos in the pixel store.
        input_spec: input of the model.
        base: the recipe of the base, and the file with its weights; None for random ones.
        advance: called with the number of photos in each finished batch.
        warn: called with a sentence if stored features are damaged.

    Returns:
        float32 [photos, channels].

    Raises:
        ConfigError: weights that do not fit.
        DataError: the decoded photos are not in the cache any more.
        StageError: LiteRT's features differ from Keras's.
    """
    recipe, weights = base
    # Two classes are as good as any number: the features do not depend on the head.
    model = build.assemble_model(recipe, HeadRecipe(), 2, weights)
    pooling = [point for point in split_points.find_split_points(model) if point.name == build.POOLING]
    frozen = FrozenPart(model, pooling, input_spec, warn)
    photos = pixel_store.open_pixels(sha256s, input_spec)
    # The view of validation photos, and of training photos without augmentation, so that features are shared.
    view = PhotoView(key="plain", sha256s=list(sha256s), pixels=photos.rows)
    frozen.compute_missing([view], advance)
    features: NDArray[np.float32] = frozen.open_features(view, 0).rows(np.arange(len(sha256s)))
    return features
