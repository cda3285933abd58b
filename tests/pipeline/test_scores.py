"""chain.py: what all targets share, asked for format by format and kernel by kernel; the whole is in test_build.py."""

import pytest

from edgetl.core.records import Scores, Verdict
from edgetl.core.run import run_folder
from edgetl.pipeline.delivery import Delivery


def test_the_ledger_by_kernels(chain):
    artifact = chain.artifact("tflite", "int8")
    fast = chain.steps(artifact, "test", "xnnpack")
    assert [name for name, _ in fast] == ["Keras", "float32 TFLite", "int8, reference kernels", "int8, XNNPACK"]
    assert [scores.kernels for _, scores in fast] == [
        "keras-tensorflow",
        "litert-xnnpack",
        "litert-reference",
        "litert-xnnpack",
    ]
    plain = chain.steps(artifact, "test", "reference")
    assert [name for name, _ in plain] == ["Keras", "float32 TFLite", "int8, reference kernels"]
    assert plain[-1][1].kernels == "litert-reference"


def test_float32_has_no_hop_before_itself(chain):
    names = [name for name, _ in chain.steps(chain.artifact("tflite", "float32"), "test", "xnnpack")]
    assert names == ["Keras", "float32, reference kernels", "float32, XNNPACK"]


def test_verdicts_on_two_kinds_of_kernels_live_beside_each_other(chain):
    artifact = chain.artifact("tflite", "int8")
    for kernels in ("xnnpack", "reference"):
        chain.verdict(artifact, "validation", kernels)
    for folder in ("verify-tflite-int8-validation", "verify-tflite-int8-reference-validation"):
        assert run_folder.read_finished_stage(chain.run.root / folder, Verdict) is not None


def test_few_photos_are_drawn_evenly(chain):
    artifact = chain.artifact("tflite", "int8")
    assert chain.answers(artifact, "test", "xnnpack").photos == len(chain.dataset.test)
    assert chain.answers(artifact, "test", "xnnpack", at_most=5).photos == 5


def test_few_answers_live_beside_all_of_them(chain):
    artifact = chain.artifact("tflite", "int8")
    for at_most in (5, 2**31):
        chain.answers(artifact, "test", "reference", at_most=at_most)
    name = "score-tflite-int8-reference-test"
    kept = [run_folder.read_finished_stage(chain.run.root / folder, Scores) for folder in (f"{name}-few", name)]
    assert [one.record.photos for one in kept if one] == [5, len(chain.dataset.test)]


def test_a_ledger_that_can_afford_no_photo_takes_one(chain, monkeypatch):
    monkeypatch.setattr("edgetl.pipeline.scores._LEDGER_S", 0.0)
    verdict = chain.verdict(chain.artifact("tflite", "int8"), "test", "xnnpack", ledger=True)
    assert [hop.photos for hop in verdict.hops] == [1, 1, 1, 1]


@pytest.mark.parametrize(("accelerated", "affordable", "name"), [(True, 2, "XNNPACK"), (False, 100, "LiteRT")])
def test_plain_kernels_are_only_slower_than_fast_ones(chain, monkeypatch, accelerated, affordable, name):
    artifact, asked = chain.artifact("tflite", "float32"), []

    def answers(artifact, part, kernels, at_most=0):
        asked.append((kernels, at_most))
        return Scores.model_construct(accelerated=accelerated, invoke_ms=900.0)

    monkeypatch.setattr(chain, "answers", answers)
    monkeypatch.setattr("edgetl.core.machine.count_cores", lambda: 1)
    steps = chain.steps(artifact, "test", "xnnpack")
    assert asked == [("xnnpack", 0), ("reference", affordable)] and steps[-1][0] == f"float32, {name}"


def test_a_verdict_names_photos_and_classes_as_they_are_now(chain):
    artifact, data = chain.artifact("tflite", "int8"), chain.dataset
    before = chain.verdict(artifact, "test", "xnnpack")
    called = data.model_copy(update={"classes": ("disc", "square", "triangle")})
    chain.__dict__["dataset"] = called
    after = chain.verdict(artifact, "test", "xnnpack")
    assert [change.name for change in after.per_class] == ["disc", "square", "triangle"]
    assert after.per_class[0].model_dump(exclude={"name"}) == before.per_class[0].model_dump(exclude={"name"})
    # A photo moved to another class is another question, whatever it shows.
    moved = tuple(photo.model_copy(update={"label": (photo.label + 1) % 3}) for photo in data.test)
    chain.__dict__["dataset"] = called.model_copy(update={"test": moved})
    assert chain.verdict(artifact, "test", "xnnpack").reference_accuracy < before.reference_accuracy


def test_a_bundle_names_classes_as_they_are_now(chain):
    delivery = Delivery(chain, chain.order.targets[0])
    artifact = chain.artifact("tflite", "int8")
    verdict = delivery.verdict(artifact, "test", ledger=True)
    assert (delivery.bundle(artifact, verdict).root / "labels.txt").read_text().split()[0] == "circle"
    called = {"classes": ("disc", "square", "triangle")}
    for name in ("dataset", "trained"):
        chain.__dict__[name] = getattr(chain, name).model_copy(update=called)
    assert (delivery.bundle(artifact, verdict).root / "labels.txt").read_text().split()[0] == "disc"
