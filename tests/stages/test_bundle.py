"""The files of a bundle, with bytes in place of a model: which are written, that they repeat, and what is refused."""

import dataclasses
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.core.device import targets
from edgetl.core.device.bundle_files import BundleContents, GoldenSet, select_golden_photos
from edgetl.core.errors import ConfigError, DataError, StageError
from edgetl.core.photos import pixels
from edgetl.core.photos.photo_set import PhotoSet
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
from edgetl.core.rejection.records import AnswerRule
from edgetl.core.requests import BundleRequest
from edgetl.core.verdict_records import Verdict
from edgetl.engines.backends import BACKENDS
from edgetl.stages.bundle import bundle_artifact, write_bundle
from tests.fixtures.answers import make_rule

SIDE_PX = 8
CLASSES = ("daisy", "ox-eye & co ☼")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def contents(tmp_path) -> BundleContents:
    """A target, three photos, and records that belong together."""
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
    golden = select_golden_photos(dataset)
    return BundleContents(
        target=targets.find_target("tflite"),
        trained=Trained.model_construct(
            path=tmp_path / "model.keras",
            sha256="trained",
            base="mobilenet_v2",
            input=InputSpec(height_px=SIDE_PX, width_px=SIDE_PX, fit="stretch"),
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
        golden=GoldenSet(
            photos=golden,
            pixels=np.stack([pixels.load_photo(root / photo.path, SIDE_PX, SIDE_PX, "stretch") for photo in golden]),
            outputs=np.zeros((3, 2), np.uint8),
        ),
    )


@pytest.fixture
def write(tmp_path):
    """Return a function that writes contents into a new folder of that name."""

    def write_into(contents, name="out") -> Bundle:
        folder = tmp_path / name
        folder.mkdir()
        return write_bundle(contents, folder)

    return write_into


def read_files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_bundle_contains_model_facts_programs_and_golden_photos(contents, write):
    bundle = write(contents)
    files = read_files(bundle.root)
    payload = {file.name for file in contents.target.payload}
    assert {"bench.py", "classify.py", "runtime.py", "selfcheck.py", "setup.sh", "README.md"} <= payload
    assert set(files) == payload | {
        "SHA256SUMS",
        "golden/0_daisy.png",
        "golden/1_ox_eye_co.png",
        "golden/2_daisy.png",
        "golden/expected.npz",
        "labels.txt",
        "model.json",
        "model.tflite",
        "pixels.py",
        "requirements.txt",
    }
    assert bundle.files == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    assert bundle.bytes == sum(map(len, files.values()))
    assert (bundle.target, bundle.method, bundle.artifact_sha256) == ("tflite", "int8", contents.artifact.sha256)
    assert files["model.tflite"] == b"TFL3"
    assert files["pixels.py"] == Path(pixels.__file__).read_bytes()
    assert files["labels.txt"].decode() == "daisy\nox-eye & co ☼\n"
    assert json.loads(files["model.json"])["golden"] == sorted(name for name in files if name.endswith(".png"))
    sums = files["SHA256SUMS"].decode()
    assert all(f"{bundle.files[name]}  {name}\n" in sums for name in files if name != "SHA256SUMS")


def test_record_is_read_back_in_another_place(contents, write, tmp_path):
    bundle = write(contents)
    moved = bundle.root.rename(tmp_path / "moved")
    assert Bundle.from_json(bundle.to_json(tmp_path / "out"), moved).contents().keys() == {
        path for path in moved.rglob("*") if path.is_file()
    }


def test_same_contents_give_the_same_bytes(contents, write):
    first = write(contents, "first")
    for path in (contents.artifact.path, *contents.dataset.root.iterdir()):
        os.utime(path, (1, 1))
    second = write(contents, "second")
    assert read_files(first.root) == read_files(second.root)
    assert first.files == second.files


def test_bundle_contains_no_path_of_this_machine(contents, write, tmp_path):
    bundle = write(contents)
    for name, content in read_files(bundle.root).items():
        assert str(tmp_path).encode() not in content, name
    facts = json.loads((bundle.root / "model.json").read_text(encoding="utf-8"))
    assert facts["provenance"]["recipe"] == {
        "base": {"weights": "w.h5"},
        "external": {"path": "", "labels": "l.txt"},
    }


def test_photo_that_changed_is_refused(contents, write):
    path = contents.dataset.root / contents.golden.photos[0].path
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(DataError, match="changed since it was scanned"):
        write(contents, "changed")
    path.unlink()
    with pytest.raises(DataError, match="changed since it was scanned"):
        write(contents, "deleted")


def test_model_that_changed_is_refused(contents, write):
    contents.artifact.path.write_bytes(b"TFL4")
    with pytest.raises(StageError, match="the model changed"):
        write(contents)


def test_golden_pixels_that_are_not_those_of_their_photo_are_refused(contents, write):
    contents.golden.pixels[1, 2, 3] ^= 1
    with pytest.raises(StageError, match="golden pixels are not those of their photo"):
        write(contents)


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("artifact", {"trained_sha256": "other"}, "artifact and trained model belong"),
        ("verdict", {"artifact_sha256": "other"}, "verdict and artifact belong"),
        ("trained", {"dataset_sha256": "other"}, "trained model and dataset belong"),
        ("trained", {"classes": ("cat", "dog")}, "labels and classes belong"),
    ],
)
def test_records_of_different_builds_are_refused(contents, write, part, change, message):
    changed = getattr(contents, part).model_copy(update=change)
    with pytest.raises(StageError, match=message):
        write(dataclasses.replace(contents, **{part: changed}))


@pytest.mark.parametrize(
    ("golden", "message"),
    [
        ({"outputs": np.zeros((3, 2), np.int8)}, "golden outputs are int8"),
        ({"outputs": np.zeros((3, 3), np.uint8)}, "golden outputs are uint8"),
        ({"pixels": np.zeros((2, SIDE_PX, SIDE_PX, 3), np.uint8)}, "golden pixels are uint8"),
        ({"photos": ()}, "golden pixels are uint8"),
    ],
)
def test_golden_arrays_of_another_shape_or_dtype_are_refused(contents, write, golden, message):
    wrong = dataclasses.replace(contents, golden=dataclasses.replace(contents.golden, **golden))
    with pytest.raises(StageError, match=message):
        write(wrong)


def test_target_that_does_not_accept_the_file_is_refused(contents, write):
    accepts = contents.target.accepts.model_copy(update={"methods": ("float32",)})
    target = contents.target.model_copy(update={"accepts": accepts})
    with pytest.raises(ConfigError, match="accepts no tflite file made by int8") as caught:
        write(dataclasses.replace(contents, target=target))
    assert caught.value.hint == "it accepts tflite made by float32"


def test_golden_outputs_are_predicted_with_the_kernels_of_the_target(
    order, delivered, built, shared_dataset, make_work
):
    golden = select_golden_photos(shared_dataset)
    outputs = {}
    for name in ("tflite", "raspberry-pi-armv7"):
        request = BundleRequest(
            target=targets.find_target(name),
            trained=built.trained,
            artifact=delivered.artifact,
            verdict=delivered.verdict,
            dataset=shared_dataset,
            recipe=order.recipe,
            golden_photos=golden,
        )
        bundle = bundle_artifact(make_work(), request)
        assert bundle.root.name == "bundle" and bundle.target == name
        with np.load(bundle.root / "golden" / "expected.npz") as arrays:
            outputs[name] = arrays["outputs"]
    rows = [shared_dataset.test.index(photo) for photo in golden]
    for name, kernels in (("tflite", "xnnpack"), ("raspberry-pi-armv7", "reference")):
        photos = PhotoSet(part="test", photos=shared_dataset.test, input_spec=built.trained.input)
        raw = BACKENDS["tflite"].predict(delivered.artifact.path, photos.open_pixels(), kernels, lambda _: None).raw
        np.testing.assert_array_equal(outputs[name], raw[rows])


def test_answers_of_another_file_are_not_bundled(contents, write):
    rule = AnswerRule.model_construct(artifact_sha256="another", path=contents.artifact.path, sha256="x")
    with pytest.raises(StageError, match="answers and artifact belong to different builds"):
        write(dataclasses.replace(contents, answers=(rule,)))


@pytest.fixture
def rule(contents, tmp_path):
    reference = np.ones((2, 4), np.int8)
    return make_rule(tmp_path / "features.npy", contents.artifact.sha256, contents.trained.classes, reference)


ANSWER = {"label": "daisy", "probability": 0.75, "accepted": False, "known": True, "similarity": 0.875}


def test_reference_features_are_in_the_bundle_of_a_file_with_features(contents, write, rule):
    golden = dataclasses.replace(contents.golden, answers=(ANSWER,) * len(contents.golden.photos))
    files = read_files(write(dataclasses.replace(contents, answers=(rule,), golden=golden)).root)
    assert files["features.npy"] == rule.path.read_bytes()
    assert json.loads(files["model.json"])["answers"]["golden"] == [ANSWER] * 3


def test_reference_features_that_changed_are_refused(contents, write, rule):
    golden = dataclasses.replace(contents.golden, answers=(ANSWER,) * len(contents.golden.photos))
    rule.path.write_bytes(b"other")
    with pytest.raises(StageError, match=r"features\.npy changed since it was verified"):
        write(dataclasses.replace(contents, answers=(rule,), golden=golden))


def test_answers_to_other_photos_are_refused(contents, write, rule):
    with pytest.raises(StageError, match="0 answers to 3 golden photos"):
        write(dataclasses.replace(contents, answers=(rule,)))
