"""records.py: every record is frozen and strict, describes its files, and has no optional fields."""

import json
import typing
from pathlib import Path

import pytest
from pydantic import ValidationError

from edgetl.core import record, records, retrain_job, verdict_records
from edgetl.core.device import benchmark
from edgetl.core.device.benchmark import Benchmark
from edgetl.core.record import Record
from edgetl.core.records import (
    ActivationRanges,
    Artifact,
    Bundle,
    CalibrationSet,
    Dataset,
    InputSpec,
    Photo,
    Refusal,
    Scores,
    SourceModel,
    TensorSpec,
    Trained,
)

KINDS = [
    kind
    for module in (records, verdict_records, retrain_job, benchmark)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Record) and kind.__module__ == module.__name__
]
# photos_needed is None if no number of photos would decide. scores is None if no photos were scored.
OPTIONAL = {"Verdict.photos_needed", "Benchmark.scores"}


def make_scores(folder: Path) -> Scores:
    return Scores(
        path=folder / "deep" / "scores.npy",
        sha256="a",
        model_sha256="b",
        part="test",
        kernels="xnnpack",
        photos=3,
        accelerated=True,
        invoke_ms=0.0,
        disturbed=False,
    )


def make_artifact(path: Path) -> Artifact:
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


def make_trained(path: Path) -> Trained:
    return Trained(
        path=path,
        sha256="a",
        base="mobilenet_v2",
        alpha=0.35,
        weights="none",
        input=InputSpec(height_px=32, width_px=32, fit="pad"),
        classes=("ø", 'with "quotes"\n'),
        activation="sigmoid",
        parameters=1,
        phases=(),
        dataset_sha256="d",
        backend="jax",
        device="cpu",
        precision="float32",
    )


def make_dataset(root: Path, **parts: tuple[Photo, ...]) -> Dataset:
    empty: dict[str, tuple[Photo, ...]] = {"train": (), "validation": (), "test": ()}
    return Dataset(root=root, classes=("one",), left_out=(), sha256="d", **{**empty, **parts})


@pytest.mark.parametrize("kind", KINDS)
def test_record_is_frozen_and_strict_and_has_a_docstring(kind):
    assert kind.model_config["frozen"] is True
    assert kind.model_config["extra"] == "forbid"
    assert kind.__doc__ and kind.__doc__ != Record.__doc__


@pytest.mark.parametrize("kind", KINDS)
def test_record_with_a_path_inside_describes_its_files(kind):
    if any(_is_path_inside(field) for field in kind.model_fields.values()):
        assert kind.contents is not Record.contents


def _is_path_inside(field) -> bool:
    return any(getattr(item, "func", None) is record._make_absolute for item in field.metadata)


def test_path_inside_is_recognized_by_these_tests():
    assert _is_path_inside(Trained.model_fields["path"]) and not _is_path_inside(Dataset.model_fields["root"])


def test_no_field_is_optional_and_only_groups_have_a_default():
    optional = {
        f"{kind.__name__}.{name}"
        for kind in KINDS
        for name, field in kind.model_fields.items()
        if type(None) in typing.get_args(field.annotation)
    }
    assert optional == OPTIONAL
    defaults = {
        f"{kind.__name__}.{name}"
        for kind in KINDS
        for name, field in kind.model_fields.items()
        if not field.is_required()
    }
    comparisons = {
        f"{name}.{field}"
        for name in ("Comparison", "LedgerHop", "Verdict")
        for field in ("groups", "design_effect", "labels")
    }
    # Photos without groups, and with one class; a contract on accuracy, and no class to be warned about.
    labels = {"Photo.labels", "Dataset.multi_label", "Trained.thresholds", "Flip.label"}
    probabilities = {"Artifact.features", "Trained.temperature", "Verdict.temperature", "Verdict.reliability"}
    verdict = {"Verdict.thresholds", "Verdict.accuracy_design_effect", "Verdict.measure", "Verdict.warnings"}
    # A training without a teacher, without a time budget and with many validation photos; a verdict by all runtimes.
    training = {"Trained.teacher", "Trained.effort", "Trained.cross_fitted_accuracy", "Verdict.not_judged"}
    assert defaults == {"Photo.group", "Dataset.notes", *labels, *verdict, *probabilities, *comparisons, *training}


@pytest.mark.parametrize(
    "make",
    [make_scores, lambda folder: make_artifact(folder / "model.tflite"), lambda folder: make_trained(folder / "m")],
)
def test_record_is_the_same_after_writing_and_reading(tmp_path, make):
    value = json.loads(json.dumps(make(tmp_path).to_json(tmp_path)))
    assert type(make(tmp_path)).from_json(value, tmp_path) == make(tmp_path)
    assert type(make(tmp_path)).from_json(value, tmp_path / "moved") == make(tmp_path / "moved")


def test_misspelled_field_is_an_error():
    with pytest.raises(ValidationError, match="Extra inputs"):
        Photo(path="a", label=0, sha256="x", lable=1)


def test_unknown_part_is_an_error(tmp_path):
    with pytest.raises(ValidationError, match="'train', 'validation' or 'test'"):
        Scores.from_json({**make_scores(tmp_path).to_json(tmp_path), "part": "tset"}, tmp_path)


def test_dataset_returns_its_parts():
    train, validation, test = (Photo(path=name, label=0, sha256=name) for name in ("a", "b", "c"))
    dataset = make_dataset(Path("photos"), train=(train,), validation=(validation,), test=(test,))
    assert [dataset.part(name) for name in ("train", "validation", "test")] == [(train,), (validation,), (test,)]


def test_root_of_a_dataset_does_not_move_with_the_run(tmp_path):
    value = make_dataset(tmp_path / "photos").to_json(tmp_path / "run")
    assert Dataset.from_json(value, tmp_path / "moved").root == tmp_path / "photos"


def test_key_of_a_dataset_is_its_sha256():
    assert make_dataset(Path("photos")).key() == make_dataset(Path("moved")).key() == "d"


def test_contents_map_every_file_to_its_sha256(tmp_path):
    path = tmp_path / "m"
    scores = make_scores(tmp_path)
    assert make_artifact(path).contents() == {path: "s"}
    assert make_trained(path).contents() == {path: "a"}
    assert SourceModel(path=path, sha256="a").contents() == {path: "a"}
    ranges = ActivationRanges(
        path=path,
        sha256="a",
        trained_sha256="t",
        calibration=CalibrationSet(photos=1, sha256="c"),
        layers=(),
        in_float=(),
    )
    assert ranges.contents() == {path: "a"}
    assert scores.contents() == {tmp_path / "deep" / "scores.npy": "a"}
    assert Photo(path="a", label=0, sha256="x").contents() == {}


def test_contents_of_a_bundle_are_all_its_files(tmp_path):
    files = {"a.py": "1", "b/c.jpg": "2"}
    bundle = Bundle(root=tmp_path, target="t", method="int8", artifact_sha256="s", files=files, bytes=2)
    assert bundle.contents() == {tmp_path / "a.py": "1", tmp_path / "b" / "c.jpg": "2"}


def test_contents_of_a_benchmark_include_its_scores(tmp_path):
    path = tmp_path / "measure.json"
    benchmark = Benchmark(where="host", path=path, sha256="m", model_sha256="b", scores=None)
    assert benchmark.contents() == {path: "m"}
    scored = benchmark.model_copy(update={"scores": make_scores(tmp_path)})
    assert scored.contents() == {path: "m", tmp_path / "deep" / "scores.npy": "a"}


def test_square_input_of_an_earlier_version_is_read():
    assert InputSpec.from_json({"side_px": 96, "fit": "pad"}, Path("/run")) == InputSpec(
        height_px=96, width_px=96, fit="pad"
    )


@pytest.mark.parametrize(("height_px", "width_px", "size"), [(96, 96, "96 px"), (96, 128, "96 x 128 px")])
def test_size_of_an_input_for_messages(height_px, width_px, size):
    input_spec = InputSpec(height_px=height_px, width_px=width_px, fit="crop")
    assert input_spec.size == size and input_spec.shape == (height_px, width_px, 3)
