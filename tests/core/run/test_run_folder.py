"""runs.py: a stage is made once, remade when anything it rests on changed, and never half there."""

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
from edgetl.core.run.run_folder import FinishedStage, RunFolder, open_run

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

# A build in a process of its own: stage-one is made, then stage-two hangs half-way until it is killed.
HANGING = """
import sys, time
from pathlib import Path
from tests.core.test_runs import Text, opened, text
def half(work):
    (work / "half.txt").write_text("half")
    print("half-way", flush=True)
    time.sleep(60)
with opened(Path(sys.argv[1])) as run:
    run.stage("stage-one", {"n": 1}, text("one"), Text)
    run.stage("stage-two", {"n": 1}, half, Text)
"""


class Text(Record):
    """A record of one text file."""

    path: PathInside
    sha256: str

    def contents(self) -> dict[Path, str]:
        """The file."""
        return {self.path: self.sha256}


class text:  # noqa: N801  (reads as a function: it makes one, and counts its calls)
    """A stage that writes one file."""

    def __init__(self, content: str) -> None:
        self.content, self.calls = content, 0

    def __call__(self, work: Path) -> Text:
        self.calls += 1
        path = work / "deep" / "text.txt"
        path.parent.mkdir()
        path.write_text(self.content, encoding="utf-8")
        return Text(path=path, sha256=run_folder.hash_file(path))


@pytest.fixture
def run(tmp_path):
    with open_run(tmp_path / "run") as run:
        yield run


def made(run: RunFolder, make, n: int = 1, name: str = "stage-one") -> FinishedStage[Text]:
    return run.stage(name, {"n": n}, make, Text)


def inside(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


WHOLE = {".lock", "stage-one/stage.json", "stage-one/deep/text.txt"}


def test_made_once(run):
    make = text("hello")
    first, second = made(run, make), made(run, make)
    assert make.calls == 1
    assert (first.fresh, second.fresh) == (True, False)
    assert first.record == second.record and first.seconds == second.seconds
    assert first.record.path == run.root / "stage-one" / "deep" / "text.txt"
    assert first.record.path.read_text(encoding="utf-8") == "hello"
    assert inside(run.root) == WHOLE


def test_a_second_process_finds_it(tmp_path):
    make = text("hello")
    for _ in range(2):
        with open_run(tmp_path / "run") as run:
            made(run, make)
    assert make.calls == 1


def test_seconds(run):
    made(run, text("a"))
    assert run.seconds["stage-one"] >= 0
    run.seconds["stage-one"] = 7.0
    made(run, text("a"))
    assert run.seconds["stage-one"] == 7.0, "made by this process, however often it is read back"
    again = RunFolder(run.root)
    made(again, text("a"))
    assert again.seconds == {"stage-one": 0.0}


@pytest.mark.parametrize("depends_on", [{"n": 2}, {"m": 1}, {"n": 1, "m": 1}, {}, {"n": "1"}, {"n": [1]}])
def test_another_fingerprint_makes_it_anew(run, depends_on):
    made(run, text("old"))
    done = run.stage("stage-one", depends_on, text("new"), Text)
    assert done.fresh and done.record.path.read_text(encoding="utf-8") == "new"
    assert inside(run.root) == WHOLE


def test_fingerprints(monkeypatch):
    one = run_folder.compute_fingerprint("a", {"x": 1, "y": {"b": 2, "c": 3}})
    assert one == run_folder.compute_fingerprint("a", {"y": {"c": 3, "b": 2}, "x": 1})
    assert one != run_folder.compute_fingerprint("b", {"x": 1, "y": {"b": 2, "c": 3}})
    monkeypatch.setattr(run_folder, "installed_version", lambda package: "99")
    assert one != run_folder.compute_fingerprint("a", {"x": 1, "y": {"b": 2, "c": 3}})


@pytest.mark.parametrize(
    "harm",
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
def test_what_was_changed_or_is_gone_is_made_anew(run, harm):
    made(run, text("hello"))
    harm(run.root / "stage-one")
    make = text("hello")
    assert made(run, make).fresh and make.calls == 1
    assert inside(run.root) == WHOLE
    assert not made(run, make).fresh


def test_a_record_of_an_older_layout_is_made_anew(run):
    made(run, text("hello"))
    path = run.root / "stage-one" / "stage.json"
    kept = json.loads(path.read_text(encoding="utf-8"))
    kept["record"]["more"] = 1
    path.write_text(json.dumps(kept), encoding="utf-8")
    assert made(run, text("hello")).fresh


def test_a_moved_run_is_still_whole(tmp_path):
    with open_run(tmp_path / "old") as run:
        made(run, text("hello"))
    (tmp_path / "old").rename(tmp_path / "new")
    with open_run(tmp_path / "new") as run:
        done = made(run, text("hello"))
    assert not done.fresh and done.record.path.is_relative_to(tmp_path / "new")


@pytest.mark.parametrize("failure", [EdgetlError("broken"), ValueError("bug"), KeyboardInterrupt(), FULL])
def test_a_failure_leaves_nothing_and_is_not_kept(run, failure):
    def fail(work: Path) -> Text:
        (work / "half.txt").write_text("half", encoding="utf-8")
        raise failure

    for _ in range(2):
        with pytest.raises(type(failure)):
            made(run, fail)
        assert inside(run.root) == {".lock"}
    assert made(run, text("hello")).fresh


@pytest.mark.parametrize(("owner", "call"), [(Path, "write_text"), (Path, "replace"), (os, "fsync"), (Path, "rename")])
def test_a_full_disk_leaves_nothing_half(run, monkeypatch, owner, call):
    make = text("hello")
    prepared = run.root.parent / "prepared.txt"
    prepared.write_text("hello", encoding="utf-8")

    def copied(work: Path) -> Text:
        path = work / "text.txt"
        shutil.copyfile(prepared, path)
        return Text(path=path, sha256=run_folder.hash_file(path))

    def full(*arguments, **named):
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(owner, call, full)
        with pytest.raises(OSError, match="No space left"):
            made(run, copied)
    assert inside(run.root) == {".lock"} and [path.name for path in run.root.iterdir()] == [".lock"]
    assert made(run, make).fresh


def test_a_failed_remake_keeps_what_was_there(run, monkeypatch):
    made(run, text("old"))

    def fail(work: Path) -> Text:
        raise FULL

    with pytest.raises(OSError, match="No space"):
        made(run, fail, n=2)
    assert inside(run.root) == WHOLE
    assert not made(run, text("old")).fresh


def test_files_that_change_while_they_are_written(run):
    def wrong(work: Path) -> Text:
        record = text("hello")(work)
        return record.model_copy(update={"sha256": "0" * 64})

    with pytest.raises(EdgetlError, match="changed while"):
        made(run, wrong)
    assert made(run, text("hello")).fresh


def test_make_again(run):
    first, other = text("a"), text("b")
    made(run, first, name="score-one")
    made(run, other, name="train")
    run.make_again("score", "verify")
    assert made(run, first, name="score-one").fresh and first.calls == 2
    assert not made(run, other, name="train").fresh and other.calls == 1
    # Once more is once: a verdict and its ledger ask for the same answers.
    assert not made(run, first, name="score-one").fresh and first.calls == 2
    run.make_again("score")
    assert made(run, first, name="score-one").fresh and first.calls == 3


def test_half_written_folders_and_files_are_cleaned(tmp_path):
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
def hanging(tmp_path):
    """A process that holds tmp_path/run and hangs in the middle of stage-two."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", HANGING, str(tmp_path / "run")]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "half-way\n"
            yield process
        finally:
            process.kill()


def test_killed_half_way_and_taken_up_again(tmp_path, hanging):
    root = tmp_path / "run"
    assert (root / ".stage-two.tmp" / "half.txt").exists()
    hanging.send_signal(signal.SIGKILL)
    assert hanging.wait(10) == -signal.SIGKILL
    assert not (root / "stage-two").exists()
    with open_run(root) as run:
        assert not (root / ".stage-two.tmp").exists()
        one, two = text("one"), text("two")
        assert not made(run, one).fresh and one.calls == 0
        assert made(run, two, name="stage-two").fresh
    assert inside(root) == {*WHOLE, "stage-two/stage.json", "stage-two/deep/text.txt"}


def test_the_second_process_is_told(tmp_path, hanging):
    with (
        pytest.raises(ConfigError, match=rf"another build \(process {hanging.pid}\)") as caught,
        open_run(tmp_path / "run"),
    ):
        pass
    assert caught.value.where == (str(tmp_path / "run"),)
    assert "--out" in caught.value.hint
    # What the first is writing is still there: only who holds the lock cleans up.
    assert (tmp_path / "run" / ".stage-two.tmp" / "half.txt").exists()
    hanging.kill()
    hanging.wait(10)
    with open_run(tmp_path / "run"):
        pass


def test_the_lock_goes_with_an_error(tmp_path):
    with pytest.raises(ValueError, match="bug"), open_run(tmp_path / "run"):
        raise ValueError("bug")
    with open_run(tmp_path / "run") as run, pytest.raises(ConfigError, match="another build"), open_run(run.root):
        pass


def test_a_foreign_folder_is_refused(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(ConfigError, match="no run of edgetl's") as caught, open_run(tmp_path):
        pass
    assert caught.value.where == (str(tmp_path),)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_file_is_refused(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(ConfigError, match="is a file"), open_run(path):
        pass


def test_an_empty_and_a_deep_new_folder_serve(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_run(Path("a/b/c")) as run:
        assert run.root == tmp_path / "a" / "b" / "c"
    (tmp_path / "empty").mkdir()
    with open_run(tmp_path / "empty"):
        pass


def test_read_stage(run):
    assert run_folder.read_finished_stage(run.root / "stage-one", Text) is None
    done = made(run, text("hello"))
    kept = run_folder.read_finished_stage(run.root / "stage-one", Text)
    assert kept is not None and kept.record == done.record and not kept.fresh
    fingerprint = run_folder.compute_fingerprint("stage-one", {"n": 1})
    assert run_folder.read_finished_stage(run.root / "stage-one", Text, fingerprint) is not None
    assert run_folder.read_finished_stage(run.root / "stage-one", Text, "other") is None


def test_the_json_is_named_after_the_stage():
    assert run_folder.stage_file_name("convert-tflite-int8") == "convert.json"
    assert run_folder.stage_file_name("train") == "train.json"


def test_write_text_is_all_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    run_folder.write_text(path, "öld\n")
    assert path.read_bytes() == "öld\n".encode()

    def half(self: Path, content: str, **named: str) -> int:
        self.write_bytes(content.encode()[:2])
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", half)
        with pytest.raises(OSError, match="No space"):
            run_folder.write_text(path, "new")
    assert path.read_text(encoding="utf-8") == "öld\n"
    assert list(tmp_path.iterdir()) == [path]
    run_folder.write_text(path, "new")
    assert path.read_text(encoding="utf-8") == "new" and list(tmp_path.iterdir()) == [path]


def test_read_json(tmp_path):
    path = tmp_path / "a.json"
    run_folder.write_json(path, {"ä": [1, 2.5, None]})
    assert run_folder.read_json(path, hint="h") == {"ä": [1, 2.5, None]}
    for content in ("", "{", "[1]", "3"):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            run_folder.read_json(path, hint="give another")
        assert caught.value.where == (str(path),) and caught.value.hint == "give another"
    with pytest.raises(ConfigError, match="cannot be read"):
        run_folder.read_json(tmp_path / "absent", hint="")


def test_sha256_of(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert run_folder.hash_file(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_version():
    assert run_folder.installed_version("numpy")[0].isdigit()
    assert run_folder.installed_version("no-such-package-anywhere") == "absent"


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
def test_folder_names(parts, name):
    assert run_folder.make_folder_name(*parts) == name
