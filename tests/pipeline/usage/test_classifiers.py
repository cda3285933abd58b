"""Which file a run folder, a bundle or a path means, and what is said where there is none."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from edgetl.core.errors import ConfigError
from edgetl.pipeline.options import ClassifierOptions
from edgetl.pipeline.usage.classifiers import find_classifier


@pytest.fixture
def run(built, tmp_path) -> Path:
    """A copy of the shared run."""
    return Path(shutil.copytree(built.run, tmp_path / "run"))


@pytest.fixture
def run_both(built_both, tmp_path) -> Path:
    """A copy of the shared run for TFLite and ONNX."""
    return Path(shutil.copytree(built_both.run, tmp_path / "both"))


def find(source: Path, **options):
    return find_classifier(source, ClassifierOptions(**options))


def refuse(source: Path, **options) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        find(source, **options)
    return caught.value


def test_run_bundle_and_file_of_a_bundle_are_the_same_classifier(run, built):
    bundle = run / "bundle-tflite" / "bundle"
    expected = find(run)
    assert expected.sha256 == built.artifact.sha256 and expected.classes == built.trained.classes
    assert find(bundle) == find(bundle / "model.tflite") == expected


def test_file_of_a_run_has_the_classes_of_the_run(run, built):
    method = built.artifact.method
    path = run / f"features-tflite-{method}" / "model.tflite"
    by_path, by_method = find(path), find(run, method=method)
    assert by_path == by_method and by_path.path == path
    # The same file without its features.
    assert find(run / f"convert-tflite-{method}" / "model.tflite").classes == by_path.classes
    assert by_path.input == built.trained.input and by_path.classes == built.trained.classes


@pytest.mark.parametrize(("target", "suffix"), [("tflite", ".tflite"), ("onnx", ".onnx")])
def test_run_with_several_targets_needs_one_of_them(run_both, target, suffix):
    assert find(run_both, target=target).path.suffix == suffix
    assert "several targets" in refuse(run_both).message


def test_file_alone_is_described_by_its_input_and_the_options(built, tmp_path):
    path = Path(shutil.copy(built.artifact.path, tmp_path / "alone.tflite"))
    classifier = find(path)
    assert classifier.classes == ("output 0", "output 1", "output 2") and classifier.input.fit == "crop"
    assert classifier.input == built.trained.input
    labels = tmp_path / "names.txt"
    labels.write_text("circle\nsquare\ntriangle\n")
    named = find(path, labels=labels, fit="pad")
    assert named.classes == built.trained.classes and named.input.fit == "pad"
    labels.write_text("circle\nsquare\n")
    assert refuse(path, labels=labels).message == (
        "the labels file has 2 names, the last one in line 2, and the model has 3 outputs"
    )
    assert refuse(path, fit="squash").message == "--fit must be crop, stretch or pad, not 'squash'"


def test_method_without_a_file_has_the_command_that_makes_it(run):
    error = refuse(run, method="int16x8")
    assert error.message == "the run has no tflite file by int16x8 of its model"
    assert error.hint == f"edgetl convert {run} --method int16x8 makes it"
    assert "did you mean" in refuse(run, method="int9").hint


def test_run_without_a_bundle_has_the_command_that_makes_it(run):
    shutil.rmtree(run / "bundle-tflite")
    error = refuse(run)
    assert error.message == "the run has no finished bundle for tflite"
    assert error.hint == f"edgetl bundle {run} --target tflite makes it"


def test_bundle_of_an_earlier_model_is_refused(run):
    path = run / "train" / "model.keras"
    record = run / "train" / "train.json"
    content = json.loads(record.read_text())
    path.write_bytes(path.read_bytes() + b" ")
    content["record"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    record.write_text(json.dumps(content))
    error = refuse(run)
    assert error.message == "the bundle is of an earlier model of this run" and "edgetl bundle" in error.hint
    assert "no tflite file by" in refuse(run, method="int8").message


def test_changed_bundle_of_a_run_is_not_used(run):
    (run / "bundle-tflite" / "bundle" / "model.tflite").write_bytes(b"changed")
    assert refuse(run).message == "the run has no finished bundle for tflite"
    assert "is not as it was made" in refuse(run / "bundle-tflite" / "bundle").message


def test_other_paths_are_refused_with_what_to_give(tmp_path, photos):
    kinds = "give a run folder, a bundle, or a .tflite or .onnx file"
    assert (refuse(tmp_path / "gone").message, refuse(tmp_path / "gone").hint) == ("no such file or folder", kinds)
    assert (refuse(photos).message, refuse(photos).hint) == ("the folder is neither a run folder nor a bundle", kinds)
    (tmp_path / "model.keras").touch()
    assert "does not end in .tflite or .onnx" in refuse(tmp_path / "model.keras").message
    (tmp_path / "text.tflite").write_text("no model")
    assert "not a TFLite file" in refuse(tmp_path / "text.tflite").message


@pytest.mark.parametrize(
    ("place", "option", "kind"),
    [
        (".", "fit", "a run folder"),
        (".", "labels", "a run folder"),
        ("bundle-tflite/bundle", "method", "a bundle"),
        ("bundle-tflite/bundle", "labels", "a bundle"),
        ("bundle-tflite/bundle/model.tflite", "fit", "a file of a bundle"),
        ("bundle-tflite/bundle/model.tflite", "target", "a file"),
    ],
)
def test_option_that_does_not_apply_is_refused(run, place, option, kind):
    value = Path("x") if option == "labels" else "crop"
    assert refuse(run / place, **{option: value}).message.startswith(f"--{option} does not apply to {kind}")
