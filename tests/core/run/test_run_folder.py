"""run_folder.py: a stage runs once, runs again if anything that it depends on changed, and is never half written."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgetl.core.errors import ConfigError, EdgetlError
from edgetl.core.record import PathInside, Record
from edgetl.core.run import run_folder
from edgetl.core.run.run_folder import (
    FinishedStage,
    RunFolder,
    StageSpec,
    open_finished_run,
    open_run,
    read_finished_stage,
)
from edgetl.core.storage.files import hash_file
from tests.fixtures.special_files import SPECIAL_FILES, make_special

DISK_FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
COMPLETE = {".lock", "stage-one/stage.json", "stage-one/deep/text.txt"}

# A build in a process of its own: stage-one is finished, then stage-two blocks half-way until it is killed.
BLOCKING_BUILD = """
import sys, time
from pathlib import Path
from edgetl.core.run.run_folder import open_run
from tests.core.run.test_run_folder import WriteText, run_stage
def write_half(folder):
    (folder / "half.txt").write_text("half")
    print("half-way", flush=True)
    time.sleep(60)
with open_run(Path(sys.argv[1])) as run:
    run_stage(run, WriteText("one"))
    run_stage(run, write_half, name="stage-two")
"""


class Text(Record):
    """A record of one text file."""

    path: PathInside
    sha256: str

    def contents(self) -> dict[Path, str]:
        return {self.path: self.sha256}


class WriteText:
    """A stage that writes one file, and counts its calls."""

    def __init__(self, content: str) -> None:
        self.content = content
        self.calls = 0

    def __call__(self, folder: Path) -> Text:
        self.calls += 1
        path = folder / "deep" / "text.txt"
        path.parent.mkdir()
        path.write_text(self.content, encoding="utf-8")
        return Text(path=path, sha256=hash_file(path))


def run_stage(
    run: RunFolder, make, *, name: str = "stage-one", fingerprint: str = "f", reuse: bool = True
) -> FinishedStage[Text]:
    return run.stage(StageSpec(name=name, record=Text, reuse=reuse), fingerprint, make)


def list_files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def run(tmp_path):
    with open_run(tmp_path / "run") as run:
        yield run


def test_finished_stage_is_read_back(run):
    make = WriteText("hello")
    first, second = run_stage(run, make), run_stage(run, make)
    assert make.calls == 1
    assert first == second
    assert first.record.path == run.root / "stage-one" / "deep" / "text.txt"
    assert first.record.path.read_text(encoding="utf-8") == "hello"
    assert list_files(run.root) == COMPLETE


def test_second_build_reads_the_stage_back(tmp_path):
    make = WriteText("hello")
    for _ in range(2):
        with open_run(tmp_path / "run") as run:
            run_stage(run, make)
    assert make.calls == 1


def test_seconds_are_those_of_this_process(run):
    run_stage(run, WriteText("a"))
    assert run.seconds["stage-one"] >= 0
    run.seconds["stage-one"] = 7.0
    run_stage(run, WriteText("a"))
    assert run.seconds["stage-one"] == 7.0, "a stage that ran in this process keeps its duration when it is read back"
    later = RunFolder(run.root)
    run_stage(later, WriteText("a"))
    assert later.seconds == {"stage-one": 0.0}


def test_other_fingerprint_runs_the_stage_again(run):
    run_stage(run, WriteText("old"))
    finished = run_stage(run, WriteText("new"), fingerprint="g")
    assert finished.record.path.read_text(encoding="utf-8") == "new"
    assert list_files(run.root) == COMPLETE


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "deep" / "text.txt").write_text("tampered"),
        lambda folder: (folder / "deep" / "text.txt").unlink(),
        lambda folder: (folder / "stage.json").unlink(),
        lambda folder: (folder / "stage.json").write_text(""),
        lambda folder: (folder / "stage.json").write_text("[]"),
        lambda folder: (folder / "stage.json").write_text("{}"),
        lambda folder: (folder / "stage.json").write_bytes(b"\xff\xfe"),
        lambda folder: shutil.rmtree(folder / "deep"),
    ],
)
def test_damaged_stage_runs_again(run, damage):
    run_stage(run, WriteText("hello"))
    damage(run.root / "stage-one")
    make = WriteText("hello")
    run_stage(run, make)
    assert make.calls == 1
    assert list_files(run.root) == COMPLETE
    run_stage(run, make)
    assert make.calls == 1


def test_record_with_unknown_fields_runs_again(run):
    run_stage(run, WriteText("hello"))
    path = run.root / "stage-one" / "stage.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["record"]["more"] = 1
    path.write_text(json.dumps(content), encoding="utf-8")
    make = WriteText("hello")
    run_stage(run, make)
    assert make.calls == 1


def test_moved_run_is_read_back(tmp_path):
    make = WriteText("hello")
    with open_run(tmp_path / "old") as run:
        run_stage(run, make)
    (tmp_path / "old").rename(tmp_path / "new")
    with open_run(tmp_path / "new") as run:
        finished = run_stage(run, make)
    assert make.calls == 1 and finished.record.path.is_relative_to(tmp_path / "new")


@pytest.mark.parametrize("failure", [EdgetlError("broken"), ValueError("bug"), KeyboardInterrupt(), DISK_FULL])
def test_failure_leaves_no_files_and_is_not_stored(run, failure):
    def fail(folder: Path) -> Text:
        (folder / "half.txt").write_text("half", encoding="utf-8")
        raise failure

    for _ in range(2):
        with pytest.raises(type(failure)):
            run_stage(run, fail)
        assert list_files(run.root) == {".lock"}
    make = WriteText("hello")
    run_stage(run, make)
    assert make.calls == 1


@pytest.mark.parametrize(("owner", "call"), [(Path, "open"), (Path, "replace"), (os, "fsync"), (Path, "rename")])
def test_full_disk_leaves_no_half_written_stage(run, monkeypatch, owner, call):
    prepared = run.root.parent / "prepared.txt"
    prepared.write_text("hello", encoding="utf-8")
    digest = hash_file(prepared)

    def copy_prepared(folder: Path) -> Text:
        path = folder / "text.txt"
        shutil.copyfile(prepared, path)
        return Text(path=path, sha256=digest)

    def fail(*arguments, **keywords):
        raise DISK_FULL

    with monkeypatch.context() as patch:
        patch.setattr(owner, call, fail)
        with pytest.raises(OSError, match="No space left"):
            run_stage(run, copy_prepared)
    assert [path.name for path in run.root.iterdir()] == [".lock"]
    make = WriteText("hello")
    run_stage(run, make)
    assert make.calls == 1


def test_failed_rerun_keeps_the_old_result(run):
    run_stage(run, WriteText("old"))

    def fail(folder: Path) -> Text:
        raise DISK_FULL

    with pytest.raises(OSError, match="No space"):
        run_stage(run, fail, fingerprint="g")
    assert list_files(run.root) == COMPLETE
    make = WriteText("old")
    run_stage(run, make)
    assert make.calls == 0


def test_files_that_change_while_they_are_written_are_an_error(run):
    def write_wrong_hash(folder: Path) -> Text:
        return WriteText("hello")(folder).model_copy(update={"sha256": "0" * 64})

    with pytest.raises(EdgetlError, match="changed while"):
        run_stage(run, write_wrong_hash)
    make = WriteText("hello")
    run_stage(run, make)
    assert make.calls == 1


def test_stage_without_reuse_runs_every_time(run):
    make, reused = WriteText("a"), WriteText("b")
    for _ in range(2):
        run_stage(run, make, name="score-one", reuse=False)
        run_stage(run, reused, name="train")
    assert (make.calls, reused.calls) == (2, 1)
    # Its result is a finished stage like any other.
    run_stage(run, make, name="score-one")
    assert make.calls == 2


def test_unfinished_folders_and_files_are_removed(tmp_path):
    root = tmp_path / "run"
    with open_run(root):
        pass
    (root / ".stage-one.tmp" / "deep").mkdir(parents=True)
    (root / ".stage-one.old.tmp").mkdir()
    (root / ".stage-one.tmp" / "deep" / "half.bin").write_bytes(b"half")
    (root / ".order.json.123.tmp").write_text("{", encoding="utf-8")
    (root / "mine.tmp").mkdir()
    with open_run(root):
        assert {path.name for path in root.iterdir()} == {".lock", "mine.tmp"}


@pytest.fixture
def precious(tmp_path):
    """A folder with a file outside of the run folder, which must not change."""
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "file.txt").write_text("keep", encoding="utf-8")
    yield folder
    assert [path.name for path in folder.iterdir()] == ["file.txt"]
    assert (folder / "file.txt").read_text(encoding="utf-8") == "keep"


@pytest.mark.parametrize("name", ["stage-one", ".stage-one.tmp", ".stage-one.old.tmp"])
@pytest.mark.parametrize("target", ["precious", "precious/file.txt", "absent"])
def test_link_instead_of_a_stage_is_replaced_and_not_followed(run, precious, name, target):
    run_stage(run, WriteText("old"))
    if name == "stage-one":
        shutil.rmtree(run.root / name)
    (run.root / name).symlink_to(run.root.parent / target)
    run_stage(run, WriteText("new"), fingerprint="g")
    assert list_files(run.root) == COMPLETE and not any(path.is_symlink() for path in run.root.iterdir())


@pytest.mark.parametrize("name", ["stage-one", ".stage-one.tmp", ".stage-one.old.tmp"])
def test_file_instead_of_a_stage_is_replaced(run, name):
    (run.root / name).write_text("no folder", encoding="utf-8")
    run_stage(run, WriteText("new"))
    assert list_files(run.root) == COMPLETE


def test_unfinished_links_are_removed_and_not_followed(tmp_path, precious):
    with open_run(tmp_path / "run") as run:
        pass
    (run.root / ".train.tmp").symlink_to(precious)
    (run.root / ".log.tmp").symlink_to(precious / "file.txt")
    with open_run(tmp_path / "run"):
        assert list_files(run.root) == {".lock"}


def test_stage_behind_a_link_runs_again(run, precious):
    """A stage of another run is no part of this one, even if its record matches."""
    run_stage(run, WriteText("hello"))
    shutil.move(run.root / "stage-one", run.root.parent / "elsewhere")
    (run.root / "stage-one").symlink_to(run.root.parent / "elsewhere")
    make = WriteText("hello")
    run_stage(run, make)
    assert make.calls == 1 and not (run.root / "stage-one").is_symlink()
    assert (run.root.parent / "elsewhere" / "stage.json").is_file()


@pytest.mark.parametrize("name", ["stage.json", "deep", "deep/text.txt"])
def test_stage_with_a_link_inside_runs_again(run, name):
    run_stage(run, WriteText("hello"))
    path = run.root / "stage-one" / name
    shutil.move(path, run.root.parent / "moved")
    path.symlink_to(run.root.parent / "moved")
    make = WriteText("hello")
    run_stage(run, make)
    assert make.calls == 1


@pytest.mark.parametrize("kind", SPECIAL_FILES)
@pytest.mark.parametrize("name", ["stage.json", "deep/text.txt"])
def test_stage_with_a_special_file_runs_again(run, kind, name, tmp_path):
    run_stage(run, WriteText("hello"))
    path = run.root / "stage-one" / name
    path.unlink()
    special = make_special(kind, tmp_path)
    path.symlink_to(special) if kind == "zero" else special.rename(path)
    make = WriteText("hello")
    run_stage(run, make)
    assert make.calls == 1


def test_deep_json_of_a_stage_runs_again(run):
    run_stage(run, WriteText("hello"))
    (run.root / "stage-one" / "stage.json").write_text("[" * 100_000, encoding="utf-8")
    make = WriteText("hello")
    run_stage(run, make)
    assert make.calls == 1


@pytest.mark.parametrize("target", ["precious/file.txt", "absent"])
def test_lock_that_is_a_link_is_refused(tmp_path, precious, target):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").symlink_to(tmp_path / target)
    with pytest.raises(ConfigError, match=r"it is a link|edgetl did not write"), open_run(tmp_path / "run"):
        pass
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("kind", sorted(SPECIAL_FILES))
def test_lock_that_is_a_special_file_is_refused(tmp_path, kind):
    (tmp_path / "run").mkdir()
    special, lock = make_special(kind, tmp_path), tmp_path / "run" / ".lock"
    lock.symlink_to(special) if kind == "zero" else special.rename(lock)
    with pytest.raises(ConfigError, match=r"\.lock cannot be written: it is a") as caught, open_run(tmp_path / "run"):
        pass
    assert caught.value.where == (str(lock),)


@pytest.fixture
def blocking_build(tmp_path):
    """A process that has locked tmp_path/run and blocks in the middle of stage-two."""
    project = Path(__file__).parents[3]
    command = [sys.executable, "-c", BLOCKING_BUILD, str(tmp_path / "run")]
    with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "half-way\n"
            yield process
        finally:
            process.kill()


def test_killed_build_can_be_continued(tmp_path, blocking_build):
    root = tmp_path / "run"
    assert (root / ".stage-two.tmp" / "half.txt").exists()
    blocking_build.send_signal(signal.SIGKILL)
    assert blocking_build.wait(10) == -signal.SIGKILL
    assert not (root / "stage-two").exists()
    one, two = WriteText("one"), WriteText("two")
    with open_run(root) as run:
        assert not (root / ".stage-two.tmp").exists()
        run_stage(run, one)
        run_stage(run, two, name="stage-two")
    assert (one.calls, two.calls) == (0, 1)
    assert list_files(root) == {*COMPLETE, "stage-two/stage.json", "stage-two/deep/text.txt"}


def test_second_build_in_the_same_folder_is_refused(tmp_path, blocking_build):
    with (
        pytest.raises(ConfigError, match=rf"another build \(process {blocking_build.pid}: ") as caught,
        open_run(tmp_path / "run"),
    ):
        pass
    assert caught.value.where == (str(tmp_path / "run"),)
    assert "--out" in caught.value.hint
    # The unfinished files of the first build are still there.
    assert (tmp_path / "run" / ".stage-two.tmp" / "half.txt").exists()
    blocking_build.kill()
    blocking_build.wait(10)
    with open_run(tmp_path / "run"):
        pass


def test_lock_is_released_after_an_error(tmp_path):
    with pytest.raises(ValueError, match="bug"), open_run(tmp_path / "run"):
        raise ValueError("bug")
    with open_run(tmp_path / "run") as run, pytest.raises(ConfigError, match="another build"), open_run(run.root):
        pass


def test_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(ConfigError, match="files that edgetl did not write") as caught, open_run(tmp_path):
        pass
    assert caught.value.where == (str(tmp_path),)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_file_instead_of_a_folder_is_refused(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(ConfigError, match="is a file"), open_run(path):
        pass


def test_new_and_empty_folders_are_accepted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_run(Path("a/b/c")) as run:
        assert run.root == tmp_path / "a" / "b" / "c"
    (tmp_path / "empty").mkdir()
    with open_run(tmp_path / "empty") as run:
        assert run.root == tmp_path / "empty"


def test_finished_stage_is_read_with_or_without_a_fingerprint(run):
    folder = run.root / "stage-one"
    assert read_finished_stage(folder, Text) is None
    finished = run_stage(run, WriteText("hello"))
    assert read_finished_stage(folder, Text) == read_finished_stage(folder, Text, "f") == finished
    assert read_finished_stage(folder, Text, "g") is None


def run_outdating(run: RunFolder, content: str, fingerprint: str) -> None:
    spec = StageSpec(name="train", record=Text, outdates="bundle-*")
    run.stage(spec, fingerprint, WriteText(content))


def test_results_of_an_earlier_model_are_set_aside(run):
    run_outdating(run, "model 1", "f")
    run_stage(run, WriteText("bundle 1"), name="bundle-tflite")
    run_outdating(run, "model 1", "f")
    # Made again with the same bytes, for example after a change of the code.
    run_outdating(run, "model 1", "g")
    assert (run.root / "bundle-tflite").is_dir()
    run_outdating(run, "model 2", "h")
    assert not (run.root / "bundle-tflite").exists()
    earlier = run.root / "earlier-bundle-tflite"
    assert (earlier / "deep" / "text.txt").read_text() == "bundle 1"
    assert "bundle-tflite is out of date: train was made again" in (earlier / "README.txt").read_text()


def test_earlier_result_is_removed_when_the_stage_is_finished(run):
    run_outdating(run, "model 1", "f")
    run_stage(run, WriteText("bundle 1"), name="bundle-tflite")
    run_outdating(run, "model 2", "g")
    run_stage(run, WriteText("bundle 2"), name="bundle-tflite")
    assert not (run.root / "earlier-bundle-tflite").exists()


def test_failed_training_keeps_the_results_of_the_earlier_model(run):
    run_outdating(run, "model 1", "f")
    run_stage(run, WriteText("bundle 1"), name="bundle-tflite")

    def fail(folder: Path) -> Text:
        raise DISK_FULL

    with pytest.raises(OSError, match="No space"):
        run.stage(StageSpec(name="train", record=Text, outdates="bundle-*"), "g", fail)
    assert (run.root / "bundle-tflite").is_dir()


def test_finished_run_is_opened_as_every_run_where_it_can_be_written(tmp_path):
    with open_run(tmp_path / "run") as run:
        run_stage(run, WriteText("a"))
    with open_finished_run(tmp_path / "run", pytest.fail) as run:
        assert run.output == run.root == tmp_path / "run"
        with pytest.raises(ConfigError, match="another build"), open_run(run.root):
            pass


@pytest.mark.parametrize("locked", [True, False], ids=["with a lock file", "without"])
def test_finished_run_that_cannot_be_written_is_read(tmp_path, monkeypatch, locked):
    root = tmp_path / "run"
    with open_run(root) as run:
        run_stage(run, WriteText("a"))
    if not locked:
        (root / ".lock").unlink()
    before = list_files(root)
    # The tests may run as a user who can write everything.
    monkeypatch.setattr(os, "access", lambda *_: False)
    make, scores = WriteText("a"), WriteText("scores")
    with open_finished_run(root, pytest.fail) as run:
        assert run_stage(run, make).record.path.is_relative_to(root)
        first = run_stage(run, scores, name="score-one")
        assert run_stage(run, scores, name="score-one") == first
        assert first.record.path.is_relative_to(run.output) and not run.output.is_relative_to(root)
        # Others may read it at the same time.
        with open_finished_run(root, pytest.fail) as other:
            assert other.output != run.output
            shutil.rmtree(other.output)
    assert (make.calls, scores.calls) == (0, 1) and list_files(root) == before
    # The paths are printed, so the results must still be there.
    assert first.record.path.read_text() == "scores"
    shutil.rmtree(run.output)


def test_origin_of_a_stage_is_kept(run):
    spec = StageSpec(name="stage-one", record=Text)
    run.stage(spec, "f", WriteText("a"), lambda: {"code": "c"})
    assert json.loads((run.root / "stage-one" / "stage.json").read_text())["origin"] == {"code": "c"}


def test_json_file_has_the_name_of_the_stage():
    assert run_folder.stage_file_name("convert-tflite-int8") == "convert.json"
    assert run_folder.stage_file_name("train") == "train.json"


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("flowers", "mobilenet_v2", "1", 160), "flowers-mobilenet_v2-1-160"),
        (("../../etc", 1), "etc-1"),
        (("my photos (old)/new", 1), "my_photos_old_new-1"),
        (("Blüten", 1), "Blüten-1"),
        (("..",), "run"),
        (("", ""), "run"),
        ((".hidden",), "hidden"),
    ],
)
def test_folder_names_are_made_of_safe_characters(parts, name):
    assert run_folder.make_folder_name(*parts) == name
