"""chain_files.py: Trained → Artifacts; the files themselves are in test_build.py and in tests/stages."""

import shutil
from pathlib import Path

import pytest

from edgetl import stages
from edgetl.core import methods
from edgetl.core.console import Console
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.recipe.resolve import resolve as recipe
from edgetl.core.records import Refusal
from edgetl.core.retrain_job import RetrainedModel
from edgetl.core.run import run_folder
from edgetl.pipeline.delivery import Delivery
from edgetl.pipeline.order import Order
from edgetl.pipeline.scores import Chain


def test_further_calibration_photos_are_others(chain):
    first, further = chain._calibration(more=False), chain._calibration(more=True)
    assert first and not {photo.sha256 for photo in first} & {photo.sha256 for photo in further}
    assert {photo.sha256 for photo in (*first, *further)} <= {photo.sha256 for photo in chain.dataset.train}


def test_too_few_further_photos_make_no_better_file(chain, monkeypatch):
    drawn = chain._calibration(more=False)
    monkeypatch.setattr(chain, "_calibration", lambda *, more: drawn[:1] if more else drawn)
    told = chain.futile("tflite", methods.find_method("int8_more"))
    assert told == f"1 further training photos are fewer than the {len(drawn)} that set the ranges"


@pytest.mark.parametrize("method", ["qat8", "prune", "cluster8"])
def test_a_model_of_ones_own_is_not_trained(built, order, tmp_path, method):
    own = {"path": str(built.trained.path)}
    other = Order(
        photos=order.photos, targets=order.targets, recipe=recipe.resolve_recipe("default", {"external": own})
    )
    with (
        run_folder.open_run(tmp_path / "run") as run,
        pytest.raises(ConfigError, match=f"{method} trains the model further"),
    ):
        Chain(other, run, Console(quiet=True)).artifact("tflite", method)
    assert "qat8" not in {method for _, method in Delivery(Chain(other, run, Console()), other.targets[0]).wishes}


def test_a_refused_file_goes_nowhere_and_is_not_made_again(chain, built, monkeypatch):
    why = Refusal(message="the two agree on 12.0% of 200 photos", hint="train for longer")
    made = []

    def convert_aware(trained, retrained, form, folder):
        made.append(form)
        path = Path(shutil.copy(built.artifact.path, folder / "model.tflite"))
        return built.artifact.model_copy(update={"path": path, "method": "qat8", "agreement": 0.12, "refusal": why})

    retrained = RetrainedModel.model_construct(sha256="r" * 64, proof=("p",) * 200)
    monkeypatch.setattr(chain, "retrained", lambda kind: retrained)
    monkeypatch.setattr(stages.convert, "convert_aware", convert_aware)
    for _ in range(2):
        with pytest.raises(StageError, match=r"agree on 12\.0%") as caught:
            chain.artifact("tflite", "qat8")
        assert caught.value.hint == "train for longer"
    assert made == ["tflite"] and chain.run.took["convert-tflite-qat8"] >= 0
