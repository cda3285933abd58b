"""A cross-fit of the shared order with two folds: what it leaves, what it reads back, and what it never changes."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from edgetl.core.console import Console
from edgetl.core.evaluation.procedure import JUDGED, ProcedureVerdict
from edgetl.core.photos.folds import list_all_photos
from edgetl.core.records import Trained
from edgetl.core.run.run_folder import open_run, read_finished_stage
from edgetl.pipeline.build import Built, run_build
from edgetl.pipeline.context import Context


def build(root: Path, order) -> Built:
    with open_run(root) as run:
        return run_build(Context(order=order, run=run, console=Console(quiet=True)))


@pytest.fixture(scope="module")
def fitted_order(order):
    return dataclasses.replace(order, cross_fit=2)


@pytest.fixture(scope="module")
def fitted(built, fitted_order, tmp_path_factory) -> Built:
    """The shared run, copied and built with two folds."""
    root = Path(shutil.copytree(built.run, tmp_path_factory.mktemp("cross-fit") / "run"))
    return build(root, fitted_order)


def test_every_photo_is_judged_once_by_a_file_that_never_saw_it(fitted, shared_dataset):
    (procedure,) = fitted.procedures
    assert procedure.judges == JUDGED and (procedure.target, procedure.method) == ("tflite", "int8")
    assert procedure.photos == len(list_all_photos(shared_dataset)) == sum(fold.photos for fold in procedure.folds)
    trained = [read_finished_stage(fitted.run / "folds-2" / number / "train", Trained).record for number in ("1", "2")]
    # Each fold has a model of its own, and none of them is the delivered one.
    assert len({fitted.trained.sha256, *(model.sha256 for model in trained)}) == 3
    assert len({fitted.trained.dataset_sha256, *(model.dataset_sha256 for model in trained)}) == 3


def test_delivered_file_is_that_of_the_ordinary_build(fitted, delivered):
    (result,) = fitted.targets
    assert (result.artifact.sha256, result.verdict) == (delivered.artifact.sha256, delivered.verdict)
    # The ordinary stages are read back: only the folds are trained.
    made = {name for name, seconds in fitted.seconds.items() if seconds > 0}
    assert made and all(name.startswith(("folds-2/", "crossfit-")) for name in made)
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
