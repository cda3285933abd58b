"""pixelstore.py: decoded once, the same as pixels.py, shared between processes, whole after a kill."""

import errno
import hashlib
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.core.errors import DataError, EdgetlError
from edgetl.core.photos import pixel_store, pixels, segments
from edgetl.core.records import InputSpec

SHAPE = InputSpec(side_px=16, fit="crop")
ASSETS = Path(os.environ.get("EDGETL_ASSETS", Path(__file__).parents[4] / "shared" / "assets"))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path) -> Path:
    """Ten noisy PNGs, changed long ago."""
    folder = tmp_path / "photos"
    folder.mkdir()
    generator = np.random.default_rng(1)
    for number in range(10):
        noise = generator.integers(0, 256, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
        os.utime(folder / f"{number}.png", (1e9, 1e9))
    return folder


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def filled(root: Path, input_spec: InputSpec = SHAPE) -> tuple[pixel_store.PhotoFacts, ...]:
    return pixel_store.fill_pixel_store(root, names(root), input_spec, progress=lambda _: None)


def stored() -> list[str]:
    """The sha256 of every row in the store, copies and all."""
    return [sha256 for segment in segments.list_segments(SHAPE) for sha256 in segment.sha256s()]


def forbid(monkeypatch, *functions: str) -> None:
    def stop(*_: object) -> None:
        raise AssertionError("it was to come from the store")

    for function in functions:
        monkeypatch.setattr(pixels, function, stop)


@pytest.mark.parametrize("fit", pixels.FITS)
def test_the_store_holds_what_pixels_gives(root, fit):
    shape = InputSpec(side_px=16, fit=fit)
    glimpses = filled(root, shape)
    assert [glimpse.path for glimpse in glimpses] == names(root)
    stored = pixel_store.open_pixels([glimpse.sha256 for glimpse in glimpses], shape)
    assert len(stored) == 10
    rows = stored.rows([7, 0, 7])
    assert rows.dtype == np.uint8 and rows.flags.writeable
    for row, name in zip(rows, ("7.png", "0.png", "7.png"), strict=True):
        assert np.array_equal(row, pixels.load_photo(root / name, 16, fit))
    assert stored.rows([]).shape == (0, 16, 16, 3)


@pytest.mark.parametrize("size", [(227, 227), (500, 375), (640, 480), (1024, 768), (3100, 2000)])
def test_glimpses_do_not_depend_on_the_shape(tmp_path, size):
    generator = np.random.default_rng(2)
    (tmp_path / "p").mkdir()
    cells = Image.fromarray(generator.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    cells.resize(size).save(tmp_path / "p" / "a.jpg", quality=80)
    found = {
        filled(tmp_path / "p", InputSpec(side_px=side, fit=fit))
        for side, fit in ((32, "crop"), (224, "pad"), (331, "stretch"))
    }
    assert len(found) == 1


def test_a_second_run_reads_nothing(root, monkeypatch):
    (root / "broken.jpg").write_bytes(b"\xff\xd8\xff not a photo")
    os.utime(root / "broken.jpg", (1e9, 1e9))
    first = filled(root)
    assert first[-1].problem == "damaged JPEG" and first[-1].thumbnail == b""
    forbid(monkeypatch, "read", "opened", "decoded")
    assert filled(root) == first


def test_a_moved_photo_is_read_and_not_decoded(root, monkeypatch):
    first = filled(root)
    (root / "3.png").rename(root / "moved.png")
    forbid(monkeypatch, "opened", "decoded")
    assert {glimpse.sha256 for glimpse in filled(root)} == {glimpse.sha256 for glimpse in first}


def test_a_changed_photo_is_seen(root):
    first = filled(root)
    Image.new("RGB", (20, 30), "red").save(root / "3.png")
    second = filled(root)
    assert [a == b for a, b in zip(first, second, strict=True)] == [number != 3 for number in range(10)]
    assert pixel_store.open_pixels([second[3].sha256], SHAPE).rows([0])[0, 8, 8].tolist() == [255, 0, 0]


def test_a_photo_that_changed_this_moment_is_not_trusted_to_its_time_stamp(root):
    now = time.time_ns()
    for colour in ("red", "tan"):
        Image.new("RGB", (20, 30), colour).save(root / "3.bmp")
        os.utime(root / "3.bmp", ns=(now, now))
        found = next(glimpse for glimpse in filled(root) if glimpse.path == "3.bmp")
        assert found.sha256 == hashlib.sha256((root / "3.bmp").read_bytes()).hexdigest()


def test_copies_are_decoded_once_a_share_and_known_alike(root):
    for copy in range(140):
        (root / f"copy{copy:03}.png").write_bytes((root / "0.png").read_bytes())
    glimpses = filled(root)
    # Once in each of the ten shares at most: the processes do not tell each other.
    assert len(set(stored())) == 10
    assert len(stored()) - len(set(stored())) <= 9
    assert (
        len({(glimpse.sha256, glimpse.thumbnail) for glimpse in glimpses if glimpse.path.startswith(("copy", "0"))})
        == 1
    )


def test_progress_adds_up(root):
    steps: list[int] = []
    pixel_store.fill_pixel_store(root, names(root) * 9, SHAPE, progress=steps.append)
    assert sum(steps) == 90 and len(steps) > 1


def test_unreadable_files_are_told_and_not_remembered(root):
    glimpse = pixel_store.fill_pixel_store(root, ["gone.png"], SHAPE, progress=lambda _: None)[0]
    assert glimpse.sha256 == "" and glimpse.problem.startswith("cannot be read: No such file")
    Image.new("RGB", (9, 9)).save(root / "gone.png")
    assert pixel_store.fill_pixel_store(root, ["gone.png"], SHAPE, progress=lambda _: None)[0].problem == ""


def test_too_little_memory_is_not_remembered(root, monkeypatch):
    with monkeypatch.context() as patched:

        def exhausted(*_: object) -> None:
            raise pixels.PhotoError("does not fit into memory") from MemoryError()

        patched.setattr(pixels, "decode_image", exhausted)
        assert {glimpse.problem for glimpse in filled(root)} == {"does not fit into memory"}
    assert {glimpse.problem for glimpse in filled(root)} == {""}


def test_many_segments(root):
    for start in (0, 4, 7):
        pixel_store.fill_pixel_store(root, names(root)[start : start + 4], SHAPE, progress=lambda _: None)
    sha256s = [glimpse.sha256 for glimpse in filled(root)]
    assert sorted(len(segment.sha256s()) for segment in segments.list_segments(SHAPE)) == [2, 4, 4]
    expected = np.stack([pixels.load_photo(root / name, 16, "crop") for name in names(root)])
    assert np.array_equal(pixel_store.open_pixels(sha256s, SHAPE).rows(range(10)), expected)


def test_more_segments_than_may_be_open(root, monkeypatch):
    monkeypatch.setattr(pixel_store, "_MAPS", 2)
    for name in names(root):
        pixel_store.fill_pixel_store(root, [name], SHAPE, progress=lambda _: None)
    sha256s = [glimpse.sha256 for glimpse in filled(root)]
    opened = len(list(Path("/proc/self/fd").iterdir()))
    photos = pixel_store.open_pixels(sha256s, SHAPE)
    expected = np.stack([pixels.load_photo(root / name, 16, "crop") for name in names(root)])
    assert np.array_equal(photos.rows(range(10)), expected)
    assert len(segments.list_segments(SHAPE)) == 10 and len(list(Path("/proc/self/fd").iterdir())) <= opened + 2


def test_a_process_that_is_killed_is_told(root, monkeypatch):
    monkeypatch.setattr(pixel_store, "_FEW", 0)
    monkeypatch.setattr(pixel_store, "cores", lambda: 2)
    monkeypatch.setattr(pixel_store, "_SHARE", 5)
    monkeypatch.setattr(pixel_store, "_SHARES", 1)
    monkeypatch.setattr(pixel_store, "_share", _killed)
    with pytest.raises(EdgetlError, match="a process that decodes photos was killed") as caught:
        filled(root)
    assert "memory" in caught.value.hint


def _killed(_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_deleted_cache_is_told(root):
    filled(root)
    with pytest.raises(DataError, match="2 of 2 photos") as caught:
        pixel_store.open_pixels(["00" * 32, "11" * 32], SHAPE)
    assert "again" in caught.value.hint


def test_a_full_disk_is_told_and_leaves_no_half(root, monkeypatch, tmp_path):
    def full(*_: object) -> None:
        """What Linux says when it is."""
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(segments, "_write", full)
        with pytest.raises(EdgetlError, match="the disk is full") as caught:
            filled(root)
    assert str(tmp_path / "cache") in caught.value.where[0]
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []
    assert {glimpse.problem for glimpse in filled(root)} == {""}


def test_nothing_is_written_into_the_photos(root):
    before = {path.name: path.stat().st_mtime_ns for path in root.iterdir()}
    folder = root.stat().st_mtime_ns
    filled(root)
    assert {path.name: path.stat().st_mtime_ns for path in root.iterdir()} == before
    assert root.stat().st_mtime_ns == folder


PROGRAM = """
import sys
from pathlib import Path
from edgetl.core.photos import pixel_store as pixelstore
from edgetl.core.records import InputSpec
pixelstore._SEGMENT_BYTES = 20_000
root = Path(sys.argv[1])
paths = sorted(p.name for p in root.iterdir())
print("ready", flush=True)
pixelstore.fill_pixel_store(root, paths, InputSpec(side_px=16, fit="crop"), progress=lambda n: print(n, flush=True))
"""


def program(root: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])


def many(tmp_path: Path) -> Path:
    root = tmp_path / "many"
    root.mkdir()
    generator = np.random.default_rng(3)
    for number in range(400):
        Image.fromarray(generator.integers(0, 256, (60, 60, 3), dtype=np.uint8)).save(root / f"{number:03}.bmp")
        os.utime(root / f"{number:03}.bmp", (1e9, 1e9))
    return root


def test_two_processes_fill_at_once(tmp_path):
    root = many(tmp_path)
    both = [program(root), program(root)]
    assert [process.wait(60) for process in both] == [0, 0]
    for process in both:
        process.stdout.close()
    sha256s = [glimpse.sha256 for glimpse in filled(root)]
    expected = np.stack([pixels.load_photo(root / name, 16, "crop") for name in names(root)])
    assert np.array_equal(pixel_store.open_pixels(sha256s, SHAPE).rows(range(400)), expected)


def test_a_kill_leaves_whole_segments(tmp_path):
    root = many(tmp_path)
    process = program(root)
    assert process.stdout.readline() == "ready\n"
    done = 0
    while done < 100:
        done += int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    survived = stored()
    content = {hashlib.sha256((root / name).read_bytes()).hexdigest(): name for name in names(root)}
    assert 0 < len(survived) <= 400
    for row, sha256 in zip(pixel_store.open_pixels(survived, SHAPE).rows(range(len(survived))), survived, strict=True):
        assert np.array_equal(row, pixels.load_photo(root / content[sha256], 16, "crop"))
    filled(root)
    assert sorted(stored()) == sorted(content), "what survived was decoded again, or something is missing"


def test_real_photos():
    root = ASSETS / "datasets" / "trash_originals"
    if not root.is_dir():
        pytest.skip("the assets (shared/assets beside the project, or $EDGETL_ASSETS) are not here")
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.jpg"))[::20]
    shape = InputSpec(side_px=160, fit="crop")
    glimpses = pixel_store.fill_pixel_store(root, paths, shape, progress=lambda _: None)
    rows = pixel_store.open_pixels([glimpse.sha256 for glimpse in glimpses], shape).rows(range(len(paths)))
    for path, row in zip(paths, rows, strict=True):
        image = Image.open(io.BytesIO((root / path).read_bytes()))
        short = min(image.size)
        left, top = (image.width - short) / 2, (image.height - short) / 2
        box = (left, top, left + short, top + short)
        fair = np.asarray(image.resize((160, 160), Image.Resampling.BILINEAR, box=box)).astype(int)
        assert np.abs(row - fair).mean() < 2, "reduced decoding stays close to the whole one"


def test_the_workers_end_with_a_killed_parent(tmp_path):
    root = many(tmp_path)
    process = program(root)
    assert process.stdout.readline() == "ready\n"
    process.stdout.readline()
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    workers = [Path("/proc") / number for number in children.read_text().split()] if children.is_file() else []
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    for _ in range(200):
        if not any(worker.is_dir() and "zombie" not in (worker / "status").read_text() for worker in workers):
            return
        time.sleep(0.02)
    pytest.fail(f"still alive: {workers}")
