"""measures.py: what bench.py wrote is read whole or refused, and its answers are put back in order."""

import json

import numpy as np
import pytest

from edgetl.core.device import benchmark as benchmark_file
from edgetl.core.device.benchmark import BenchmarkRequest
from edgetl.core.errors import StageError
from edgetl.core.records import Benchmark, Photo

SHA256 = "m" * 64


@pytest.fixture
def wanted(tmp_path) -> BenchmarkRequest:
    photos = []
    (tmp_path / "photos").mkdir()
    for label, name in enumerate(("a.PNG", "b.png")):
        (tmp_path / "photos" / name).write_text(name)
        photos.append(Photo(path=name, label=label, sha256=f"{label}"))
    return BenchmarkRequest(
        model_sha256=SHA256,
        soak_s=0.0,
        classes=("circle", "square"),
        root=tmp_path / "photos",
        photos=tuple(photos),
    )


@pytest.fixture
def write(tmp_path, measure_json):
    """Puts the measure into a folder, changed as told."""

    def put(**changes):
        (tmp_path / benchmark_file.NAME).write_text(json.dumps({**measure_json, **changes}), encoding="utf-8")
        return tmp_path

    return put


def test_what_was_written_is_read(write, measure_json):
    measure = benchmark_file.read_measurement(write() / benchmark_file.NAME, SHA256)
    assert measure.best.steady.p50.ms == 4.0 and measure.photo.total.p50.ms == 7.5
    assert measure.model_dump(mode="json", by_alias=True) == measure_json


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model_sha256": "n" * 64}, "another model"),
        ({"best_threads": 3}, "contradicts itself"),
        ({"valid": True, "reasons": ["hot"]}, "contradicts itself"),
        ({"valid": False}, "contradicts itself"),
        ({"schema": 2}, "schema"),
        ({"sweep": []}, "sweep"),
        ({"photo": {}}, "photo.decode"),
        ({"more": 1}, "more"),
        ({"seconds": -1}, "seconds"),
    ],
)
def test_what_is_no_measure_is_refused(write, changes, says):
    with pytest.raises(StageError, match=says):
        benchmark_file.read_measurement(write(**changes) / benchmark_file.NAME, SHA256)


@pytest.mark.parametrize("content", ["", "[]", "{", "NaN"])
def test_what_is_no_json_is_refused(tmp_path, content):
    (tmp_path / benchmark_file.NAME).write_text(content)
    with pytest.raises(StageError, match="not a measure"):
        benchmark_file.read_measurement(tmp_path / benchmark_file.NAME, SHA256)


def test_no_file_at_all(tmp_path):
    with pytest.raises(StageError, match="left no measure"):
        benchmark_file.read_measurement(tmp_path / benchmark_file.NAME, SHA256)


def test_a_file_without_end_is_not_read(write, monkeypatch):
    monkeypatch.setattr(benchmark_file, "_LIMIT_BYTES", 100)
    with pytest.raises(StageError, match="over the limit"):
        benchmark_file.read_measurement(write() / benchmark_file.NAME, SHA256)


def test_the_record_holds_the_scores_in_the_order_of_the_photos(write, wanted):
    folder = write()
    made = benchmark_file.read_benchmark("pi@a", wanted, folder)
    assert made.scores is not None and made.scores.photos == 2 and made.scores.kernels == "bench.py on pi@a"
    np.testing.assert_array_equal(np.load(made.scores.path), np.array([[0.5, 0.5], [0.75, 0.25]], np.float32))
    assert set(made.contents()) == {folder / "measure.json", folder / "scores.npy"}
    assert Benchmark.from_json(made.to_json(folder), folder) == made


def test_without_photos_there_are_no_scores(write, wanted):
    made = benchmark_file.read_benchmark(
        "host", BenchmarkRequest(**{**fields(wanted), "photos": ()}), write(accuracy=None)
    )
    assert made.scores is None and set(made.contents()) == {made.path}


def fields(wanted: BenchmarkRequest) -> dict[str, object]:
    return {name: getattr(wanted, name) for name in ("model_sha256", "soak_s", "classes", "root", "photos")}


def changed(measure_json, **changes):
    return {**measure_json["accuracy"], **changes}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"unreadable": {"circle/000000.png": "truncated"}}, "could not read a photo that was read here: truncated"),
        ({"answers": []}, "gave 0 answers where 2"),
        (
            {"answers": [{"photo": f"circle/{row:06}.png", "label": 0, "probabilities": [1]} for row in (0, 1)]},
            "of 2 num",
        ),
        (
            {"answers": [{"photo": f"circle/{row:06}.png", "label": 0, "probabilities": [1, 0]} for row in (0, 2)]},
            "2 ans",
        ),
    ],
)
def test_answers_that_do_not_fit_are_refused(write, wanted, measure_json, changes, says):
    with pytest.raises(StageError, match=says):
        benchmark_file.read_benchmark("pi@a", wanted, write(accuracy=changed(measure_json, **changes)))


def test_answers_that_are_no_numbers_are_refused(measure_json):
    accuracy = benchmark_file.Accuracy.model_validate(measure_json["accuracy"])
    nan = accuracy.answers[0].model_copy(update={"probabilities": (float("nan"), 1.0)})
    with pytest.raises(StageError, match="no number"):
        benchmark_file.arrange_probabilities(accuracy.model_copy(update={"answers": (nan, accuracy.answers[1])}), 2, 2)


def test_photos_that_were_asked_for_and_not_scored(write, wanted):
    with pytest.raises(StageError, match="scored no photos"):
        benchmark_file.read_benchmark("host", wanted, write(accuracy=None))


def test_photos_are_laid_out_under_their_labels(wanted, tmp_path):
    benchmark_file.link_photos(wanted, tmp_path / "out")
    found = {
        path.relative_to(tmp_path / "out").as_posix(): path.read_text() for path in (tmp_path / "out").rglob("*.png")
    }
    assert found == {"circle/000000.png": "a.PNG", "square/000001.png": "b.png"}
