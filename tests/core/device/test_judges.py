"""The table of judges; and a target's judge: its predictions are the verdict, and the last hop of the ledger."""

import dataclasses
import sys
from types import SimpleNamespace
from typing import get_args

import pytest

from edgetl.core.device.judges import JUDGES, require_module
from edgetl.core.errors import MissingPackage
from edgetl.core.evaluation.details.score_files import write_predictions
from edgetl.core.formats import FORMATS, JudgeName
from edgetl.core.report import tables
from edgetl.core.report_page.glance import describe_outcome
from edgetl.engines.backends import BACKENDS
from edgetl.pipeline.delivery import Delivery
from edgetl.pipeline.stages import JUDGE_STAGES


def judge_on_reference_kernels(work, artifact, photos):
    """Stand in for the stage of the judge: the reference kernels compute the same integers."""
    predictions = BACKENDS[artifact.format].predict(artifact.path, photos.open_pixels(), "reference", lambda _: None)
    return write_predictions(work.folder, artifact, photos.part, predictions, "tflm")


def set_absence(monkeypatch, sentence, *, required=True):
    row = dataclasses.replace(JUDGES["tflm"], explain_absence=lambda: sentence, required=required)
    monkeypatch.setitem(JUDGES, "tflm", row)


@pytest.fixture
def judged_target(order, monkeypatch):
    """The target of the shared run on slow kernels, with TensorFlow Lite Micro as its judge."""
    stage = SimpleNamespace(score_on_tflm=judge_on_reference_kernels)
    monkeypatch.setitem(sys.modules, "edgetl.stages.judges.tflm", stage)
    set_absence(monkeypatch, "")
    (target, *_) = order.targets
    runtime = target.runtime.model_copy(update={"judge": "tflm", "accelerated": False})
    return target.model_copy(update={"runtime": runtime})


@pytest.fixture
def artifact(pipeline):
    return pipeline.files.make("tflite", "int8")


def make_delivery(pipeline, target, **context):
    return Delivery(dataclasses.replace(pipeline.context, **context), pipeline.model, pipeline.scores, target)


def test_every_judge_has_a_stage():
    assert JUDGE_STAGES.keys() == JUDGES.keys()


def test_the_judge_is_the_last_hop_and_the_verdict(pipeline, judged_target, artifact):
    delivery = make_delivery(pipeline, judged_target)
    verdict = delivery.judge(artifact)
    assert [hop.name for hop in verdict.hops] == [
        "Keras",
        "float32 TFLite",
        "int8, reference kernels",
        "int8, TensorFlow Lite Micro",
    ]
    assert verdict.hops[-1].agreement == 1.0 and verdict.hops[-1].worst_difference == 0.0
    assert verdict.accuracy == verdict.hops[-1].accuracy and verdict.not_judged == ""
    assert delivery.score(artifact, "test").kernels == "tflm"
    # The ladder compares files on the kernels of this machine.
    assert delivery.score(artifact, "validation").kernels == "litert-reference"
    assert (pipeline.context.run.root / "verify-tflite-int8-tflm-test").is_dir()


def test_a_build_without_a_required_judge_ends_before_anything_is_made(pipeline, judged_target, monkeypatch):
    set_absence(monkeypatch, "tflite-micro is not installed")
    with pytest.raises(MissingPackage, match="TensorFlow Lite Micro: tflite-micro is not installed") as caught:
        make_delivery(pipeline, judged_target)
    assert caught.value.hint == "install it: pip install 'edgetl[micro]'"


def test_a_command_that_only_reads_needs_no_judge_until_it_judges(pipeline, judged_target, artifact, monkeypatch):
    set_absence(monkeypatch, "tflite-micro is not installed")
    delivery = make_delivery(pipeline, judged_target, makes=frozenset({"score", "verify"}))
    assert delivery.score(artifact, "validation").kernels == "litert-reference"
    with pytest.raises(MissingPackage):
        delivery.judge(artifact)


def test_a_verdict_without_an_optional_judge_says_so(pipeline, judged_target, artifact, monkeypatch):
    set_absence(monkeypatch, "tflite-micro is not installed", required=False)
    verdict = make_delivery(pipeline, judged_target).judge(artifact)
    sentence = (
        "not judged in TensorFlow Lite Micro: tflite-micro is not installed; "
        "install it with: pip install 'edgetl[micro]'"
    )
    assert verdict.not_judged == sentence
    assert [hop.name for hop in verdict.hops][-1] == "int8, reference kernels"
    assert f"  {sentence}" in tables.describe_verdict(verdict)
    assert describe_outcome(verdict)[-1] == f"The verdict is {sentence}."


def test_a_judge_of_another_format_does_not_judge(judged_target):
    assert judged_target.find_judge("onnx") is None
    assert judged_target.find_judge("tflite") is JUDGES["tflm"]


def test_every_name_has_a_row_with_its_name():
    assert list(JUDGES) == list(get_args(JudgeName))
    assert [row.name for row in JUDGES.values()] == list(JUDGES)


@pytest.mark.parametrize("judge", JUDGES.values(), ids=lambda judge: judge.name)
def test_a_judge_runs_a_known_format_and_says_how_it_is_installed(judge):
    assert judge.formats and {*judge.formats} <= FORMATS.keys()
    assert judge.install and judge.title


def test_a_module_that_is_installed_is_not_missing():
    assert require_module("numpy", "numpy")() == ""
    assert require_module("no_such_module", "no-such-package")() == "no-such-package is not installed"
