"""Scores and verdicts of a copy of the shared run, by kernels and by number of photos."""

import dataclasses
from types import SimpleNamespace

import pytest

from edgetl.core.device.judges import JUDGES
from edgetl.core.device.targets import find_target
from edgetl.core.errors import StageError
from edgetl.core.microcontroller.memory import MemoryUse
from edgetl.core.rejection.feature_files import ScoresWithFeatures
from edgetl.core.run.run_folder import read_finished_stage
from edgetl.core.verdict_records import Verdict
from edgetl.pipeline import stages
from edgetl.pipeline.scores import ModelScores


@pytest.fixture
def scores(pipeline):
    return pipeline.scores


@pytest.fixture
def artifact(pipeline):
    return pipeline.files.make("tflite", "int8")


def test_ledger_has_a_step_for_each_kernel_set(scores, artifact):
    steps = scores.score_steps(artifact, "test", "xnnpack")
    assert [name for name, _ in steps] == ["Keras", "float32 TFLite", "int8, XNNPACK", "int8, reference kernels"]
    assert [step.kernels for _, step in steps] == [
        "keras-tensorflow",
        "litert-xnnpack",
        "litert-xnnpack",
        "litert-reference",
    ]


def test_ledger_on_reference_kernels_has_no_step_for_fast_ones(scores, artifact):
    steps = scores.score_steps(artifact, "test", "reference")
    assert [name for name, _ in steps] == ["Keras", "float32 TFLite", "int8, reference kernels"]
    assert steps[-1][1].kernels == "litert-reference"


def test_ledger_of_float32_has_no_step_before_the_conversion(pipeline, scores):
    names = [name for name, _ in scores.score_steps(pipeline.files.make("tflite", "float32"), "test", "xnnpack")]
    assert names == ["Keras", "float32, XNNPACK", "float32, reference kernels"]


def test_verdicts_on_two_kernel_sets_do_not_replace_each_other(context, scores, artifact):
    for kernels in ("xnnpack", "reference"):
        scores.judge(artifact, "validation", kernels)
    for folder in ("verify-tflite-int8-validation", "verify-tflite-int8-reference-validation"):
        assert read_finished_stage(context.run.root / folder, Verdict) is not None


def test_scores_of_a_part_cover_all_photos_unless_limited(scores, artifact, shared_dataset):
    assert scores.score(artifact, "test", "xnnpack").photos == len(shared_dataset.test)
    assert scores.score(artifact, "test", "xnnpack", at_most=5).photos == 5


def test_scores_of_few_photos_do_not_replace_those_of_all(context, scores, artifact, shared_dataset):
    for at_most in (5, 2**31):
        scores.score(artifact, "test", "reference", at_most=at_most)
    name = "score-tflite-int8-reference-test"
    folders = [context.run.root / folder for folder in (f"{name}-few", name)]
    finished = [read_finished_stage(folder, ScoresWithFeatures) for folder in folders]
    assert [stage.record.photos for stage in finished if stage] == [5, len(shared_dataset.test)]


def test_ledger_that_can_afford_no_photo_uses_one(scores, artifact, monkeypatch, shared_dataset):
    monkeypatch.setattr("edgetl.pipeline.scores._LEDGER_S", 0.0)
    verdict = scores.judge(artifact, "test", "xnnpack", ledger=True)
    every = len(shared_dataset.test)
    assert [hop.photos for hop in verdict.hops] == [every, every, every, 1]


def test_no_outcome_depends_on_the_photos_of_the_ledger(context, pipeline, artifact, monkeypatch, shared_dataset):
    monkeypatch.setattr("edgetl.pipeline.scores._LEDGER_PHOTOS", 3)
    recipe = context.order.recipe
    full = recipe.model_copy(update={"contract": recipe.contract.model_copy(update={"full_ledger": True})})
    verdicts = {}
    for name, chosen in {"few": recipe, "full": full}.items():
        order = dataclasses.replace(context.order, recipe=chosen)
        scores = ModelScores(dataclasses.replace(context, order=order), pipeline.model, pipeline.files)
        verdicts[name] = scores.judge(artifact, "test", "xnnpack", ledger=True)
    assert [verdicts[name].hops[-1].photos for name in ("few", "full")] == [3, len(shared_dataset.test)]
    few, full = (verdict.model_copy(update={"hops": ()}) for verdict in verdicts.values())
    assert few == full


def test_ledger_leaves_out_kernels_that_lack_an_operator(pipeline, scores, artifact, monkeypatch):
    score = scores.score

    def fail(artifact, part, kernels, **limit):
        if kernels == "reference":
            raise StageError("LiteRT has no reference kernels for ELU")
        return score(artifact, part, kernels, **limit)

    monkeypatch.setattr(scores, "score", fail)
    assert [name for name, _ in scores.score_steps(artifact, "test", "xnnpack")] == [
        "Keras",
        "float32 TFLite",
        "int8, XNNPACK",
    ]


def test_ledger_leaves_out_a_float32_file_that_cannot_be_made(pipeline, scores, artifact, monkeypatch):
    def fail(*_):
        raise StageError("no operator for a loop")

    monkeypatch.setattr(scores, "make_float32", fail)
    steps = [name for name, _ in scores.score_steps(artifact, "test", "xnnpack")]
    assert steps == ["Keras", "int8, XNNPACK", "int8, reference kernels"]


@pytest.mark.parametrize(("accelerated", "affordable", "name"), [(True, 2, "XNNPACK"), (False, 100, "LiteRT")])
def test_number_of_affordable_photos_depends_on_the_kernels_that_ran(
    pipeline, monkeypatch, accelerated, affordable, name
):
    """Where the optimized kernels did not run, the reference kernels are no slower."""
    artifact, calls = pipeline.files.make("tflite", "float32"), []

    def score(artifact, part, kernels, at_most=0):
        calls.append((kernels, at_most))
        return ScoresWithFeatures.model_construct(accelerated=accelerated, invoke_ms=900.0)

    monkeypatch.setattr(pipeline.scores, "score", score)
    monkeypatch.setattr("edgetl.core.machine.count_cores", lambda: 1)
    steps = pipeline.scores.score_steps(artifact, "test", "xnnpack")
    assert calls == [("xnnpack", 0), ("reference", affordable)] and steps[-2][0] == f"float32, {name}"


def test_verdict_uses_classes_and_labels_as_they_are_now(context, pipeline, artifact, prepare_model, shared_dataset):
    def judge(**dataset):
        return ModelScores(context, prepare_model(dataset=dataset), pipeline.files).judge(artifact, "test", "xnnpack")

    before, classes = judge(), ("disc", "square", "triangle")
    renamed = judge(classes=classes)
    assert [change.name for change in renamed.per_class] == ["disc", "square", "triangle"]
    assert renamed.per_class[0].model_dump(exclude={"name"}) == before.per_class[0].model_dump(exclude={"name"})
    # The scores of a photo that is moved to another class stay valid. The verdict does not.
    moved = tuple(photo.model_copy(update={"label": (photo.label + 1) % 3}) for photo in shared_dataset.test)
    assert judge(classes=classes, test=moved).reference_accuracy < before.reference_accuracy


def test_scores_are_computed_once_for_a_verdict_and_its_ledger(scores, artifact, watch_stage):
    calls = watch_stage("score.score_artifact")
    again = scores.again()
    for ledger in (True, False):
        again.judge(artifact, "test", "xnnpack", ledger=ledger)
    kinds = [(scored.method, kernels) for scored, _, kernels in calls]
    assert sorted(kinds) == [("float32", "xnnpack"), ("int8", "reference"), ("int8", "xnnpack")]


class StageList:
    """A context that runs stages without keeping them, and lists their names."""

    def __init__(self):
        self.names = []

    def can_make(self, stage):
        return True

    def run_stage(self, spec, function, *arguments):
        self.names.append(spec.name)
        return function(*arguments)


def test_a_file_for_an_npu_is_compiled_beside_its_memory(monkeypatch):
    plain = MemoryUse.model_construct(artifact_sha256="0")
    monkeypatch.setattr(stages, "MEMORY_STAGES", {"tflm": lambda artifact: plain})
    monkeypatch.setattr(stages, "npu", SimpleNamespace(compile_for_npu=lambda artifact, npu: (artifact, npu)))
    monkeypatch.setattr("edgetl.pipeline.scores.require_vela", lambda: None)
    scores, artifact = object.__new__(ModelScores), SimpleNamespace(format="tflite", method="int8")
    scores._context = StageList()
    assert scores.measure_memory(artifact, find_target("microcontroller")) == (plain,)
    (use,) = scores.measure_memory(artifact, find_target("ethos-u85-256"))
    assert use.npu == ((artifact, "ethos-u85-256"),) and use.artifact_sha256 == "0"
    assert scores.measure_memory(artifact, find_target("tflite")) == ()
    memory = "memory-tflm-tflite-int8"
    assert scores._context.names == [memory, memory, "npu-ethos-u85-256-tflite-int8"]


@pytest.mark.parametrize(("judge", "programs"), [("tflm", ()), ("browser", ("a hash",))])
def test_stage_of_a_judge_depends_on_its_programs(monkeypatch, judge, programs):
    """Other programs of a page are other arguments of the stage, so that its scores are made again."""
    row = dataclasses.replace(JUDGES[judge], hash_programs=lambda: "".join(programs))
    monkeypatch.setitem(JUDGES, judge, row)
    calls = []
    context = SimpleNamespace(run_stage=lambda spec, stage, *arguments: calls.append((spec.name, arguments)))
    model = SimpleNamespace(dataset=SimpleNamespace(part=lambda _: ()), input_spec=None)
    artifact = SimpleNamespace(format="tflite", method="int8", sha256="a")
    ModelScores(context, model, None).score(artifact, "test", judge)
    ((name, (file, photos, *rest)),) = calls
    assert name == f"score-tflite-int8-{judge}-test" and file is artifact and photos.part == "test"
    assert tuple(rest) == programs
