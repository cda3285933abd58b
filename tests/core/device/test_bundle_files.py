"""bundle_files.py: names, model.json, labels, requirements, checksums and golden arrays, made from plain records."""

import dataclasses
import hashlib
import io
import json
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

from edgetl.core.device import bundle_files, targets
from edgetl.core.device.bundle_files import BundleContents, GoldenSet
from edgetl.core.errors import DataError
from edgetl.core.photos import pixels
from edgetl.core.records import Artifact, CalibrationSet, Dataset, InputSpec, Photo, Refusal, TensorSpec, Trained
from edgetl.core.verdict_records import Verdict
from tests.fixtures.answers import make_rule


def write_photos(root: Path, sizes: list[tuple[int, int]]) -> Dataset:
    """Write test photos with these labels and sizes in bytes, and return their dataset."""
    photos = []
    for index, (label, size_bytes) in enumerate(sizes):
        (root / f"{index}.jpg").write_bytes(b"x" * size_bytes)
        photos.append(Photo(path=f"{index}.jpg", label=label, sha256=str(index)))
    classes = tuple(f"class {label}" for label in range(1 + max(label for label, _ in sizes)))
    return Dataset(root=root, classes=classes, train=(), validation=(), test=tuple(photos), left_out=(), sha256="d")


def select_golden(dataset: Dataset, count: int = 8) -> list[str]:
    return [photo.path for photo in bundle_files.select_golden_photos(dataset, count)]


def test_golden_photos_are_the_smallest_of_the_classes_in_turn(tmp_path):
    dataset = write_photos(tmp_path, [(0, 30), (0, 10), (0, 20), (1, 50), (0, 5), (1, 40)])
    assert select_golden(dataset, 3) == ["4.jpg", "5.jpg", "1.jpg"]
    assert len(select_golden(dataset)) == 6


def test_golden_photos_of_many_classes_are_evenly_spaced(tmp_path):
    dataset = write_photos(tmp_path, [(label, 10) for label in range(20)])
    assert [photo.label for photo in bundle_files.select_golden_photos(dataset, 4)] == [0, 5, 10, 15]


def test_golden_photos_stay_within_the_limit_of_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle_files, "GOLDEN_BYTES", 100)
    assert select_golden(write_photos(tmp_path, [(0, 60), (1, 70), (2, 40), (3, 10)])) == ["0.jpg", "2.jpg"]


def test_smallest_photo_is_selected_if_all_exceed_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle_files, "GOLDEN_BYTES", 100)
    assert select_golden(write_photos(tmp_path, [(0, 300), (0, 200)])) == ["1.jpg"]


def test_golden_photos_may_come_from_another_folder(tmp_path):
    (tmp_path / "held-out").mkdir()
    dataset = write_photos(tmp_path / "held-out", [(0, 30), (1, 20)])
    # Test photos of --test DIR have absolute paths.
    elsewhere = [photo.model_copy(update={"path": str(dataset.root / photo.path)}) for photo in dataset.test]
    joined = dataset.model_copy(update={"root": tmp_path / "photos", "test": tuple(elsewhere)})
    names = bundle_files.name_golden_files(bundle_files.select_golden_photos(joined), ["a", "b"])
    assert names == ("golden/0_a.jpg", "golden/1_b.jpg")


def test_dataset_whose_test_photos_were_deleted_is_refused(tmp_path):
    dataset = write_photos(tmp_path, [(0, 1)])
    (tmp_path / "0.jpg").unlink()
    with pytest.raises(DataError, match="no test photos"):
        bundle_files.select_golden_photos(dataset)


@pytest.mark.parametrize(
    ("label", "path", "name"),
    [
        ("daisy", "daisy/1.JPG", "golden/0_daisy.jpg"),
        ("../ox-eye & co ☼", "x.png", "golden/0_ox_eye_co.png"),
        ("☼", "x", "golden/0_class"),
        ("a" * 99, "x.j☼g", "golden/0_" + "a" * 40),
        ("new\nline", "x.jpg", "golden/0_new_line.jpg"),
    ],
)
def test_golden_file_has_a_name_that_every_file_system_accepts(label, path, name):
    assert bundle_files.name_golden_files([Photo(path=path, label=0, sha256="")], [label]) == (name,)


def test_labels_are_one_on_each_line():
    assert bundle_files.format_labels(("ox-eye ☼", "rose")) == "ox-eye ☼\nrose\n"


@pytest.mark.parametrize("label", ["two\nlines", "two\u2028lines", ""])
def test_label_that_is_not_one_line_is_refused(label):
    with pytest.raises(DataError, match="one line"):
        bundle_files.format_labels(("rose", label))


def test_requirements_install_what_each_machine_needs():
    lines = bundle_files.format_requirements(targets.find_target("tflite")).splitlines()
    assert lines[0].startswith("# ")
    requirements = [Requirement(line) for line in lines[1:]]

    def installed(machine: str, python: str) -> set[str]:
        environment = {"platform_machine": machine, "python_version": python}
        return {item.name for item in requirements if item.marker is not None and item.marker.evaluate(environment)}

    assert installed("aarch64", "3.13") == {"numpy", "pillow", "ai-edge-litert"}
    assert installed("x86_64", "3.10") == {"numpy", "pillow", "ai-edge-litert"}
    assert installed("armv7l", "3.11") == {"numpy", "pillow"}
    assert installed("aarch64", "3.9") == set()
    assert installed("aarch64", "3.15") == set()


def test_checksums_end_with_the_hash_of_the_lines_above():
    text = bundle_files.format_checksums({"b": "1" * 64, "a/c": "2" * 64})
    body = f"{'2' * 64}  a/c\n{'1' * 64}  b\n"
    assert text == f"{body}# {hashlib.sha256(body.encode()).hexdigest()}  the lines above\n"


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
def test_golden_arrays_have_the_same_bytes_at_any_time(monkeypatch, dtype):
    golden = GoldenSet(
        photos=(), pixels=np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3), outputs=np.ones((1, 2), dtype)
    )
    first = bundle_files.pack_golden_arrays(golden)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(2_000_000_000))
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    assert bundle_files.pack_golden_arrays(golden) == first
    with np.load(io.BytesIO(first), allow_pickle=False) as arrays:
        assert np.array_equal(arrays["pixels"], golden.pixels)
        assert arrays["outputs"].dtype == dtype
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def make_contents(method: str = "int8", output: TensorSpec | None = None) -> BundleContents:
    image = TensorSpec(name="image", shape=(1, 4, 4, 3), dtype="uint8", scale=0.0, zero_point=0)
    quantized = TensorSpec(name="label", shape=(1, 2), dtype="uint8", scale=1 / 256, zero_point=0)
    photo = Photo(path="0.jpg", label=1, sha256="p")
    return BundleContents(
        target=targets.find_target("tflite"),
        trained=Trained.model_construct(
            path=Path("/somewhere/model.keras"),
            sha256="trained",
            base="mobilenet_v2",
            input=InputSpec(height_px=4, width_px=4, fit="pad"),
            classes=("cat", "dog"),
            activation="softmax",
        ),
        artifact=Artifact(
            path=Path("/somewhere/model.tflite"),
            format="tflite",
            method=method,
            input=image,
            output=output or quantized,
            operators={},
            tensor_dtypes={},
            bytes=1,
            sha256="artifact",
            trained_sha256="trained",
            gzip_bytes=5,
            sparsity=0.25,
            distinct_weights=9,
            agreement=1.0,
            refusal=Refusal(message="", hint=""),
            calibration=CalibrationSet(photos=0, sha256=""),
        ),
        verdict=Verdict.model_construct(outcome="PASS", drop=0.01, host_ms=3.5, hops=()),
        dataset=Dataset(
            root=Path("/somewhere"),
            classes=("cat", "dog"),
            train=(),
            validation=(),
            test=(photo,),
            left_out=(),
            sha256="dataset",
        ),
        recipe={"base": {"name": "mobilenet_v2"}},
        golden=GoldenSet(photos=(photo,), pixels=np.zeros((1, 4, 4, 3), np.uint8), outputs=np.zeros((1, 2), np.uint8)),
    )


def test_description_has_input_output_and_provenance():
    facts = bundle_files.describe_model(make_contents(), {"numpy": "2", "edgetl": "0.1.0"})
    assert facts["schema"] == 2
    assert facts["created_by"] == "edgetl 0.1.0"
    assert (facts["target"], facts["model"]) == ("tflite", "model.tflite")
    assert facts["input"] == {
        "name": "image",
        "shape": [1, 4, 4, 3],
        "dtype": "uint8",
        "scale": 0.0,
        "zero_point": 0,
        "height_px": 4,
        "width_px": 4,
        "fit": "pad",
    }
    assert (facts["output"]["activation"], facts["output"]["labels"]) == ("softmax", ["cat", "dog"])
    assert facts["golden"] == ["golden/0_dog.jpg"]
    assert facts["provenance"]["verdict"] == {"outcome": "PASS", "drop": 0.01, "measure": "accuracy"}
    assert facts["provenance"]["versions"] == {"edgetl": "0.1.0", "numpy": "2"}
    assert json.loads(bundle_files.format_json(facts)) == facts


def test_description_names_a_function_of_pixels_that_exists():
    preprocessing = bundle_files.describe_model(make_contents(), {"edgetl": "0"})["preprocessing"]
    assert preprocessing.startswith("pixels.load_photo(path, 4, 4, 'pad')") and callable(pixels.load_photo)


def test_description_has_no_path_or_duration_of_this_machine():
    """So the same build gives the same bundle everywhere."""
    text = bundle_files.format_json(bundle_files.describe_model(make_contents(), {"edgetl": "0"}))
    assert "/somewhere" not in text and "host_ms" not in text


@pytest.mark.parametrize(
    ("method", "scale", "tolerance", "accelerated"),
    [
        ("int8", 1 / 256, 1, True),
        ("int8", 0.0, 1 / 256, True),
        ("dynamic", 0.0, 1 / 256, True),
        ("float16", 0.0, 1e-4, True),
        ("float32", 0.0, 1e-4, True),
        ("int16x8", 0.0, 1e-4, False),
        ("int16x8", 1 / 32768, 1, False),
    ],
)
def test_tolerance_follows_from_method_and_output(method, scale, tolerance, accelerated):
    output = TensorSpec(name="label", shape=(1, 2), dtype="float32", scale=scale, zero_point=0)
    facts = bundle_files.describe_model(make_contents(method, output), {"edgetl": "0"})
    assert facts["tolerances"] == {"pixels": 0, "output": tolerance}
    assert facts["runtime"]["accelerated"] is accelerated


@pytest.mark.parametrize(
    ("method", "tolerance"), [("int8", 1 / 16), ("int8_u8s8", 1 / 16), ("dynamic", 1e-4), ("float16", 1e-4)]
)
def test_tolerance_of_onnx_follows_from_the_method(method, tolerance):
    output = TensorSpec(name="scores", shape=(1, 2), dtype="float32", scale=0.0, zero_point=0)
    contents = make_contents(method, output)
    onnx = dataclasses.replace(contents, artifact=contents.artifact.model_copy(update={"format": "onnx"}))
    facts = bundle_files.describe_model(onnx, {"edgetl": "0"})
    assert facts["tolerances"]["output"] == tolerance and facts["model"] == "model.onnx"
    assert facts["runtime"]["accelerated"] is True


def test_number_that_json_cannot_have_is_refused():
    with pytest.raises(ValueError, match="Out of range"):
        bundle_files.format_json({"drop": float("nan")})


def test_description_for_a_runtime_without_fast_kernels_is_not_accelerated():
    contents = dataclasses.replace(make_contents(), target=targets.find_target("raspberry-pi-armv7"))
    assert bundle_files.describe_model(contents, {"edgetl": "0"})["runtime"]["accelerated"] is False


def test_bundle_for_no_specific_board_runs_on_all_architectures():
    target = targets.find_target("tflite")
    assert bundle_files.list_architectures(target) == ("aarch64", "x86_64")
    assert "x86_64" in bundle_files.format_requirements(target)


def test_bundle_for_a_board_runs_on_its_architecture():
    board = targets.find_target("raspberry-pi-4")
    assert bundle_files.list_architectures(board) == ("aarch64",)
    assert bundle_files.list_other_architectures(board) == ("x86_64",)
    assert "armv7l" not in bundle_files.format_requirements(board)
    assert bundle_files.list_other_architectures(targets.find_target("tflite")) == ()
    contents = dataclasses.replace(make_contents(), target=board)
    runtime = bundle_files.describe_model(contents, {"edgetl": "0"})["runtime"]
    assert runtime["architectures"] == ["aarch64"] and runtime["python"] == board.runtime.python
    assert runtime["systems"] == list(board.runtime.systems)


def test_golden_files_are_named_after_all_labels():
    photos = [
        Photo(path="1.jpg", label=0, sha256="", labels=(1, 1)),
        Photo(path="2.jpg", label=2, sha256="", labels=(0, 0)),
    ]
    assert bundle_files.name_golden_files(photos, ["a", "b"]) == ("golden/0_a_b.jpg", "golden/1_none.jpg")


def test_description_has_the_answers_where_the_file_has_features(tmp_path):
    contents = make_contents()
    assert "answers" not in bundle_files.describe_model(contents, {"edgetl": "0.1.0"})
    golden = {"label": "dog", "probability": 0.75, "accepted": False, "known": True, "similarity": 0.875}
    rule = make_rule(tmp_path / "features.npy", "artifact", ("cat", "dog"), np.ones((2, 4), np.int8))
    contents = dataclasses.replace(
        contents, answers=(rule,), golden=dataclasses.replace(contents.golden, answers=(golden,))
    )
    facts = bundle_files.describe_model(contents, {"edgetl": "0.1.0"})
    assert facts["answers"]["golden"] == [golden] and facts["answers"]["least_probability"] == 0.9
    assert facts["tolerances"]["similarity"] == 0.04
    assert json.loads(bundle_files.format_json(facts)) == facts
