"""A cross-fit of the shared order with two folds: what it leaves, what it reads back, and what it never changes."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from edgetl.core.console import Console
from edgetl.core.evaluation.procedure import JUDGED, ProcedureVerdict
from edgetl.core.photos.parts.folds import list_all_photos
from edgetl.core.records import ActivationRanges, Dataset, Trained
from edgetl.core.run.run_folder import open_run, read_finished_stage
from edgetl.core.run.workspace import Workspace
from edgetl.pipeline import stages
from edgetl.pipeline.build import Built, run_build
from edgetl.pipeline.context import Context


def build(root: Path, order) -> Built:
    with open_run(root) as run:
        return run_build(Context(order=order, run=run, console=Console(quiet=True)))


@pytest.fixture(scope="module")
def fitted_order(order):
    return dataclasses.replace(order, cross_fit=2)


@pytest.fixture(scope="module")
def trained_datasets() -> list[Dataset]:
    """The datasets that the folds are trained on, in order."""
    return []


@pytest.fixture(scope="module")
def fitted(built, fitted_order, trained_datasets, tmp_path_factory) -> Built:
    """The shared run, copied and built with two folds. Instead of a training, each fold gets the shared model."""
    root = Path(shutil.copytree(built.run, tmp_path_factory.mktemp("cross-fit") / "run"))

    def copy_model(work: Workspace, dataset: Dataset, *_: object) -> Trained:
        trained_datasets.append(dataset)
        path = Path(shutil.copy(built.trained.path, work.folder / "model.keras"))
        return built.trained.model_copy(update={"path": path, "dataset_sha256": dataset.sha256})

    with pytest.MonkeyPatch.context() as patch:
        train = stages.train.train_model
        # The fingerprint of the stage covers both.
        copy_model.__module__, copy_model.__name__ = train.__module__, train.__name__
        patch.setattr(stages.train, "train_model", copy_model)
        # The replacement ends here: others of this module train.
        return build(root, fitted_order)


def test_every_photo_is_judged_once_by_a_file_that_never_saw_it(fitted, trained_datasets, shared_dataset):
    (procedure,) = fitted.procedures
    assert procedure.judges == JUDGED and (procedure.target, procedure.method) == ("tflite", "int8")
    photos = list_all_photos(shared_dataset)
    assert procedure.photos == len(photos) == sum(fold.photos for fold in procedure.folds)
    first, second = trained_datasets
    # What one fold tests, the other one trains on or chooses by, and neither does both.
    assert {*first.test, *second.test} == set(photos) and not {*first.test} & {*second.test}
    for dataset, fold in zip(trained_datasets, procedure.folds, strict=True):
        assert not {*dataset.test} & {*dataset.train, *dataset.validation}
        assert fold.photos == len(dataset.test)
    calibrated = [fitted.run / "folds-2" / number / "calibrate-tflite" for number in ("1", "2")]
    ranges = [read_finished_stage(folder, ActivationRanges).record for folder in calibrated]
    # The ranges are set by training photos of the fold.
    assert ranges[0].calibration.sha256 != ranges[1].calibration.sha256


@pytest.mark.slow
def test_each_fold_is_trained(built, fitted_order, tmp_path):
    result = build(Path(shutil.copytree(built.run, tmp_path / "run")), fitted_order)
    folders = [result.run / "folds-2" / number / "train" for number in ("1", "2")]
    trained = [read_finished_stage(folder, Trained).record for folder in folders]
    assert len({built.trained.sha256, *(model.sha256 for model in trained)}) == 3
    assert len({built.trained.dataset_sha256, *(model.dataset_sha256 for model in trained)}) == 3
    assert result.procedures[0].accuracy > 0.9


def test_delivered_file_is_that_of_the_ordinary_build(fitted, delivered):
    (result,) = fitted.targets
    assert (result.artifact.sha256, result.verdict) == (delivered.artifact.sha256, delivered.verdict)
    # The ordinary stages are read back, only the folds are trained, and the record of the results has what they add.
    made = {name for name, seconds in fitted.seconds.items() if seconds > 0}
    assert made and [name for name in made if not name.startswith(("folds-2/", "crossfit-"))] == ["results"]
    assert {"folds-2/1/train", "folds-2/2/train", "folds-2/2/convert-tflite-int8"} <= made


def test_verdict_on_the_procedure_is_kept_in_the_run_folder(fitted):
    content = json.loads((fitted.run / "crossfit-tflite" / "crossfit.json").read_text(encoding="utf-8"))
    assert content["record"]["judges"] == "the procedure, not this file"
    finished = read_finished_stage(fitted.run / "crossfit-tflite", ProcedureVerdict)
    assert (finished.record,) == fitted.procedures


def test_finished_cross_fit_is_read_back_and_a_lost_fold_is_made_again(fitted, fitted_order):
    again = build(fitted.run, fitted_order)
    assert again.procedures == fitted.procedures and set(again.seconds.values()) == {0.0}
    shutil.rmtree(fitted.run / "folds-2" / "2" / "score-keras-test")
    resumed = build(fitted.run, fitted_order)
    assert resumed.procedures == fitted.procedures
    assert {name for name, seconds in resumed.seconds.items() if seconds > 0} == {"folds-2/2/score-keras-test"}


def test_build_without_folds_has_no_verdict_on_the_procedure(built):
    assert built.procedures == () and not (built.run / "folds-2").exists()


def test_notebook_shows_the_model_first_and_the_procedure_last(fitted):
    html = fitted._repr_html_()
    places = [html.index(text) for text in ("how good the model is", "verdict on int8", "cross-fit: the procedure")]
    assert places == sorted(places)
