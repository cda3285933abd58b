"""The stage runner: a stage runs again when something that its result depends on changes, and only then."""

import dataclasses
import io
import json
from pathlib import Path

import pytest

from edgetl.core.console import Console
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.interrupt import Interrupted, watch_signals
from edgetl.core.recipe.tables import ContractRecipe
from edgetl.core.records import Dataset, InputSpec, Photo, SourceModel
from edgetl.core.run import fingerprint, source_code
from edgetl.core.run.run_folder import StageSpec
from edgetl.core.storage.files import hash_file
from edgetl.pipeline import context
from edgetl.pipeline.context import Context, StageClock
from edgetl.pipeline.runs.build_command import format_build_command
from tests.fixtures.signals import interrupt_here

SPEC = StageSpec(name="sample", record=SourceModel)


class CountingStage:
    """A stage function that counts its calls and writes one file."""

    # The fingerprint covers the code of this module and the versions of its libraries, numpy and Pillow among them.
    __module__ = "edgetl.core.photos.pixel_store"
    __name__ = "count"

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None

    def __call__(self, work, *arguments, **keywords):
        self.calls += 1
        if self.error is not None:
            raise self.error
        path = work.folder / "model.bin"
        path.write_text(f"call {self.calls}")
        return SourceModel(path=path, sha256=hash_file(path))


@pytest.fixture
def stage() -> CountingStage:
    return CountingStage()


def make_dataset(**changes) -> Dataset:
    photo = Photo(path="a.png", label=0, sha256="1" * 64)
    values = {"root": Path("/photos"), "classes": ("a", "b"), "train": (photo,), "validation": (), "test": ()}
    return Dataset(**{**values, "left_out": (), "sha256": "d" * 64, **changes})


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_stage_does_not_begin_after_a_signal(empty_context, stage):
    with watch_signals():
        interrupt_here()
        with pytest.raises(Interrupted):
            empty_context.run_stage(SPEC, stage)
        with pytest.raises(Interrupted):
            empty_context.keep("kept", SourceModel(path=Path("m"), sha256="0"))
    assert stage.calls == 0 and not (empty_context.run.root / "kept").exists()


def test_stage_that_was_finished_when_the_signal_came_is_kept(empty_context, stage):
    def finish(work):
        record = stage(work)
        interrupt_here()
        return record

    finish.__module__, finish.__name__ = stage.__module__, stage.__name__
    with watch_signals(), pytest.raises(Interrupted):
        empty_context.run_stage(SPEC, finish)
    empty_context.run_stage(SPEC, stage)
    assert stage.calls == 1


def test_stage_without_changes_runs_once(empty_context, stage, tmp_path):
    arguments = (
        make_dataset(),
        InputSpec(height_px=32, width_px=32, fit="crop"),
        "int8",
        3,
        write(tmp_path / "file", "content"),
    )
    first = empty_context.run_stage(SPEC, stage, *arguments)
    assert empty_context.run_stage(SPEC, stage, *arguments) == first
    assert stage.calls == 1 and first.path.read_text() == "call 1"
    assert first.path.parent == empty_context.run.root / "sample"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("int8", "float32", id="text"),
        pytest.param(1, 2, id="number"),
        pytest.param(None, "", id="none"),
        pytest.param(
            InputSpec(height_px=32, width_px=32, fit="crop"),
            InputSpec(height_px=32, width_px=32, fit="pad"),
            id="record",
        ),
        pytest.param(make_dataset(), make_dataset(sha256="e" * 64), id="dataset"),
        pytest.param(ContractRecipe(limit_drop=0.01), ContractRecipe(limit_drop=0.02), id="recipe table"),
        pytest.param(("a", "b"), ("b", "a"), id="order of a tuple"),
    ],
)
def test_stage_runs_again_when_an_argument_changes(empty_context, stage, before, after):
    for argument in (before, before, after, after):
        empty_context.run_stage(SPEC, stage, "same", argument)
    assert stage.calls == 2


def test_stage_runs_again_when_a_keyword_argument_changes(empty_context, stage):
    for strict in (True, True, False):
        empty_context.run_stage(SPEC, stage, strict=strict)
    assert stage.calls == 2


def test_stage_runs_again_when_the_content_of_a_file_changes(empty_context, stage, tmp_path):
    empty_context.run_stage(SPEC, stage, write(tmp_path / "weights", "1"))
    empty_context.run_stage(SPEC, stage, write(tmp_path / "same weights elsewhere", "1"))
    assert stage.calls == 1
    empty_context.run_stage(SPEC, stage, write(tmp_path / "weights", "2"))
    assert stage.calls == 2


def test_moved_photos_do_not_run_a_stage_again(empty_context, stage):
    renamed = (Photo(path="renamed.png", label=0, sha256="1" * 64),)
    for dataset in (make_dataset(), make_dataset(root=Path("/elsewhere")), make_dataset(train=renamed)):
        empty_context.run_stage(SPEC, stage, dataset)
    assert stage.calls == 1


def test_stage_runs_again_when_its_code_changes(empty_context, stage, monkeypatch):
    empty_context.run_stage(SPEC, stage)
    monkeypatch.setattr(source_code, "hash_code", lambda module: f"other code of {module}")
    empty_context.run_stage(SPEC, stage)
    assert stage.calls == 2


def test_stage_runs_again_with_another_version_of_a_library(empty_context, stage, monkeypatch):
    """Another Pillow may decode other pixels: scores of old pixels must not be compared with scores of new ones."""
    empty_context.run_stage(SPEC, stage)
    versions = fingerprint.installed_version
    monkeypatch.setattr(fingerprint, "installed_version", lambda name: "0" if name == "pillow" else versions(name))
    empty_context.run_stage(SPEC, stage)
    assert stage.calls == 2


@pytest.mark.parametrize("name", ["adopt", "bundle", "calibrate", "convert", "retrain", "score", "train"])
def test_fingerprint_of_every_stage_that_reads_pixels_covers_pillow(name):
    assert "PIL" in source_code.list_libraries(f"edgetl.stages.{name}")


def test_argument_without_a_key_is_refused(empty_context, stage):
    with pytest.raises(TypeError, match="cannot be an argument of a stage"):
        empty_context.run_stage(SPEC, stage, object())
    assert stage.calls == 0


def test_failed_stage_is_not_kept(empty_context, stage):
    stage.error = StageError("the converter failed")
    for _ in range(2):
        with pytest.raises(StageError, match="the converter failed"):
            # That of another command.
            dataclasses.replace(empty_context, failures={}).run_stage(SPEC, stage)
    assert not (empty_context.run.root / "sample").exists()
    stage.error = None
    empty_context.run_stage(SPEC, stage)
    assert stage.calls == 3


def test_stage_without_reuse_runs_each_time(empty_context, stage):
    spec = StageSpec(name="sample", record=SourceModel, reuse=False)
    for _ in range(2):
        record = empty_context.run_stage(spec, stage)
    assert stage.calls == 2 and record.path.read_text() == "call 2"


def test_title_is_shown_when_a_stage_runs_and_not_when_it_is_read_back(empty_context, stage):
    stream = io.StringIO()
    console = Console(stream=stream)
    for title in ("", "convert to int8", "convert to int8"):
        spec = StageSpec(name=f"sample-{title}", record=SourceModel, title=title)
        empty_context.run_stage_on(console, spec, stage)
    assert stream.getvalue() == "• convert to int8\n" and stage.calls == 2


def test_record_is_kept_with_every_field(empty_context):
    path = empty_context.run.root / "ingest" / "ingest.json"
    dataset = make_dataset()
    assert empty_context.keep("ingest", dataset) == dataset
    written = path.stat().st_mtime_ns
    empty_context.keep("ingest", dataset)
    assert path.stat().st_mtime_ns == written
    # A file name is not part of the dataset's key, and yet the file must be up to date.
    renamed = make_dataset(train=(Photo(path="renamed.png", label=0, sha256="1" * 64),))
    empty_context.keep("ingest", renamed)
    assert json.loads(path.read_text())["record"]["train"][0]["path"] == "renamed.png"


def test_clock_counts_each_stage_once():
    clock = StageClock()
    for stage, seconds in (("a", 1.04), ("b", 2.0), ("a", 1.04)):
        clock.count(stage, seconds)
    assert clock.lap() == 3.0


def test_clock_starts_each_lap_at_zero():
    clock = StageClock()
    clock.count("train", 60.0)
    assert clock.lap() == 60.0
    clock.count("train", 60.0)
    clock.count("convert", 0.26)
    assert clock.lap() == 0.3
    assert clock.lap() == 0.0


def test_stage_that_is_read_back_counts_the_seconds_that_it_took(empty_context, stage):
    empty_context.run_stage(SPEC, stage)
    path = empty_context.run.root / "sample" / "sample.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "seconds": 12.34}))
    later = Context(order=empty_context.order, run=empty_context.run, console=empty_context.console)
    later.run_stage(SPEC, stage)
    assert later.clock.lap() == 12.3 and stage.calls == 1


# A command that makes some kinds of stages only


@pytest.fixture
def limited(empty_context) -> Context:
    """A context that makes scores only."""
    return dataclasses.replace(empty_context, makes=frozenset({"score"}))


def test_stages_of_the_kinds_of_a_command_are_made(limited, stage):
    limited.run_stage(StageSpec(name="score-keras-test", record=SourceModel), stage)
    assert stage.calls == 1 and limited.can_make("score") and not limited.can_make("scored")


def test_other_stages_are_read_back(empty_context, limited, stage):
    first = empty_context.run_stage(SPEC, stage, "int8")
    assert limited.run_stage(SPEC, stage, "int8") == first and stage.calls == 1
    assert limited.clock.lap() == empty_context.clock.lap()


def test_missing_stage_is_named_with_the_command_that_makes_it(limited, stage):
    with pytest.raises(ConfigError, match="the run folder has no finished stage sample") as caught:
        limited.run_stage(SPEC, stage, "int8")
    command = format_build_command(limited.order, limited.run.root)
    assert caught.value.hint == f"make it with: {command}" and caught.value.where == (str(limited.run.root),)
    assert stage.calls == 0 and not (limited.run.root / "sample").exists()


def test_stage_of_another_recipe_is_out_of_date(empty_context, limited, stage):
    empty_context.run_stage(SPEC, stage, "int8")
    with pytest.raises(ConfigError, match="sample is out of date: the recipe, the photos or an earlier stage changed"):
        limited.run_stage(SPEC, stage, "float32")
    assert stage.calls == 1


def test_stage_of_another_version_of_a_library_is_out_of_date(empty_context, limited, stage, monkeypatch):
    versions = fingerprint.installed_version
    pillow = versions("pillow")
    empty_context.run_stage(SPEC, stage)
    monkeypatch.setattr(fingerprint, "installed_version", lambda name: "0" if name == "pillow" else versions(name))
    with pytest.raises(ConfigError, match=f"sample is out of date: pillow {pillow} → 0\n"):
        limited.run_stage(SPEC, stage)


def test_stage_of_other_code_is_out_of_date(empty_context, limited, stage, monkeypatch):
    empty_context.run_stage(SPEC, stage)
    monkeypatch.setattr(source_code, "hash_code", lambda module: f"other code of {module}")
    with pytest.raises(ConfigError, match="sample is out of date: the code of edgetl changed"):
        limited.run_stage(SPEC, stage)


def test_stage_with_a_changed_file_is_not_used(empty_context, limited, stage):
    empty_context.run_stage(SPEC, stage).path.write_text("tampered")
    with pytest.raises(ConfigError, match="files of stage sample were changed or deleted"):
        limited.run_stage(SPEC, stage)
    assert stage.calls == 1


def test_kept_record_is_read_by_a_context_that_does_not_write_it(empty_context, limited):
    with pytest.raises(ConfigError, match="no finished stage ingest"):
        limited.read_kept("ingest", Dataset)
    dataset = empty_context.keep("ingest", make_dataset())
    assert limited.read_kept("ingest", Dataset) == dataset


def test_files_that_a_stage_was_made_from_are_known(empty_context, stage, tmp_path):
    path = write(tmp_path / "weights", "1")
    empty_context.run_stage(SPEC, stage, "int8", path)
    assert empty_context.read_stage_files("sample") == (hash_file(path),)
    assert empty_context.read_stage_files("absent") == ()


def test_failure_of_a_library_is_not_tried_again_by_the_same_command(empty_context, stage):
    stage.error = StageError("a crash")
    for _ in range(2):
        with pytest.raises(StageError, match="a crash"):
            empty_context.run_stage(SPEC, stage, 1)
    assert stage.calls == 1
    # With other arguments it may succeed, and so may a later command.
    stage.error = None
    empty_context.run_stage(SPEC, stage, 2)
    assert dataclasses.replace(empty_context, failures={}).run_stage(SPEC, stage, 1).path.is_file()


@pytest.mark.parametrize(
    ("name", "starts"), [("train", 1), ("calibrate-onnx", 1), ("convert-tflite-int8", 1), ("score-keras-test", 0)]
)
def test_child_process_starts_in_the_background_before_conversions(empty_context, stage, monkeypatch, name, starts):
    calls = []
    monkeypatch.setattr(context.WORKER, "start", lambda: calls.append(name))
    spec = dataclasses.replace(SPEC, name=name)
    for _ in range(2):
        empty_context.run_stage(spec, stage, 1)
    assert len(calls) == starts, "not for a stage that is read back"
