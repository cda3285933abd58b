"""retrain_job.py: a job and its result are the same after writing and reading JSON."""

from pathlib import Path

import pytest

from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.recipe.tables import RetrainingTables
from edgetl.core.records import InputSpec, Photo
from edgetl.core.retrain_job import RetrainedModel, RetrainJob, RetrainOutcome

PHOTO = Photo(path="a/1.png", label=0, sha256="s" * 64)
RECIPE = resolve_recipe(flags={"retrain": {"sparsity": 0.75}}).select(RetrainingTables)
OUTCOME = RetrainOutcome(
    epochs=2,
    best_epoch=0,
    start_accuracy=0.5,
    accuracy=0.5,
    learning_rate=1e-5,
    keras2_difference=0.0,
    note="",
    seconds=1.0,
    processor_s=2.0,
)


@pytest.fixture
def retrained(tmp_path) -> RetrainedModel:
    files = {"saved_model/saved_model.pb": "a", "predictions.npy": "b"}
    return RetrainedModel(
        kind="qat", folder=tmp_path, files=files, sha256="c", agreement_sha256s=("s",), outcome=OUTCOME
    )


def test_job_with_its_recipe_is_the_same_after_writing_and_reading():
    job = RetrainJob(
        kind="qat",
        input=InputSpec(height_px=32, width_px=32, fit="crop"),
        train=(PHOTO,),
        validation=(PHOTO,),
        calibration=(PHOTO,),
        agreement_photos=(PHOTO,),
        matrix=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
        offset=(0.1, 0.2, 0.3),
        recipe=RECIPE,
        fits_temperature=True,
    )
    read = RetrainJob.model_validate_json(job.model_dump_json())
    assert read == job
    assert read.recipe == RECIPE and read.recipe.retrain.sparsity == 0.75


def test_converted_model_is_a_saved_model_for_qat_only(tmp_path, retrained):
    assert retrained.model == tmp_path / "saved_model"
    assert retrained.predictions == tmp_path / "predictions.npy"
    assert retrained.model_copy(update={"kind": "prune"}).model == tmp_path / "model.keras"


def test_contents_are_all_files(tmp_path, retrained):
    assert retrained.contents() == {tmp_path / "saved_model/saved_model.pb": "a", tmp_path / "predictions.npy": "b"}


def test_retrained_model_follows_its_folder(tmp_path, retrained):
    value = retrained.to_json(tmp_path)
    assert value["folder"] == "."
    assert RetrainedModel.from_json(value, Path("/moved")).folder == Path("/moved")
