"""chain_model.py: photos → Dataset → Trained in one run folder; the whole is in test_build.py."""

import contextlib
import hashlib

import pytest

from edgetl import stages
from edgetl.core.console import Console
from edgetl.core.errors import ConfigError
from edgetl.core.network import bases
from edgetl.core.photos import segments
from edgetl.core.recipe.resolve import resolve as recipe
from edgetl.core.record import Record
from edgetl.core.run import run_folder
from edgetl.pipeline.model import ModelChain, _weights_sha256
from edgetl.pipeline.order import Order


def test_published_weights_are_fetched_before_they_are_named(order, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    resolved = recipe.resolve_recipe("default", {"base": {"name": "mobilenet_v2", "alpha": 0.35}})
    path = bases.resolve_weights_path("mobilenet_v2", 0.35, "imagenet")

    def fetched(asked):
        assert asked == resolved
        path.parent.mkdir(parents=True)
        path.write_bytes(b"weights")

    monkeypatch.setattr(stages.train, "fetch_weights", fetched)
    named = [_weights_sha256(resolved) for _ in range(2)]
    assert named == [hashlib.sha256(b"weights").hexdigest()] * 2
    assert _weights_sha256(recipe.resolve_recipe("default", {"base": {"weights": "none"}})) == "none"


def test_labels_that_are_no_text(built, order, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_bytes("größe".encode("latin-1"))
    own = {"path": str(built.trained.path), "labels": str(labels)}
    other = Order(
        photos=order.photos, targets=order.targets, recipe=recipe.resolve_recipe("default", {"external": own})
    )
    with run_folder.open_run(tmp_path / "run") as run, pytest.raises(ConfigError, match="the labels cannot be read"):
        _ = ModelChain(other, run, Console(quiet=True)).trained


def test_what_makes_pixels_is_a_part_of_every_fingerprint(chain, monkeypatch):
    """Another Pillow decodes otherwise: nothing made of the old pixels may be compared with answers to the new."""
    kept = []
    monkeypatch.setattr(chain.run, "stage", lambda name, depends_on, *_: kept.append(dict(depends_on)))
    for version in ("1", "1", "2"):
        monkeypatch.setattr(segments.PIL, "__version__", version)
        with contextlib.suppress(AttributeError):
            chain.stage("any", {"of": "this"}, lambda _: None, Record, title="")
    assert kept[0] == kept[1] != kept[2] and kept[0]["of"] == "this"


def test_a_model_of_ones_own_is_looked_at_once(built, order, tmp_path, monkeypatch):
    own = {"path": str(built.trained.path), "scaling": "none"}
    other = Order(
        photos=order.photos, targets=order.targets, recipe=recipe.resolve_recipe("default", {"external": own})
    )
    with run_folder.open_run(tmp_path / "run") as run:
        assert ModelChain(other, run, Console(quiet=True)).shape.side_px == built.trained.input.side_px
        monkeypatch.setattr(stages.adopt, "look", lambda _: pytest.fail("opened again"))
        assert ModelChain(other, run, Console(quiet=True)).shape.side_px == built.trained.input.side_px
