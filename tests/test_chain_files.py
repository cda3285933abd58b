"""chain_files.py: Trained → Artifacts; the files themselves are in test_build.py and in tests/stages."""

import pytest

from edgetl.chain import Chain
from edgetl.core import methods, recipe, runs
from edgetl.core.console import Console
from edgetl.core.errors import ConfigError
from edgetl.delivery import Delivery
from edgetl.order import Order


def test_further_calibration_photos_are_others(chain):
    first, further = chain._calibration(more=False), chain._calibration(more=True)
    assert first and not {photo.sha256 for photo in first} & {photo.sha256 for photo in further}
    assert {photo.sha256 for photo in (*first, *further)} <= {photo.sha256 for photo in chain.dataset.train}


def test_too_few_further_photos_make_no_better_file(chain, monkeypatch):
    drawn = chain._calibration(more=False)
    monkeypatch.setattr(chain, "_calibration", lambda *, more: drawn[:1] if more else drawn)
    told = chain.futile("tflite", methods.find("int8_more"))
    assert told == f"1 further training photos are fewer than the {len(drawn)} that set the ranges"


@pytest.mark.parametrize("method", ["qat8", "prune", "cluster8"])
def test_a_model_of_ones_own_is_not_trained(built, order, tmp_path, method):
    own = {"path": str(built.trained.path)}
    other = Order(photos=order.photos, targets=order.targets, recipe=recipe.resolve("default", {"own": own}))
    with runs.opened(tmp_path / "run") as run, pytest.raises(ConfigError, match=f"{method} trains the model further"):
        Chain(other, run, Console(quiet=True)).artifact("tflite", method)
    assert "qat8" not in {method for _, method in Delivery(Chain(other, run, Console()), other.targets[0]).wishes}
