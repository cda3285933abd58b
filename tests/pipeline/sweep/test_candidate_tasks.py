"""candidate_tasks.py: a run folder goes to a machine, its stages come back; trainings are prepared ones here."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from edgetl.core.errors import ConfigError, DataError, StageError
from edgetl.core.run.run_folder import open_run
from edgetl.core.sweep.space import SweepCandidate
from edgetl.pipeline.sweep import candidate_tasks
from edgetl.pipeline.sweep.candidate_tasks import SentCandidate, is_finished, run_candidates
from tests.fixtures.execution import FakeExecutor

CANDIDATE = SweepCandidate(base="mobilenet", alpha=0.25, side_px=32)


@pytest.fixture
def trainings(monkeypatch, shared_dataset):
    """What was made where: each training writes a stage, and each file another one, unless it fails."""
    seen = SimpleNamespace(made=[], failure=None, folders=[])

    def write(run, stage):
        if not (run.root / stage).is_dir():
            if seen.failure and stage == "convert":
                raise seen.failure
            seen.made.append(stage)
            (run.root / stage).mkdir()
            (run.root / stage / f"{stage}.json").write_text("{}")

    def make(context, dataset):
        assert dataset is shared_dataset
        seen.folders.append(context.run.root)
        if context.makes is not None and not (context.run.root / "train").is_dir():
            raise ConfigError("out of date")
        return SimpleNamespace(
            judge_model=lambda: write(context.run, "train"),
            choose_file=lambda: write(context.run, "convert"),
            judge_file=lambda _: None,
        )

    monkeypatch.setattr(candidate_tasks, "TrainedRun", make)
    monkeypatch.setattr(candidate_tasks, "read_photos", lambda _: shared_dataset)
    return seen


@pytest.fixture
def sweep(context, tmp_path):
    """The context of a sweep in an empty folder."""
    with open_run(tmp_path / "sweep") as run:
        yield replace(context, run=run)


def send(order, work="model") -> SentCandidate:
    return SentCandidate(candidate=CANDIDATE, order=order, kind="tuned", work=work)


def list_stages(sweep) -> list[str]:
    root = sweep.run.root / "tuned" / CANDIDATE.name
    return sorted(path.name for path in root.iterdir() if path.is_dir())


def test_stages_of_the_machine_are_in_the_run_folder_here(sweep, order, trainings):
    executor = FakeExecutor()
    assert list(run_candidates(sweep, executor, [send(order)])) == [(0, "")]
    assert list_stages(sweep) == ["train"] and executor.specs[0].resources.cpus == 0
    assert all(not folder.is_relative_to(sweep.run.root) and not folder.exists() for folder in trainings.folders)


def test_file_is_made_from_the_model_that_is_there(sweep, order, trainings):
    list(run_candidates(sweep, FakeExecutor(), [send(order)]))
    trainings.made.clear()
    list(run_candidates(sweep, FakeExecutor(), [send(order, "file")]))
    # A task of this executor runs twice; the model was sent with it.
    assert trainings.made == ["convert", "convert"] and list_stages(sweep) == ["convert", "train"]


def test_failure_is_a_reason_and_finished_stages_are_kept(sweep, order, trainings):
    trainings.failure = StageError("no memory")
    assert list(run_candidates(sweep, FakeExecutor(), [send(order, "file")])) == [(0, "no memory")]
    assert list_stages(sweep) == ["train"]


def test_machine_without_the_photos_ends_the_sweep(sweep, order, trainings, monkeypatch):
    def refuse(_):
        raise DataError("no folder of photos")

    monkeypatch.setattr(candidate_tasks, "read_photos", refuse)
    with pytest.raises(DataError, match="no folder of photos"):
        list(run_candidates(sweep, FakeExecutor(), [send(order)]))


def test_what_is_finished_is_known_without_making_it(sweep, order, trainings, shared_dataset):
    assert not is_finished(sweep, send(order), shared_dataset) and trainings.made == []
    list(run_candidates(sweep, FakeExecutor(), [send(order)]))
    assert is_finished(sweep, send(order), shared_dataset)
    assert Path(sweep.run.root / "tuned" / CANDIDATE.name / "order.json").is_file()
