"""fingerprint.py: every value that may change the result of a stage changes its fingerprint.

The arguments of all stages are found in their signatures, and sample arguments are built from the types of their
fields. A new field that does not change the fingerprint fails the test, unless `WITHOUT_EFFECT` states why it need not.
"""

import dataclasses
import json

import pytest

from edgetl.core import records, requests, retrain_job, verdict_records
from edgetl.core.device import benchmark
from edgetl.core.recipe import tables
from edgetl.core.recipe.tables import RecipeTable
from edgetl.core.record import Record
from edgetl.core.run import fingerprint
from edgetl.core.run.fingerprint import FileContent, compute_fingerprint, installed_version, resolve_key
from edgetl.core.storage.files import hash_file
from edgetl.core.tasks import label_threshold
from tests.core.sample_arguments import STAGES, Samples, list_classes, list_stage_arguments

# A stage with few modules, whose code is hashed quickly.
FUNCTION = "edgetl.stages.verify.verify_scores"

# Fields that do not change the fingerprint. Everything below them does not either.
WITHOUT_EFFECT = {
    # The place of a file. Its content is in the field `sha256` or `files` of the same record.
    "ActivationRanges.path",
    "AnswerRule.path",
    "Artifact.path",
    "Benchmark.path",
    "Bundle.root",
    "CompressedFile.path",
    "NpuFile.path",
    "RetrainedModel.folder",
    "Scores.path",
    "SourceModel.path",
    "Trained.path",
    # The place of target.toml. Its content is in the other fields.
    "Target.source",
    # `Dataset.sha256` covers classes, labels and contents of the photos. Their names and the files left out change no
    # result.
    "Dataset.root",
    "Dataset.notes",
    "Dataset.classes",
    # A photo with several labels has a list of them in the hash, and one with a class has its number.
    "Dataset.multi_label",
    "Dataset.train",
    "Dataset.validation",
    "Dataset.test",
    "Dataset.left_out",
    # A model predicts a photo from its content, whatever its name, its label and its part. The part is in the name of
    # the stage.
    "PhotoSet.part",
    "PhotoSet.photos/Photo.path",
    "PhotoSet.photos/Photo.group",
    "PhotoSet.photos/Photo.label",
    "PhotoSet.photos/Photo.labels",
    # The folder of photos whose contents are in `photos`.
    "BenchmarkRequest.root",
    # Where the teacher comes from. The teacher itself is another argument of the stage.
    "TrainingTables.teacher/TeacherRecipe.source",
    "TrainingTables.teacher/TeacherRecipe.alpha",
    "TrainingTables.teacher/TeacherRecipe.side_px",
    # How the connection is made, and the event that ends it.
    "Device.interactive",
    "Device.stop",
}


STAGE_ARGUMENTS = list_stage_arguments()
KINDS = {
    **STAGE_ARGUMENTS,
    **{
        kind.__name__: kind
        for kind in (
            *list_classes(records, Record),
            *list_classes(verdict_records, Record),
            *list_classes(benchmark, Record),
            *list_classes(label_threshold, Record),
            *list_classes(retrain_job, Record),
            *list_classes(tables, RecipeTable),
            *list_classes(requests),
        )
    },
}


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return Samples(tmp_path_factory.mktemp("samples"))


def compute(argument: object) -> str:
    return compute_fingerprint("stage", FUNCTION, [argument])


def is_without_effect(place: str) -> bool:
    return any(f"/{field}/" in f"/{place}/" for field in WITHOUT_EFFECT)


# Tests of arguments


def test_stage_arguments_are_found():
    stages = {name.partition(".")[0] for name in STAGE_ARGUMENTS}
    assert stages >= {"adopt", "bench", "bundle", "calibrate", "convert", "deploy", "retrain", "score", "train"}
    names = {kind.__name__ for kind in STAGE_ARGUMENTS.values() if isinstance(kind, type)}
    assert names >= {"BundleRequest", "CalibrationRequest", "ConversionRequest", "BenchmarkRequest", "Case", "Dataset"}


@pytest.mark.parametrize("name", KINDS)
def test_every_field_changes_the_fingerprint_or_is_listed(samples, name):
    sample = samples.make(KINDS[name])
    before = compute(sample)
    assert compute(samples.make(KINDS[name])) == before
    changes = list(samples.change(KINDS[name], sample))
    assert changes
    unchanged = {change.place for change in changes if compute(change.value) == before}
    assert unchanged == {change.place for change in changes if is_without_effect(change.place)}


def test_every_field_without_effect_exists(samples):
    places = {change.place for kind in KINDS.values() for change in samples.change(kind, samples.make(kind))}
    assert [field for field in WITHOUT_EFFECT if not any(f"/{field}/" in f"/{place}/" for place in places)] == []


def test_moved_file_does_not_change_the_fingerprint(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"content")
    before = compute(path)
    moved = path.rename(tmp_path / "moved.bin")
    assert compute(moved) == before
    moved.write_bytes(b"changed")
    assert compute(moved) != before


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        compute(tmp_path / "absent")


def test_order_of_arguments_and_elements_counts():
    assert compute_fingerprint("s", FUNCTION, ["a", "b"]) != compute_fingerprint("s", FUNCTION, ["b", "a"])
    assert compute(("a", "b")) != compute(("b", "a"))


def test_order_of_keys_does_not_count():
    assert compute({"x": 1, "y": {"b": 2, "c": 3}}) == compute({"y": {"c": 3, "b": 2}, "x": 1})


@pytest.mark.parametrize("value", [{"n": 2}, {"m": 1}, {"n": 1, "m": 1}, {}, {"n": "1"}, {"n": [1]}, {"n": None}])
def test_other_values_change_the_fingerprint(value):
    assert compute(value) != compute({"n": 1})


@dataclasses.dataclass(frozen=True)
class Half:
    """An argument of which one field counts."""

    counted: int
    ignored: int

    def key(self) -> object:
        return self.counted


def test_key_takes_precedence_over_fields():
    assert resolve_key([Half(1, 2)]) == [1]


def test_nested_values_are_resolved(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    value = resolve_key({"x": (1, None, True), "y": [path, records.InputSpec(height_px=3, width_px=3, fit="pad")]})
    assert value == {"x": [1, None, True], "y": [{"sha256": digest}, {"height_px": 3, "width_px": 3, "fit": "pad"}]}
    assert json.loads(json.dumps(value)) == value


@pytest.mark.parametrize("value", [{1, 2}, object(), b"bytes", int, lambda: 1])
def test_value_without_a_key_cannot_be_an_argument(value):
    with pytest.raises(TypeError, match="cannot be an argument of a stage"):
        compute([value])


# Tests of code and libraries


def test_stage_and_function_change_the_fingerprint():
    before = compute_fingerprint("stage", FUNCTION, [])
    assert compute_fingerprint("stage-other", FUNCTION, []) != before
    assert compute_fingerprint("stage", "edgetl.stages.verify.other", []) != before


def test_code_changes_the_fingerprint(monkeypatch):
    before = compute([])
    monkeypatch.setattr(fingerprint.source_code, "hash_code", lambda module: f"changed {module}")
    assert compute([]) != before


def test_version_of_a_library_changes_the_fingerprint(monkeypatch):
    before = compute([])
    versions = {"numpy": "99"}
    monkeypatch.setattr(fingerprint, "installed_version", lambda package: versions.get(package, "1"))
    changed = compute([])
    assert changed != before
    # No stage computes with these.
    versions |= {"pydantic": "2", "rich": "2", "typer": "2"}
    assert compute([]) == changed


def test_every_library_of_every_stage_has_a_version(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    for path in STAGES.glob("[a-z]*.py"):
        versions = fingerprint.list_versions(f"edgetl.stages.{path.stem}")
        assert "absent" not in versions.values(), (path.stem, versions)


def test_optional_decoders_make_no_stage_stale():
    """Installing edgetl[heif] must not train a finished model again."""
    for path in STAGES.glob("[a-z]*.py"):
        assert not {"pillow_heif", "pillow_jxl", "pillow-heif", "pillow-jxl-plugin"} & set(
            fingerprint.list_versions(f"edgetl.stages.{path.stem}")
        )


def test_backend_of_keras_counts_where_keras_is_used(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert "torch" in fingerprint.list_versions("edgetl.stages.train")
    assert "torch" not in fingerprint.list_versions("edgetl.stages.verify")


def test_installed_version():
    assert installed_version("numpy")[0].isdigit()
    assert installed_version("no-such-package-anywhere") == "absent"


def test_version_is_read_once_and_absence_each_time(monkeypatch):
    installed, asked = {}, []

    def read(package: str) -> str:
        asked.append(package)
        if package not in installed:
            raise fingerprint.metadata.PackageNotFoundError(package)
        return installed[package]

    monkeypatch.setattr(fingerprint.metadata, "version", read)
    assert [installed_version("some-package") for _ in range(2)] == ["absent"] * 2
    installed["some-package"] = "1.2"
    assert [installed_version("some-package") for _ in range(2)] == ["1.2"] * 2
    assert asked == ["some-package"] * 3
    fingerprint._read_version.cache_clear()


def test_known_content_stands_for_a_file_that_is_not_here(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"1")
    assert resolve_key(FileContent(hash_file(path))) == resolve_key(path)
    assert compute_fingerprint("train", FUNCTION, (FileContent(hash_file(path)),)) == compute_fingerprint(
        "train", FUNCTION, (path,)
    )
