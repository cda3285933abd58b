"""retraining.py: a job goes to a child process as JSON and comes back whole."""

import shutil
from pathlib import Path

import pytest

from edgetl.core import retrain_job
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.records import InputSpec, Photo
from edgetl.core.retrain_job import RetrainedModel, RetrainJob, RetrainOutcome

PHOTO = Photo(path="a/1.png", label=0, sha256="s" * 64)


def job() -> RetrainJob:
    return RetrainJob(
        kind="qat",
        input=InputSpec(side_px=32, fit="crop"),
        train=(PHOTO,),
        validation=(PHOTO,),
        calibration=(PHOTO,),
        proof=(PHOTO,),
        matrix=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
        offset=(0.1, 0.2, 0.3),
        recipe=resolve_recipe(flags={"retrain": {"sparsity": 0.75}}).tables(),
    )


def test_a_job_comes_back_with_its_recipe():
    back = RetrainJob.model_validate_json(job().model_dump_json())
    assert back == job()
    assert back.resolved() == resolve_recipe(flags={"retrain": {"sparsity": 0.75}})


def test_what_is_converted(tmp_path):
    outcome = RetrainOutcome(
        epochs=2,
        best_epoch=0,
        start_accuracy=0.5,
        accuracy=0.5,
        learning_rate=1e-5,
        bridge_difference=0.0,
        note="",
        seconds=1.0,
    )
    files = {"saved_model/saved_model.pb": "a", "proof.npy": "b"}
    made = RetrainedModel(kind="qat", folder=tmp_path, files=files, sha256="c", proof=("s",), outcome=outcome)
    assert made.model == tmp_path / "saved_model" and made.answers == tmp_path / "proof.npy"
    assert made.model_copy(update={"kind": "prune"}).model == tmp_path / "model.keras"
    assert made.contents() == {tmp_path / "saved_model/saved_model.pb": "a", tmp_path / "proof.npy": "b"}
    # On disk the folder is the one of the JSON file, wherever that is moved.
    kept = made.to_json(tmp_path)
    assert kept["folder"] == "."
    assert RetrainedModel.from_json(kept, Path("/elsewhere")).folder == Path("/elsewhere")


@pytest.mark.parametrize("pattern", retrain_job._CODE)
def test_other_code_trains_anew(pattern, tmp_path, monkeypatch):
    package = tmp_path / "edgetl"
    shutil.copytree(Path(retrain_job.__file__).parents[1], package, ignore=shutil.ignore_patterns("__pycache__"))
    before = retrain_job.made_by()
    monkeypatch.setattr(retrain_job, "__file__", str(package / "core" / "retraining.py"))
    assert retrain_job.made_by() == before
    changed = min(package.glob(pattern))
    changed.write_bytes(changed.read_bytes() + b"# otherwise\n")
    assert retrain_job.made_by() != before
