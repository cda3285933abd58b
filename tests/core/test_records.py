"""records.py: frozen, strict about keys, absolute in memory and relative on disk."""

import json
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from edgetl.core import records
from edgetl.core.record import Record
from edgetl.core.records import (
    Artifact,
    Bundle,
    CalibrationSet,
    Dataset,
    InputSpec,
    Photo,
    Refusal,
    Scores,
    TensorSpec,
    Trained,
)

KINDS = [kind for kind in vars(records).values() if isinstance(kind, type) and issubclass(kind, Record)]


def scores(folder: Path) -> Scores:
    return Scores(
        path=folder / "deep" / "scores.npy",
        sha256="a",
        model_sha256="b",
        part="test",
        kernels="xnnpack",
        photos=3,
        accelerated=True,
        invoke_ms=0.0,
    )


def artifact(path: Path) -> Artifact:
    tensor = TensorSpec(name="image", shape=(1, 32, 32, 3), dtype="uint8", scale=0.5, zero_point=3)
    return Artifact(
        path=path,
        format="tflite",
        method="int8",
        input=tensor,
        output=tensor,
        operators={"CONV_2D": 2},
        tensor_dtypes={"int8": 5},
        bytes=10,
        sha256="s",
        trained_sha256="t",
        gzip_bytes=5,
        sparsity=0.25,
        distinct_weights=9,
        agreement=1.0,
        refusal=Refusal(message="", hint=""),
        calibration=CalibrationSet(photos=2, sha256="c"),
    )


def test_on_disk_paths_are_relative(tmp_path):
    value = scores(tmp_path).to_json(tmp_path)
    assert value["path"] == str(Path("deep") / "scores.npy")
    assert str(tmp_path) not in json.dumps(value)


def test_in_memory_paths_are_absolute(tmp_path):
    assert scores(tmp_path).path.is_absolute()
    assert scores(tmp_path).model_dump(mode="json")["path"] == str(tmp_path / "deep" / "scores.npy")


@pytest.mark.parametrize("make", [scores, lambda folder: artifact(folder / "model.tflite")])
def test_a_folder_can_be_moved(tmp_path, make):
    old, new = tmp_path / "old", tmp_path / "new"
    made = make(old)
    kept = json.loads(json.dumps(made.to_json(old)))
    assert type(made).from_json(kept, old) == made
    assert type(made).from_json(kept, new) == make(new)


def test_a_path_outside_the_folder_is_not_written(tmp_path):
    with pytest.raises(PydanticSerializationError, match="subpath"):
        scores(tmp_path / "a").to_json(tmp_path / "b")


@pytest.mark.parametrize("kind", KINDS)
def test_every_record_is_frozen_and_refuses_what_it_does_not_know(kind):
    assert kind.model_config["frozen"] is True
    assert kind.model_config["extra"] == "forbid"
    assert kind is Record or (kind.__doc__ and kind.__doc__ != Record.__doc__)


def test_an_extra_key_is_refused(tmp_path):
    kept = scores(tmp_path).to_json(tmp_path)
    with pytest.raises(ValidationError, match="Extra inputs"):
        Scores.from_json({**kept, "more": 1}, tmp_path)
    with pytest.raises(ValidationError, match="Extra inputs"):
        Photo(path="a", label=0, sha256="x", lable=1)


def test_a_missing_key_is_refused(tmp_path):
    kept = scores(tmp_path).to_json(tmp_path)
    del kept["kernels"]
    with pytest.raises(ValidationError, match="kernels"):
        Scores.from_json(kept, tmp_path)


def test_nothing_can_be_changed():
    photo = Photo(path="a", label=0, sha256="x")
    with pytest.raises(ValidationError, match="frozen"):
        photo.label = 1


def test_a_part_is_one_of_three(tmp_path):
    with pytest.raises(ValidationError, match="'train', 'validation' or 'test'"):
        Scores.from_json({**scores(tmp_path).to_json(tmp_path), "part": "tset"}, tmp_path)


def test_parts_of_a_dataset():
    train, validation, test = (Photo(path=name, label=0, sha256=name) for name in ("a", "b", "c"))
    dataset = Dataset(
        root=Path("photos"),
        classes=("one",),
        train=(train,),
        validation=(validation,),
        test=(test,),
        left_out=(),
        sha256="d",
    )
    parts = [dataset.part(name) for name in ("train", "validation", "test")]
    assert parts == [(train,), (validation,), (test,)]


def test_the_photos_stay_where_they_are(tmp_path):
    # A dataset's root is the user's folder, not a file of the run: moving the run must not move it.
    dataset = Dataset(root=tmp_path / "photos", classes=(), train=(), validation=(), test=(), left_out=(), sha256="d")
    kept = dataset.to_json(tmp_path / "run")
    assert Dataset.from_json(kept, tmp_path / "elsewhere").root == tmp_path / "photos"


def test_contents_name_every_file(tmp_path):
    path = tmp_path / "m"
    assert artifact(path).contents() == {path: "s"}
    assert scores(tmp_path).contents() == {tmp_path / "deep" / "scores.npy": "a"}
    bundle = Bundle(
        root=tmp_path, target="t", method="int8", artifact_sha256="s", files={"a.py": "1", "b/c.jpg": "2"}, bytes=2
    )
    assert bundle.contents() == {tmp_path / "a.py": "1", tmp_path / "b" / "c.jpg": "2"}
    assert Photo(path="a", label=0, sha256="x").contents() == {}


def test_every_record_with_a_path_inside_says_which_files_it_describes():
    for kind in KINDS:
        if any(_inside(field) for field in kind.model_fields.values()):
            assert kind.contents is not Record.contents, kind


def test_no_field_is_none_to_mean_not_yet():
    # photos_needed is None where no number of photos would do, scores where nobody asked for them: those are answers.
    optional = {
        f"{kind.__name__}.{name}"
        for kind in KINDS
        for name, field in kind.model_fields.items()
        if type(None) in typing.get_args(field.annotation)
    }
    assert optional == {"Verdict.photos_needed", "Benchmark.scores"}
    assert all(field.is_required() for kind in KINDS for field in kind.model_fields.values())


def test_json_round_trip_of_a_nested_record(tmp_path):
    trained = Trained(
        path=tmp_path / "model.keras",
        sha256="a",
        base="mobilenet_v2",
        alpha=0.35,
        weights="none",
        input=InputSpec(side_px=32, fit="pad"),
        classes=("ø", 'with "quotes"\n'),
        activation="sigmoid",
        parameters=1,
        phases=(),
        dataset_sha256="d",
        backend="jax",
        device="cpu",
        precision="float32",
    )
    assert isinstance(trained, BaseModel)
    text = json.dumps(trained.to_json(tmp_path))
    assert Trained.from_json(json.loads(text), tmp_path) == trained
    assert TypeAdapter(Trained).validate_python(trained) is trained


def _inside(field) -> bool:
    return any(getattr(item, "func", None) is records._anchored for item in field.metadata)
