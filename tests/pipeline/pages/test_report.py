"""A report reads a finished run and computes nothing; a run that is not finished names its command."""

import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest

from edgetl.core.device.benchmark import Benchmark
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.run.run_folder import StageSpec
from edgetl.core.storage.files import hash_file
from edgetl.pipeline.pages.report import open_report, read_run, write_markdown, write_report


@pytest.fixture
def run(built, tmp_path):
    """A copy of the shared run."""
    return shutil.copytree(built.run, tmp_path / "run")


@pytest.fixture
def read(run):
    """Return a function that reads the run."""

    def read(**options):
        with open_report(run, quiet=True) as context:
            return read_run(context, **options)

    return read


def list_stage_times(run):
    """Map the stages of a run to the times of change of their folders."""
    return {path.name: path.stat().st_mtime_ns for path in run.iterdir() if path.is_dir()}


def write(run):
    with open_report(run, quiet=True) as context:
        return write_report(context)


def test_build_has_written_the_page(built, delivered):
    page = (built.run / "report.html").read_text(encoding="utf-8")
    for part in ("Report on", "Confused classes", "Repeat it", delivered.artifact.sha256, "edgetl build "):
        assert part in page
    assert page.count("data:image/webp;base64,") > 3 and len(page.encode()) < 5_000_000


def test_report_makes_no_stage(run):
    before = list_stage_times(run)
    report = write(run)
    assert list_stage_times(run) == before
    assert report.path == run / "report.html" and report.bytes == report.path.stat().st_size
    assert {"glance", "classes", "training", "repeat"} <= set(report.sections)
    json.dumps(asdict(report), default=str)


def test_facts_are_those_of_the_build(read, built, delivered, shared_dataset):
    facts, (target,) = read()
    assert facts.dataset.sha256 == shared_dataset.sha256 and facts.trained.sha256 == built.trained.sha256
    assert target.result.verdict == delivered.verdict and target.bundled == delivered.artifact.method
    accuracy = (target.decisions == target.truth).mean()
    assert accuracy == pytest.approx(delivered.verdict.accuracy)
    assert target.layers and target.answers
    assert [epoch.number for epoch in facts.epochs] == list(range(1, built.trained.phases[-1].last_epoch + 1))
    assert facts.commands["inspect"].endswith("shapes") and "[base]" in facts.recipe


def test_thumbnail_is_the_photo(read, shared_dataset):
    facts, _ = read()
    assert facts.show(0, 16)["path"] == shared_dataset.test[0].path and facts.notes == ()


def test_two_targets_have_their_own_facts(built_both, tmp_path):
    with open_report(shutil.copytree(built_both.run, tmp_path / "both"), quiet=True) as context:
        _, targets = read_run(context)
    assert [target.result.target for target in targets] == ["tflite", "onnx"]
    assert not np.array_equal(targets[0].artifact, targets[1].artifact)


@pytest.mark.parametrize("missing", ["results", "train", "ingest", "score-keras-test"])
def test_run_that_is_not_finished_names_its_command(run, missing):
    shutil.rmtree(run / missing)
    with pytest.raises(ConfigError, match=f"no finished stage {missing}") as caught:
        write(run)
    assert caught.value.hint.startswith("make it with: edgetl build ")


def test_folder_that_is_no_run_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="is not a run folder"):
        write(tmp_path)


def change(path, *keys, value):
    """Change a value in the JSON file of a stage."""
    content = json.loads(path.read_text(encoding="utf-8"))
    entry = content["record"]
    for key in keys[:-1]:
        entry = entry[key]
    entry[keys[-1]] = value
    path.write_text(json.dumps(content), encoding="utf-8")


def test_results_of_an_earlier_model_are_refused(run):
    change(run / "results" / "results.json", "trained_sha256", value="0" * 64)
    with pytest.raises(ConfigError, match="of an earlier model or of other photos") as caught:
        write(run)
    assert "edgetl build" in caught.value.hint


def test_scores_of_other_photos_are_refused(run):
    path = run / "score-keras-test" / "scores.npy"
    np.save(path, np.zeros((2, 3), np.float32))
    change(path.with_name("score.json"), "sha256", value=hash_file(path))
    with pytest.raises(ConfigError, match="is for other photos"):
        write(run)


def test_log_that_edgetl_did_not_write_is_an_error(run):
    (run / "train" / "log.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(StageError, match="not a log of a training"):
        write(run)


@pytest.mark.parametrize("missing", ["calibrate-tflite", "answers-tflite", "bundle-tflite"])
def test_section_without_its_stage_is_left_out(run, read, missing):
    shutil.rmtree(run / missing)
    _, (target,) = read()
    assert bool(target.layers) is (missing != "calibrate-tflite")
    assert bool(target.answers) is (missing != "answers-tflite")
    assert bool(target.bundled) is (missing != "bundle-tflite")


def test_photos_that_left_the_cache_are_decoded_again(run, read, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    facts, _ = read()
    assert facts.show(0, 16)["uri"].startswith("data:image/webp") and facts.notes == ()


def test_page_without_photos_says_why_it_has_no_pictures(run, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    change(run / "ingest" / "ingest.json", "root", value=str(tmp_path / "gone"))
    page = write(run).path.read_text(encoding="utf-8")
    assert "The page has no pictures: " in page and "no thumbnail" in page and "data:image" not in page


def keep_measurement(context, content):
    """Keep a measurement of the device pi@a as `bench` does."""

    def bench(folder):
        path = folder / "measure.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        digest = content["model_sha256"]
        return Benchmark(where="pi@a", path=path, sha256=hash_file(path), model_sha256=digest, scores=None)

    context.run.stage(StageSpec(name="bench-pi_a", record=Benchmark), "f", bench)


def test_measurement_of_the_file_is_shown(context, measure_json, delivered):
    keep_measurement(context, measure_json | {"model_sha256": delivered.artifact.sha256})
    _, (target,) = read_run(context)
    assert [where for where, _ in target.measurements] == ["pi@a"]


def test_measurement_of_another_file_is_not_shown(context, measure_json):
    keep_measurement(context, measure_json)
    _, (target,) = read_run(context)
    assert target.measurements == ()


def test_summary_needs_no_photos(run, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    with open_report(run, quiet=True) as context:
        report = write_markdown(context)
    assert report.path == run / "report.md" and "### The choice of a file" in report.path.read_text(encoding="utf-8")
    assert not (tmp_path / "empty" / "edgetl").exists()


def test_report_of_a_folder_that_cannot_be_written_is_elsewhere(run, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    before = (run / "report.html").stat().st_mtime_ns
    report = write(run)
    assert report.path.parent != run and report.path.is_file()
    assert (run / "report.html").stat().st_mtime_ns == before
