"""Files of the ladder as tasks: the model goes to a machine, and the same stages come back."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from edgetl.core.errors import ConfigError, StageError
from edgetl.pipeline.execution import method_tasks
from edgetl.pipeline.execution.method_tasks import MethodTask, list_missing, make_file, make_files_elsewhere
from edgetl.pipeline.order import save_order
from edgetl.pipeline.pipeline import Pipeline
from tests.fixtures.execution import FakeExecutor

INT8, FLOAT32 = ("tflite", "int8"), ("tflite", "float32")


@pytest.fixture
def target(context):
    return context.order.targets[0]


@pytest.fixture
def writes(monkeypatch):
    """What tasks make: each writes a stage where the trained model is, and fails for float32."""
    seen = []

    def write(files, scores, target, file):
        root = files._context.run.root
        seen.append((root, sorted(path.name for path in root.iterdir() if path.is_dir())))
        (root / f"convert-{'-'.join(file)}").mkdir()
        (root / f"convert-{'-'.join(file)}" / "convert.json").write_text("{}")
        if file == FLOAT32:
            raise StageError("no memory")

    monkeypatch.setattr(method_tasks, "_make_stages", write)
    return seen


def remove_stages(root: Path, *patterns: str) -> None:
    for pattern in patterns:
        for folder in root.glob(pattern):
            shutil.rmtree(folder)


def test_stages_of_other_machines_are_in_the_run_folder(context, target, writes):
    root = context.run.root
    remove_stages(root, "convert-*", "features-*")
    executor = FakeExecutor()
    make_files_elsewhere(context, executor, target, [INT8, FLOAT32])
    # Each task runs twice here, and a failure keeps what was finished before it.
    assert len(writes) == 4 and executor.specs[0].resources.cpus == 0
    assert all(folder != root and not folder.exists() for folder, _ in writes)
    assert all("train" in names and "score-keras-validation" in names for _, names in writes)
    assert not any(name.startswith(("bundle", "verify", "score-tflite")) for _, names in writes for name in names)
    assert {path.name for path in root.glob("convert-*")} == {"convert-tflite-int8", "convert-tflite-float32"}


def test_what_is_finished_is_not_made_again(context, target):
    plan = [INT8, ("tflite", "int16x8"), ("tflite", "mixed8-2")]
    assert list_missing(context, target, plan) == [("tflite", "int16x8")]
    remove_stages(context.run.root, "verify-tflite-int8-validation")
    assert list_missing(context, target, plan) == [INT8, ("tflite", "int16x8")]


def test_model_of_other_photos_or_packages_is_an_error(context, writes):
    phase1 = context.order.recipe.phase1.model_copy(update={"epochs": 9})
    save_order(
        replace(context.order, recipe=context.order.recipe.model_copy(update={"phase1": phase1})), context.run.root
    )
    order = (context.run.root / "order.json").read_bytes()
    sources = {"train": {"train.json": (context.run.root / "train" / "train.json").read_bytes()}}
    with pytest.raises(ConfigError, match="train"):
        make_file(None, MethodTask(order=order, target="tflite", format="tflite", method="int8", stages=sources))
    assert writes == []


@pytest.mark.slow
def test_file_and_scores_of_another_machine_are_the_same_bytes(context, target):
    before = {name: (context.run.root / name) for name in ("convert-tflite-int8", "features-tflite-int8")}
    files = {name: (folder / "model.tflite").read_bytes() for name, folder in before.items()}
    (scored,) = context.run.root.glob("score-tflite-int8-*-validation")
    scores = (scored / "scores.npy").read_bytes()
    remove_stages(context.run.root, "convert-*", "features-*", "score-tflite-*", "verify-*")
    executor = FakeExecutor()
    executor.repeats = 1
    make_files_elsewhere(context, executor, target, [INT8])
    assert {name: (folder / "model.tflite").read_bytes() for name, folder in before.items()} == files
    assert (scored / "scores.npy").read_bytes() == scores
    # The ladder reads them back.
    assert Pipeline(context).for_target(target).selection.convert("int8").sha256
    assert context.run.seconds["convert-tflite-int8"] == 0.0
