"""The Python API: the verbs with the names and defaults of the command line, and results for notebooks."""

import inspect
import shutil
from pathlib import Path
from typing import get_type_hints

import pytest

import edgetl
from edgetl import api
from edgetl.core.errors import ConfigError
from edgetl.core.record import Record
from edgetl.pipeline.options import BuildOptions, ClassifierOptions, TrainOptions, list_options


@pytest.fixture
def run(shared_run, tmp_path) -> Path:
    """A copy of the shared run."""
    return Path(shutil.copytree(shared_run.run, tmp_path / "run"))


@pytest.mark.parametrize(
    ("keywords", "group"),
    [
        (api.BuildKeywords, BuildOptions),
        (api.TrainKeywords, TrainOptions),
        (api.PredictKeywords, ClassifierOptions),
    ],
)
def test_keywords_are_the_options_of_the_command_line(keywords, group):
    options = {name for name, _, _, _ in list_options(group)} - {"photos"}
    assert set(get_type_hints(keywords)) == options


@pytest.mark.parametrize(
    ("function", "group"),
    [(edgetl.build, BuildOptions), (edgetl.train, TrainOptions), (edgetl.predict, ClassifierOptions)],
)
def test_signature_shows_every_option_with_its_default(function, group):
    parameters = inspect.signature(function).parameters
    for name, _, _, default in list_options(group):
        assert parameters[name].default == default, name
    assert not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())


def test_build_of_a_finished_run_gives_the_same_files(run, photos, recipe_file, delivered, capsys):
    built = edgetl.build(str(photos), out=str(run), recipe=str(recipe_file))
    assert built.artifact.sha256 == delivered.artifact.sha256
    assert built.bundle.root == run / "bundle-tflite" / "bundle"
    assert built.verdict == delivered.verdict and built.quality == delivered.quality
    assert set(built.seconds.values()) == {0.0}
    assert "120" not in capsys.readouterr().out


def test_table_has_a_row_for_every_method_that_was_tried(shared_run):
    rows = shared_run.table()
    assert [row["method"] for row in rows] == [attempt.method for attempt in shared_run.targets[0].attempts]
    assert [row["chosen"] for row in rows].count(True) == 1
    assert all(set(row) == set(rows[0]) for row in rows)
    assert rows[0]["model_bytes"] == shared_run.artifact.bytes


def test_several_targets_have_no_single_verdict(built_both):
    with pytest.raises(ValueError, match="2 targets were built"):
        _ = built_both.verdict
    assert {row["target"] for row in built_both.table()} == {"tflite", "onnx"}


def test_results_are_shown_as_html(shared_run):
    html = shared_run._repr_html_()
    assert "methods on validation photos, target tflite" in html and shared_run.verdict.outcome in html
    hostile = shared_run.verdict.model_copy(update={"method": "<script>"})
    assert "<script>" not in hostile._repr_html_()


def test_train_returns_the_model_of_a_finished_run(run, photos, recipe_file, shared_run):
    trained = edgetl.train(photos, out=run, recipe=str(recipe_file), quiet=True)
    assert isinstance(trained, Record) and trained.sha256 == shared_run.trained.sha256


def test_convert_verify_and_bundle_work_on_a_run(run, delivered):
    assert edgetl.convert(run, method="float32", quiet=True).method == "float32"
    verdict = edgetl.verify(run, quiet=True)
    assert (verdict.outcome, verdict.broke) == (delivered.verdict.outcome, delivered.verdict.broke)
    assert (edgetl.bundle(run, quiet=True).root / "SHA256SUMS").is_file()


def test_predict_classifies_photos_with_the_file_of_a_run(run, photos, tmp_path):
    predicted = edgetl.predict(run, photos / "circle" / "000.png", quiet=True)
    assert predicted.photos[0].true_class == "circle" and len(predicted.photos[0].classes) == 3
    (tmp_path / "names.txt").write_text("a\nb\nc\n")
    file = shutil.copy(run / "bundle-tflite" / "bundle" / "model.tflite", tmp_path / "alone.tflite")
    several = edgetl.predict(file, [str(photos / "circle")], top=1, labels=str(tmp_path / "names.txt"), quiet=True)
    assert len(several.photos) == 40 and {photo.label for photo in several.photos} <= {"a", "b", "c"}
    with pytest.raises(ConfigError, match="unknown option 'lables'") as error:
        edgetl.predict(run, photos, lables="x")
    assert "did you mean labels" in error.value.hint


def test_bench_measures_this_machine(run, few_runs):
    measured = edgetl.bench(run, quiet=True)
    assert set(measured.measurements) == {"host"} and not measured.errors
    assert measured.measurements["host"].best.steady.p50.ms > 0


def test_misspelt_option_names_the_closest_one(photos):
    with pytest.raises(ConfigError, match="unknown option 'alhpa'") as caught:
        edgetl.build(photos, alhpa=0.35)
    assert "alpha" in caught.value.hint and "hint: did you mean" in str(caught.value)


def test_errors_of_the_recipe_reach_the_caller(photos, tmp_path):
    with pytest.raises(ConfigError, match="epochs"):
        edgetl.train(photos, out=tmp_path / "run", epochs=0)
