"""The bundle stage with bytes in place of a model: which files it writes, that they repeat, and what it refuses."""

import dataclasses
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.core.device import targets
from edgetl.core.device.bundle_files import select_golden_photos
from edgetl.core.errors import ConfigError, DataError, StageError
from edgetl.core.photos import pixels
from edgetl.core.records import (
    Artifact,
    Bundle,
    CalibrationSet,
    Dataset,
    InputSpec,
    Photo,
    Refusal,
    TensorSpec,
    Trained,
)
from edgetl.core.verdict_records import Verdict
from edgetl.stages.bundle import BundleJob, Golden, bundle

SIDE_PX = 8
CLASSES = ("daisy", "ox-eye & co ☼")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def job(tmp_path) -> BundleJob:
    root = tmp_path / "photos"
    root.mkdir()
    photos = []
    for index in range(3):
        path = root / f"{index}.png"
        noise = np.random.default_rng(index).integers(0, 256, (10, 12, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
        photos.append(Photo(path=path.name, label=index % 2, sha256=sha256(path)))
    model = tmp_path / "some.tflite"
    model.write_bytes(b"TFL3")
    dataset = Dataset(
        root=root, classes=CLASSES, train=(), validation=(), test=tuple(photos), left_out=(), sha256="dataset"
    )
    chosen = select_golden_photos(dataset)
    return BundleJob(
        target=targets.find_target("tflite"),
        trained=Trained.model_construct(
            path=tmp_path / "model.keras",
            sha256="trained",
            base="mobilenet_v2",
            input=InputSpec(side_px=SIDE_PX, fit="stretch"),
            classes=CLASSES,
            activation="softmax",
            dataset_sha256="dataset",
        ),
        artifact=Artifact(
            path=model,
            format="tflite",
            method="int8",
            input=TensorSpec(name="image", shape=(1, SIDE_PX, SIDE_PX, 3), dtype="uint8", scale=0.0, zero_point=0),
            output=TensorSpec(name="label", shape=(1, 2), dtype="uint8", scale=1 / 256, zero_point=0),
            operators={},
            tensor_dtypes={},
            bytes=4,
            sha256=sha256(model),
            trained_sha256="trained",
            gzip_bytes=5,
            sparsity=0.25,
            distinct_weights=9,
            agreement=1.0,
            refusal=Refusal(message="", hint=""),
            calibration=CalibrationSet(photos=0, sha256=""),
        ),
        verdict=Verdict.model_construct(artifact_sha256=sha256(model), outcome="PASS"),
        dataset=dataset,
        recipe={
            "base": {"weights": str(tmp_path / "w.h5")},
            "external": {"path": "", "labels": str(tmp_path / "l.txt")},
        },
        golden=Golden(
            photos=chosen,
            pixels=np.stack([pixels.load_photo(root / photo.path, SIDE_PX, "stretch") for photo in chosen]),
            outputs=np.zeros((3, 2), np.uint8),
        ),
    )


def folder_in(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files(job, tmp_path):
    made = bundle(job, folder_in(tmp_path, "out"))
    files = contents(made.root)
    assert sorted(files) == [
        "README.md",
        "SHA256SUMS",
        "bench.py",
        "board.py",
        "check_python.py",
        "classify.py",
        "golden/0_daisy.png",
        "golden/1_ox_eye_co.png",
        "golden/2_daisy.png",
        "golden/expected.npz",
        "golden_check.py",
        "labels.txt",
        "latency_statistics.py",
        "model.json",
        "model.tflite",
        "pixels.py",
        "plots.py",
        "requirements.txt",
        "runtime.py",
        "scoring.py",
        "selfcheck.py",
        "setup.sh",
        "timing.py",
        "validity.py",
    ]
    assert made.files == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    assert made.bytes == sum(map(len, files.values()))
    assert (made.target, made.method, made.artifact_sha256) == ("tflite", "int8", job.artifact.sha256)
    assert files["model.tflite"] == b"TFL3"
    assert files["pixels.py"] == Path(pixels.__file__).read_bytes()
    assert files["labels.txt"].decode() == "daisy\nox-eye & co ☼\n"
    assert json.loads(files["model.json"])["golden"] == sorted(name for name in files if name.endswith(".png"))
    assert all(
        f"{made.files[name]}  {name}\n" in files["SHA256SUMS"].decode() for name in files if name != "SHA256SUMS"
    )


def test_the_record_survives_its_json_in_another_place(job, tmp_path):
    made = bundle(job, folder_in(tmp_path, "out"))
    moved = made.root.rename(tmp_path / "moved")
    assert Bundle.from_json(made.to_json(tmp_path / "out"), moved).contents().keys() == {
        path for path in moved.rglob("*") if path.is_file()
    }


def test_the_same_build_gives_the_same_bytes(job, tmp_path):
    first = bundle(job, folder_in(tmp_path, "first"))
    for path in (job.artifact.path, *job.dataset.root.iterdir()):
        os.utime(path, (1, 1))
    second = bundle(job, folder_in(tmp_path, "second"))
    assert contents(first.root) == contents(second.root)
    assert first.files == second.files


def test_nothing_of_this_machine_travels(job, tmp_path):
    made = bundle(job, folder_in(tmp_path, "out"))
    for name, content in contents(made.root).items():
        assert str(tmp_path).encode() not in content, name
    told = json.loads((made.root / "model.json").read_text(encoding="utf-8"))["provenance"]["recipe"]
    assert told == {"base": {"weights": "w.h5"}, "external": {"path": "", "labels": "l.txt"}}


def test_a_photo_that_changed(job, tmp_path):
    path = job.dataset.root / job.golden.photos[0].path
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(DataError, match="changed since it was scanned"):
        bundle(job, folder_in(tmp_path, "changed"))
    path.unlink()
    with pytest.raises(DataError, match="changed since it was scanned"):
        bundle(job, folder_in(tmp_path, "gone"))


def test_a_model_that_changed(job, tmp_path):
    job.artifact.path.write_bytes(b"TFL4")
    with pytest.raises(StageError, match="the model changed"):
        bundle(job, folder_in(tmp_path, "out"))


def test_pixels_that_are_not_the_photos(job, tmp_path):
    job.golden.pixels[1, 2, 3] ^= 1
    with pytest.raises(StageError, match="golden pixels are not those of their photo"):
        bundle(job, folder_in(tmp_path, "out"))


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("artifact", {"trained_sha256": "other"}, "artifact and trained model belong"),
        ("verdict", {"artifact_sha256": "other"}, "verdict and artifact belong"),
        ("trained", {"dataset_sha256": "other"}, "trained model and dataset belong"),
        ("trained", {"classes": ("cat", "dog")}, "labels and classes belong"),
    ],
)
def test_records_of_different_builds(job, tmp_path, part, change, message):
    other = getattr(job, part).model_copy(update=change)
    with pytest.raises(StageError, match=message):
        bundle(dataclasses.replace(job, **{part: other}), folder_in(tmp_path, "out"))


@pytest.mark.parametrize(
    ("golden", "message"),
    [
        ({"outputs": np.zeros((3, 2), np.int8)}, "golden outputs are int8"),
        ({"outputs": np.zeros((3, 3), np.uint8)}, "golden outputs are uint8"),
        ({"pixels": np.zeros((2, SIDE_PX, SIDE_PX, 3), np.uint8)}, "golden pixels are uint8"),
        ({"photos": ()}, "golden pixels are uint8"),
    ],
)
def test_golden_arrays_of_another_kind(job, tmp_path, golden, message):
    wrong = dataclasses.replace(job, golden=dataclasses.replace(job.golden, **golden))
    with pytest.raises(StageError, match=message):
        bundle(wrong, folder_in(tmp_path, "out"))


def test_a_target_that_takes_no_such_file(job, tmp_path):
    accepts = job.target.accepts.model_copy(update={"methods": ("float32",)})
    target = job.target.model_copy(update={"accepts": accepts})
    with pytest.raises(ConfigError, match="takes no tflite file made by int8") as caught:
        bundle(dataclasses.replace(job, target=target), folder_in(tmp_path, "out"))
    assert caught.value.hint == "it takes tflite made by float32"
