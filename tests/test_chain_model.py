"""chain_model.py: photos → Dataset → Trained in one run folder; the whole is in test_build.py."""

import hashlib

import pytest

from edgetl import stages
from edgetl.chain_model import ModelChain, _weights_sha256
from edgetl.core import bases, recipe, runs
from edgetl.core.console import Console
from edgetl.core.errors import ConfigError
from edgetl.order import Order


def test_published_weights_are_fetched_before_they_are_named(order, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    resolved = recipe.resolve("default", {"base": {"name": "mobilenet_v2", "alpha": 0.35}})
    path = bases.weights_path("mobilenet_v2", 0.35, "imagenet")

    def fetched(asked):
        assert asked == resolved
        path.parent.mkdir(parents=True)
        path.write_bytes(b"weights")

    monkeypatch.setattr(stages.train, "fetch_weights", fetched)
    named = [_weights_sha256(resolved) for _ in range(2)]
    assert named == [hashlib.sha256(b"weights").hexdigest()] * 2
    assert _weights_sha256(recipe.resolve("default", {"base": {"weights": "none"}})) == "none"


def test_labels_that_are_no_text(built, order, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_bytes("größe".encode("latin-1"))
    own = {"path": str(built.trained.path), "labels": str(labels)}
    other = Order(photos=order.photos, targets=order.targets, recipe=recipe.resolve("default", {"own": own}))
    with runs.opened(tmp_path / "run") as run, pytest.raises(ConfigError, match="the labels cannot be read"):
        _ = ModelChain(other, run, Console(quiet=True)).trained
