"""Pooled features are those of the whole network's pooling layer, and are stored."""

import keras
import numpy as np
import pytest

from edgetl.core.photos import pixel_store
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.recipe.tables import HeadRecipe
from edgetl.core.records import InputSpec
from edgetl.engines.inspection.pooled_features import compute_pooled_features
from edgetl.engines.keras import build

BASE = resolve_recipe("default", {"base": {"name": "mobilenet", "alpha": 0.25, "side_px": 32, "weights": "none"}}).base
SPEC = InputSpec(height_px=32, width_px=32, fit="crop")


def test_features_are_those_of_the_pooling_layer_and_are_computed_once(photos):
    paths = [f"circle/{number:03}.png" for number in range(6)]
    facts = pixel_store.fill_pixel_store(photos, paths, SPEC, progress=lambda _: None)
    sha256s = [fact.sha256 for fact in facts]
    keras.utils.set_random_seed(5)
    advanced = []
    features = compute_pooled_features(sha256s, SPEC, (BASE, None), advanced.append)
    assert features.shape == (6, 256) and sum(advanced) == 6
    keras.utils.set_random_seed(5)
    model = build.assemble_model(BASE, HeadRecipe(), 2, None)
    network = keras.Model(model.input, model.get_layer(build.POOLING).output)
    expected = network.predict_on_batch(pixel_store.open_pixels(sha256s, SPEC).rows(range(6)))
    assert features == pytest.approx(np.asarray(expected), rel=1e-3, abs=1e-4)
    keras.utils.set_random_seed(5)
    advanced.clear()
    assert (compute_pooled_features(sha256s, SPEC, (BASE, None), advanced.append) == features).all() and not advanced
