"""Thresholds of a file in a run folder: those of its bundle, or the reason why it has none."""

import json
import shutil
from pathlib import Path

import pytest

from edgetl.core.console import Console
from edgetl.pipeline.options import ClassifierOptions
from edgetl.pipeline.usage.classifiers import find_classifier
from edgetl.pipeline.usage.predictions import predict_photos


@pytest.fixture
def run(built, tmp_path) -> Path:
    """A copy of the shared run."""
    return Path(shutil.copytree(built.run, tmp_path / "run"))


def find(source: Path, **options):
    return find_classifier(source, ClassifierOptions(**options))


def change_features_record(run: Path, method: str, **fields: object) -> None:
    """Change fields of the record of the stage that has added the features."""
    path = run / f"features-tflite-{method}" / "artifact.json"
    path = path if path.exists() else next((run / f"features-tflite-{method}").glob("*.json"))
    content = json.loads(path.read_text())
    content["record"] |= fields
    path.write_text(json.dumps(content))


def leave_features_out(run: Path) -> None:
    """Change the recipe of a run to that of --no-features."""
    order = json.loads((run / "order.json").read_text())
    order["recipe"]["answers"]["features"] = False
    (run / "order.json").write_text(json.dumps(order))


def test_method_of_the_bundle_answers_as_the_bundle_does(run, built, photos):
    by_method, bundled = find(run, method=built.artifact.method), find(run)
    assert by_method.sha256 == bundled.sha256 and by_method.no_answers == ""
    first, second = by_method.reference, bundled.reference
    assert first.least_similarities == second.least_similarities and first.sha256 == second.sha256
    assert first.least_probability == second.least_probability
    paths = sorted(photos.rglob("*3.png"))[:6]
    answers = [predict_photos(one, paths, 3, console=Console(quiet=True)).photos for one in (by_method, bundled)]
    assert all(photo.answer for photo in answers[0]) and answers[0] == answers[1]


@pytest.mark.parametrize("target", ["tflite", "onnx"])
def test_each_target_has_its_thresholds(built_both, target):
    bundled = find(built_both.run, target=target)
    by_method = find(built_both.run, target=target, method=bundled.method)
    assert by_method.reference.least_similarities == bundled.reference.least_similarities
    # The target of a file in the run folder is that with thresholds for it.
    assert find(by_method.path) == by_method


def test_other_method_has_the_command_that_sets_its_thresholds(run, photos):
    classifier = find(run, method="float32")
    assert classifier.reference is None
    assert classifier.no_answers == (
        "the run has thresholds for the file in its bundle only; "
        f"edgetl bundle {run} --method float32 sets those of this file, and bundles it"
    )
    predicted = predict_photos(classifier, [next(photos.rglob("*.png"))], 3, console=Console(quiet=True))
    assert predicted.no_answers == classifier.no_answers


def test_command_names_the_target_of_several(built_both):
    assert "--target onnx --method float32 sets" in find(built_both.run, target="onnx", method="float32").no_answers


def test_run_without_features_says_so(run, built):
    leave_features_out(run)
    classifier = find(run, method=built.artifact.method)
    # The file with features is that of an earlier build.
    assert classifier.path.parent.name == f"convert-tflite-{built.artifact.method}"
    assert classifier.no_answers == "the file does not output features: the run was built with --no-features"


def test_file_before_its_features_names_the_one_with_them(run, built):
    method = built.artifact.method
    path = run / f"convert-tflite-{method}" / "model.tflite"
    assert find(path).no_answers == (
        f"the file does not output features; the one that does is that of {run} with --method {method}"
    )
    shutil.rmtree(run / f"features-tflite-{method}")
    assert find(path).no_answers == (
        f"the file does not output features; edgetl convert {run} --method {method} makes the one that does"
    )


def test_network_without_pooled_features_says_so(run, built):
    change_features_record(run, built.artifact.method, features=0)
    assert find(run, method=built.artifact.method).no_answers == (
        "the file does not output features: its network does not end in dense layers"
    )


def test_targets_with_different_thresholds_are_not_mixed_up(built_both, tmp_path):
    run = Path(shutil.copytree(built_both.run, tmp_path / "run"))
    path = find(run, target="tflite", method=find(run, target="tflite").method).path
    # As if both targets had the file, on kernels that differ.
    shutil.rmtree(run / "answers-onnx")
    shutil.copytree(run / "answers-tflite", run / "answers-onnx")
    record = run / "answers-onnx" / "answers.json"
    content = json.loads(record.read_text())
    content["record"]["least_similarities"] = dict.fromkeys(content["record"]["least_similarities"], 0.5)
    record.write_text(json.dumps(content))
    assert find(path).no_answers.startswith("several targets have thresholds for this file; give ")
    assert find(run, target="tflite", method="int8").reference is not None
