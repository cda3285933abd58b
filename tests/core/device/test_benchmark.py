"""benchmark.py: photos are linked under their labels, and the predictions of a device become scores in their order."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgetl.core.device import benchmark
from edgetl.core.device.benchmark import Benchmark, BenchmarkRequest
from edgetl.core.device.measurement import NAME, Accuracy
from edgetl.core.errors import StageError
from edgetl.core.records import Photo


@pytest.fixture
def request_two(tmp_path) -> BenchmarkRequest:
    """A request with one photo of each of two classes."""
    (tmp_path / "photos").mkdir()
    photos = []
    for label, name in enumerate(("a.PNG", "b.png")):
        (tmp_path / "photos" / name).write_text(name)
        photos.append(Photo(path=name, label=label, sha256=f"{label}"))
    return BenchmarkRequest(
        model_sha256="m" * 64,
        soak_s=0.0,
        classes=("circle", "square"),
        root=tmp_path / "photos",
        photos=tuple(photos),
    )


@pytest.fixture
def write(tmp_path, measure_json) -> Callable[..., Path]:
    """Write a measure.json with other values for "accuracy", and return its folder."""

    def write_file(**changes: object) -> Path:
        accuracy = {**measure_json["accuracy"], **changes}
        (tmp_path / NAME).write_text(json.dumps({**measure_json, "accuracy": accuracy}), encoding="utf-8")
        return tmp_path

    return write_file


@pytest.fixture
def folder_without_accuracy(tmp_path, measure_json) -> Path:
    """A folder with a measurement that has no accuracy."""
    (tmp_path / NAME).write_text(json.dumps({**measure_json, "accuracy": None}), encoding="utf-8")
    return tmp_path


def test_photos_are_linked_under_their_labels(request_two, tmp_path):
    benchmark.link_photos(request_two, tmp_path / "links")
    links = {path.relative_to(tmp_path / "links").as_posix(): path for path in (tmp_path / "links").rglob("*.png")}
    content = {name: path.read_text() for name, path in links.items()}
    assert content == {"circle/000000.png": "a.PNG", "square/000001.png": "b.png"}


def test_scores_are_in_the_order_of_the_photos(request_two, write):
    folder = write()
    record = benchmark.read_benchmark("pi@a", request_two, folder)
    assert record.scores is not None and record.scores.photos == 2 and record.scores.kernels == "bench.py on pi@a"
    expected = np.array([[0.5, 0.5], [0.75, 0.25]], np.float32)
    np.testing.assert_array_equal(np.load(record.scores.path), expected)
    assert set(record.contents()) == {folder / "measure.json", folder / "scores.npy"}
    assert Benchmark.from_json(record.to_json(folder), folder) == record


def test_request_without_photos_has_no_scores(request_two, folder_without_accuracy):
    without_photos = dataclasses.replace(request_two, photos=())
    record = benchmark.read_benchmark("host", without_photos, folder_without_accuracy)
    assert record.scores is None and set(record.contents()) == {record.path}


def test_request_with_photos_needs_scores(request_two, folder_without_accuracy):
    with pytest.raises(StageError, match=r"bench\.py scored no photos"):
        benchmark.read_benchmark("host", request_two, folder_without_accuracy)


def make_answers(*rows: int, probabilities: list[float]) -> list[dict[str, object]]:
    return [{"photo": f"circle/{row:06}.png", "label": 0, "probabilities": probabilities} for row in rows]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unreadable": {"circle/000000.png": "truncated"}}, "a photo that this machine can read: truncated"),
        ({"answers": []}, "predicted 0 photos, expected are 2"),
        ({"answers": make_answers(0, 1, probabilities=[1])}, "expected are 2 with 2 probabilities each"),
        ({"answers": make_answers(0, 2, probabilities=[1, 0])}, "predicted 2 photos, expected are 2"),
    ],
    ids=["unreadable photo", "no photos", "too few probabilities", "another photo"],
)
def test_incomplete_predictions_are_refused(request_two, write, changes, message):
    with pytest.raises(StageError, match=message):
        benchmark.read_benchmark("pi@a", request_two, write(**changes))


def test_probability_that_is_not_a_number_is_refused(measure_json):
    accuracy = Accuracy.model_validate(measure_json["accuracy"])
    invalid = accuracy.answers[0].model_copy(update={"probabilities": (float("nan"), 1.0)})
    accuracy = accuracy.model_copy(update={"answers": (invalid, accuracy.answers[1])})
    with pytest.raises(StageError, match="not finite numbers"):
        benchmark.arrange_probabilities(accuracy, 2, 2)
