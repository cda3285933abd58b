"""A build with several labels from drawn photos: lists, training, int8, verdict, bundle and predictions."""

import json

import numpy as np
import pytest

from edgetl.core.device import targets
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.pipeline.options import ClassifierOptions
from edgetl.pipeline.order import Order
from edgetl.pipeline.usage.classifiers import find_classifier
from edgetl.pipeline.usage.predictions import predict_photos
from tests.fixtures.runs import QUIET, build_in
from tools.compose_labels import compose_photos

TABLES = {
    "photos": {"multi_label": True},
    "base": {"name": "mobilenet", "alpha": 0.25, "side_px": 32, "weights": "none"},
    "phase1": {"epochs": 2, "learning_rate": 0.02},
    "phase2": {"epochs": 2, "unfreeze": "-8"},
}


@pytest.fixture(scope="module")
def built(draw_photos, tmp_path_factory):
    root = tmp_path_factory.mktemp("labels")
    photos = compose_photos(draw_photos(root / "plain", range(100)), root / "several", 200)
    order = Order(
        photos=photos, targets=(targets.find_target("tflite"),), recipe=resolve_recipe(flags=TABLES), method="int8"
    )
    return build_in(root / "run", order)


@pytest.mark.slow
def test_build_with_several_labels(built):
    verdict, (delivered,) = built.verdict, built.targets
    assert verdict.labels == 3 and verdict.decisions == 3 * verdict.photos and len(built.trained.thresholds) == 3
    assert len(built.quality.labels) == 3 and "precision" in built._repr_html_()
    facts = json.loads((delivered.bundle.root / "model.json").read_text())
    assert facts["output"]["thresholds"] == list(built.trained.threshold_values) and facts["schema"] == 3
    classifier = find_classifier(built.run, ClassifierOptions())
    golden = sorted((delivered.bundle.root / "golden").glob("*.jpg"))
    predicted = predict_photos(classifier, golden, 3, console=QUIET)
    with np.load(delivered.bundle.root / "golden" / "expected.npz") as arrays:
        outputs = arrays["outputs"].astype(np.float64)
    scores = (outputs - facts["output"]["zero_point"]) * facts["output"]["scale"]
    expected = (scores >= np.array(classifier.thresholds)).sum(axis=1)
    assert [len(photo.classes) for photo in predicted.photos] == expected.tolist()
