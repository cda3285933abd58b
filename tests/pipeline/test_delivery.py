"""The chosen file of a target: judged on the test photos, and bundled."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edgetl.core.device import targets
from edgetl.core.device.judges import JUDGES
from edgetl.core.errors import StageError
from edgetl.core.microcontroller.memory import MemoryUse
from edgetl.core.records import Artifact
from edgetl.pipeline.delivery import Delivery


@pytest.fixture
def part(pipeline):
    """The pipeline of a copy of the shared run, for its target."""
    return pipeline.for_target(pipeline.context.order.targets[0])


def test_verdict_of_a_finished_run_is_read_back(context, part, delivered):
    assert part.delivery.judge(part.selection.choose()) == delivered.verdict
    assert set(context.run.seconds.values()) == {0.0}


def test_quality_reads_the_verdict_on_the_validation_photos_back(context, part, delivered):
    artifact = part.selection.choose()
    assert part.delivery.assess(artifact, part.delivery.judge(artifact)) == delivered.quality
    assert set(context.run.seconds.values()) == {0.0}
    assert delivered.quality.validation_photos == delivered.candidates[0].validation.photos


def test_judging_again_makes_scores_and_verdict_again_exactly_once(context, part, delivered, watch_stage, monkeypatch):
    artifact, judged = part.selection.choose(), []
    keras_scores = watch_stage("score.score_reference")
    file_scores = watch_stage("score.score_artifact")
    others = [watch_stage(name) for name in ("train.train_model", "calibrate.calibrate_activations")]
    others += [watch_stage(name) for name in ("convert.convert_model", "convert.quantize_with_ranges")]
    from edgetl.pipeline import scores

    verify = scores.verify_artifact

    def count(work, case, contract):
        judged.append(case)
        return verify(work, case, contract)

    count.__module__, count.__name__ = verify.__module__, verify.__name__
    monkeypatch.setattr(scores, "verify_artifact", count)
    verdict = part.delivery.judge(artifact, again=True)
    assert len(keras_scores) == len(judged) == 1 and others == [[], [], [], []]
    kinds = sorted((scored.method, kernels) for scored, _, kernels in file_scores)
    assert kinds == [("float32", "xnnpack"), ("int8", "reference"), ("int8", "xnnpack")]
    assert context.run.seconds["train"] == 0.0 and context.run.seconds["score-keras-test"] > 0
    without_times = {"host_ms", "host_disturbed", "hops"}
    assert verdict.model_dump(exclude=without_times) == delivered.verdict.model_dump(exclude=without_times)
    assert [hop.name for hop in verdict.hops] == [hop.name for hop in delivered.verdict.hops]
    # The new results are kept: judging without `again` reads them back.
    assert part.delivery.judge(artifact) == verdict and len(judged) == 1


def test_undecided_verdict_comes_with_the_ways_to_decide_it(part, delivered, photos):
    assert delivered.verdict.outcome == "UNDECIDED"
    assert delivered.advice == part.delivery.advise(delivered.verdict)
    first, second, *_ = delivered.advice
    assert first.endswith(f"in {photos}: about 0.2 of them become test photos") and "--test DIR" in second
    decided = delivered.verdict.model_copy(update={"outcome": "PASS"})
    assert part.delivery.advise(decided) == ()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"photos": None}, "no photos to add"),
        ({"test": Path("held-out")}, "class folders in held-out: all of them become test photos"),
    ],
)
def test_ways_to_decide_follow_from_the_photos_of_the_order(context, pipeline, delivered, changes, text):
    order = dataclasses.replace(context.order, **changes)
    changed = dataclasses.replace(context, order=order)
    delivery = Delivery(changed, pipeline.model, pipeline.scores, order.targets[0])
    advice = " ".join(delivery.advise(delivered.verdict))
    assert (text in advice) or (changes == {"photos": None} and "class folders" not in advice)
    assert "--test DIR" not in advice and "--limit-drop" in advice


def test_target_without_fast_kernels_is_judged_on_reference_kernels(context, pipeline):
    class PreparedScores:
        def score(self, artifact, part, kernels):
            return part, kernels

        def judge(self, artifact, part, kernels, *, ledger):
            return part, kernels, ledger

    armv7 = targets.find_target("raspberry-pi-armv7")
    delivery = Delivery(context, pipeline.model, PreparedScores(), armv7)
    artifact = Artifact.model_construct(format="tflite")
    assert delivery.score(artifact, "validation") == ("validation", "reference")
    assert delivery.judge(artifact) == ("test", "reference", True)


def test_gain_is_absent_where_no_float32_file_can_be_made(part, delivered, monkeypatch):
    def fail(*_):
        raise StageError("no operator for a loop")

    assert part.delivery.compare_float32(delivered.artifact).float32_bytes > delivered.artifact.bytes
    monkeypatch.setattr(part.delivery._scores, "make_float32", fail)
    assert part.delivery.compare_float32(delivered.artifact) is None


def test_bundle_contains_the_class_names_as_they_are_now(context, part, pipeline, prepare_model, delivered):
    target, classes = part.target, {"classes": ("disc", "square", "triangle")}

    def read_labels(model):
        bundle = Delivery(context, model, pipeline.scores, target).bundle(delivered.artifact, delivered.verdict)
        return (bundle.root / "labels.txt").read_text().split()

    assert read_labels(prepare_model()) == ["circle", "square", "triangle"]
    assert read_labels(prepare_model(dataset=classes, trained=classes)) == ["disc", "square", "triangle"]


def test_bundle_is_made_again_for_another_file_only(context, part, delivered, watch_stage):
    calls = watch_stage("bundle.bundle_artifact")
    part.delivery.bundle(delivered.artifact, delivered.verdict)
    assert calls == []
    float32 = part.selection.choose("float32")
    bundle = part.delivery.bundle(float32, part.delivery.judge(float32))
    assert len(calls) == 1 and bundle.method == "float32" and bundle.artifact_sha256 == float32.sha256


def test_answers_of_a_finished_run_are_read_back(context, part, delivered, watch_stage):
    calls = watch_stage("answers.set_answers")
    artifact = part.selection.choose()
    (rule,) = part.delivery.set_answers(artifact)
    assert calls == [] and (rule,) == part.delivery.read_answers(artifact)
    # The run was copied.
    assert rule.model_dump(exclude={"path"}) == delivered.answers[0].model_dump(exclude={"path"})
    assert [hop.name for hop in rule.hops] == ["float32 TFLite", "int8, XNNPACK"]
    facts = json.loads((delivered.bundle.root / "model.json").read_text(encoding="utf-8"))
    assert facts["answers"]["least_similarities"] == rule.least_similarities


def test_answers_of_another_file_are_not_shown(part, delivered):
    assert part.delivery.read_answers(delivered.artifact.model_copy(update={"sha256": "0" * 64})) == ()


def test_photos_of_other_things_set_the_answers_again(part, delivered, prepare_model, context, pipeline, watch_stage):
    calls = watch_stage("answers.set_answers")
    model = dataclasses.replace(prepare_model(), foreign=(pipeline.model.dataset.train[0].sha256,))
    delivery = Delivery(context, model, pipeline.scores, part.target)
    (rule,) = delivery.set_answers(delivered.artifact)
    assert len(calls) == 1 and [row.photos for row in rule.foreign] == [1]
    ignored = {"path", "foreign", "known_curve"}
    assert rule.model_dump(exclude=ignored) == delivered.answers[0].model_dump(exclude=ignored)


def test_file_without_features_has_no_answers(part, delivered):
    assert part.delivery.set_answers(delivered.artifact.model_copy(update={"features": 0})) == ()


def test_answers_are_set_where_no_float32_file_can_be_made(part, delivered, monkeypatch):
    def fail(*_):
        raise StageError("no operator for a loop")

    monkeypatch.setattr(part.delivery._scores, "make_float32", fail)
    (rule,) = part.delivery.set_answers(delivered.artifact)
    assert rule.hops == () and rule.own == delivered.answers[0].own


@pytest.mark.parametrize(("judge", "kept"), [("tflm", [0, 2]), ("browser", [0, 1, 2]), ("", [0, 1, 2])])
def test_golden_photos_are_those_that_a_judge_of_the_same_integers_agrees_on(shared_dataset, tmp_path, judge, kept):
    host = np.eye(3, dtype=np.float32)
    judged = host.copy()
    judged[1, 0] = 1 / 256
    dataset = shared_dataset.model_copy(update={"test": shared_dataset.test[:3]})

    class Judged(Delivery):
        def __init__(self):
            runtime = SimpleNamespace(judge=judge)
            self._target = SimpleNamespace(find_judge=lambda _: JUDGES[runtime.judge] if runtime.judge else None)
            self._model = SimpleNamespace(dataset=dataset)

        def score(self, artifact, part):
            return self.write("judged", judged)

        def score_on_host(self, artifact):
            return self.write("host", host)

        def write(self, name, scores):
            np.save(tmp_path / f"{name}.npy", scores)
            return SimpleNamespace(path=tmp_path / f"{name}.npy")

    candidates = Judged()._list_golden_candidates(SimpleNamespace(format="tflite"))
    assert candidates.test == tuple(dataset.test[index] for index in kept)
    judged[:] = 0.5
    assert Judged()._list_golden_candidates(SimpleNamespace(format="tflite")).test == dataset.test


@pytest.mark.parametrize(("method", "tensors", "files"), [("cluster8", 3, 1), ("cluster8", 0, 0), ("int8", 3, None)])
def test_clustered_files_are_compressed_where_that_saves_bytes(method, tensors, files):
    memory = MemoryUse.model_construct(artifact_sha256="0")
    compressed = SimpleNamespace(tensors=tensors)

    class Measured(Delivery):
        def __init__(self):
            self.compressed = 0
            self._target = SimpleNamespace(find_judge=lambda _: JUDGES["tflm"])
            self._scores = SimpleNamespace(measure_memory=lambda *_: (memory,), compress_weights=self.compress)

        def compress(self, artifact, kernels):
            assert kernels == "tflm"
            self.compressed += 1
            return compressed

    delivery = Measured()
    (use,) = delivery.measure_memory(SimpleNamespace(format="tflite", method=method))
    assert delivery.compressed == (0 if files is None else 1)
    assert use.compressed == (compressed,) * (files or 0)
