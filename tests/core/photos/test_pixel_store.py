"""pixel_store.py: photos are decoded once and exactly as by pixels.py, also by several processes and after a kill."""

import errno
import hashlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.core.errors import DataError, EdgetlError
from edgetl.core.interrupt import Interrupted, is_interrupted, watch_signals
from edgetl.core.photos import pixel_store, pixels, segments
from edgetl.core.photos.decoding import share
from edgetl.core.photos.pixel_store import PhotoFacts
from edgetl.core.records import InputSpec
from edgetl.core.storage import mapped_rows
from tests.fixtures.signals import interrupt_here, wait_for

SPEC = InputSpec(height_px=16, width_px=16, fit="crop")
ASSETS = Path(os.environ.get("EDGETL_ASSETS", Path(__file__).parents[4] / "shared" / "assets"))
CHILDREN = Path("/proc/self/task") / str(os.getpid()) / "children"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write_noise(folder: Path, count: int, size: tuple[int, int], suffix: str) -> Path:
    """Write noisy images that were changed long ago, so that their time stamps are trusted."""
    folder.mkdir()
    generator = np.random.default_rng(1)
    for number in range(count):
        path = folder / f"{number:03}{suffix}"
        Image.fromarray(generator.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
        os.utime(path, (1e9, 1e9))
    return folder


@pytest.fixture
def root(tmp_path) -> Path:
    """Ten photos."""
    return write_noise(tmp_path / "photos", 10, (20, 30), ".png")


@pytest.fixture
def many(tmp_path) -> Path:
    """400 photos, enough for several processes."""
    return write_noise(tmp_path / "many", 400, (60, 60), ".bmp")


def list_names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def fill(root: Path, input_spec: InputSpec = SPEC) -> tuple[PhotoFacts, ...]:
    return pixel_store.fill_pixel_store(root, list_names(root), input_spec, progress=lambda _: None)


def load_all(root: Path) -> np.ndarray:
    return np.stack([pixels.load_photo(root / name, 16, 16, "crop") for name in list_names(root)])


def list_stored() -> list[str]:
    """List the sha256 of every row in the store, with repetitions."""
    return [sha256 for segment in segments.list_segments(SPEC) for sha256 in segment.sha256s()]


def forbid(monkeypatch, *functions: str) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the store has this photo already")

    for function in functions:
        assert hasattr(pixels, function)
        monkeypatch.setattr(pixels, function, fail)


@pytest.mark.parametrize("shape", [(16, 16), (12, 20)])
@pytest.mark.parametrize("fit", pixels.FITS)
def test_stored_pixels_are_those_of_load_photo(root, fit, shape):
    input_spec = InputSpec(height_px=shape[0], width_px=shape[1], fit=fit)
    facts = fill(root, input_spec)
    assert [photo.path for photo in facts] == list_names(root)
    stored = pixel_store.open_pixels([photo.sha256 for photo in facts], input_spec)
    assert len(stored) == 10
    rows = stored.rows([7, 0, 7])
    assert rows.dtype == np.uint8 and rows.flags.writeable
    for row, name in zip(rows, ("007.png", "000.png", "007.png"), strict=True):
        assert np.array_equal(row, pixels.load_photo(root / name, *shape, fit))
    assert stored.rows([]).shape == (0, *shape, 3)


@pytest.mark.parametrize("size", [(227, 227), (500, 375), (640, 480), (1024, 768), (3100, 2000)])
def test_facts_do_not_depend_on_the_input_spec(tmp_path, size):
    (tmp_path / "photos").mkdir()
    cells = Image.fromarray(np.random.default_rng(2).integers(0, 256, (9, 12, 3), dtype=np.uint8))
    cells.resize(size).save(tmp_path / "photos" / "a.jpg", quality=80)
    facts = {
        fill(tmp_path / "photos", InputSpec(height_px=side, width_px=side, fit=fit))
        for side, fit in ((32, "crop"), (224, "pad"), (331, "stretch"))
    }
    assert len(facts) == 1


def test_unchanged_files_are_not_read_again(root, monkeypatch):
    (root / "broken.jpg").write_bytes(b"\xff\xd8\xff not a photo")
    os.utime(root / "broken.jpg", (1e9, 1e9))
    facts = fill(root)
    assert facts[-1].problem == "damaged JPEG" and facts[-1].thumbnail == b""
    forbid(monkeypatch, "read_photo", "open_image", "decode_image")
    assert fill(root) == facts


def test_moved_photo_is_read_and_not_decoded(root, monkeypatch):
    before = {photo.sha256 for photo in fill(root)}
    (root / "003.png").rename(root / "moved.png")
    forbid(monkeypatch, "open_image", "decode_image")
    assert {photo.sha256 for photo in fill(root)} == before


def test_changed_photo_is_decoded_again(root):
    before = fill(root)
    Image.new("RGB", (20, 30), "red").save(root / "003.png")
    after = fill(root)
    assert [a == b for a, b in zip(before, after, strict=True)] == [number != 3 for number in range(10)]
    assert pixel_store.open_pixels([after[3].sha256], SPEC).rows([0])[0, 8, 8].tolist() == [255, 0, 0]


def test_time_stamp_of_a_photo_that_has_just_changed_is_not_trusted(root):
    now = time.time_ns()
    for colour in ("red", "tan"):
        Image.new("RGB", (20, 30), colour).save(root / "photo.bmp")
        os.utime(root / "photo.bmp", ns=(now, now))
        (photo,) = (photo for photo in fill(root) if photo.path == "photo.bmp")
        assert photo.sha256 == hashlib.sha256((root / "photo.bmp").read_bytes()).hexdigest()


def test_copies_are_decoded_at_most_once_in_each_share(root, monkeypatch):
    monkeypatch.setattr(pixel_store, "_PHOTOS_WITHOUT_WORKERS", 0)
    monkeypatch.setattr(pixel_store, "count_cores", lambda: 2)
    for copy in range(40):
        (root / f"copy{copy:03}.png").write_bytes((root / "000.png").read_bytes())
    facts = fill(root)
    shares = -(-50 // pixel_store._SMALLEST_SHARE)
    assert len(set(list_stored())) == 10 and len(list_stored()) <= 10 + shares - 1
    copies = [photo for photo in facts if photo.path.startswith(("copy", "000"))]
    assert len({(photo.sha256, photo.thumbnail) for photo in copies}) == 1


def test_progress_counts_every_photo(root):
    steps: list[int] = []
    pixel_store.fill_pixel_store(root, list_names(root) * 9, SPEC, progress=steps.append)
    assert sum(steps) == 90 and len(steps) > 1


def test_unreadable_file_is_reported_and_tried_again(root):
    (photo,) = pixel_store.fill_pixel_store(root, ["gone.png"], SPEC, progress=lambda _: None)
    assert photo.sha256 == "" and photo.problem.startswith("cannot be read: No such file")
    Image.new("RGB", (9, 9)).save(root / "gone.png")
    (photo,) = pixel_store.fill_pixel_store(root, ["gone.png"], SPEC, progress=lambda _: None)
    assert photo.problem == ""


def test_photo_that_did_not_fit_into_memory_is_tried_again(root, monkeypatch):
    def fail(*_: object) -> None:
        raise pixels.PhotoError("does not fit into memory") from MemoryError()

    with monkeypatch.context() as patch:
        patch.setattr(pixels, "decode_image", fail)
        assert {photo.problem for photo in fill(root)} == {"does not fit into memory"}
    assert {photo.problem for photo in fill(root)} == {""}


def test_photos_of_several_segments_are_read_in_order(root):
    for start in (0, 4, 7):
        pixel_store.fill_pixel_store(root, list_names(root)[start : start + 4], SPEC, progress=lambda _: None)
    sha256s = [photo.sha256 for photo in fill(root)]
    assert sorted(len(segment.sha256s()) for segment in segments.list_segments(SPEC)) == [2, 4, 4]
    assert np.array_equal(pixel_store.open_pixels(sha256s, SPEC).rows(range(10)), load_all(root))


def test_number_of_open_segments_is_limited(root, monkeypatch):
    monkeypatch.setattr(mapped_rows, "_OPEN_SEGMENTS", 2)
    for name in list_names(root):
        pixel_store.fill_pixel_store(root, [name], SPEC, progress=lambda _: None)
    sha256s = [photo.sha256 for photo in fill(root)]
    open_files = len(list(Path("/proc/self/fd").iterdir()))
    photos = pixel_store.open_pixels(sha256s, SPEC)
    assert np.array_equal(photos.rows(range(10)), load_all(root))
    assert len(segments.list_segments(SPEC)) == 10
    assert len(list(Path("/proc/self/fd").iterdir())) <= open_files + 2


def kill_worker(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_killed_worker_is_an_error_with_a_hint(root, monkeypatch):
    monkeypatch.setattr(pixel_store, "_PHOTOS_WITHOUT_WORKERS", 0)
    monkeypatch.setattr(pixel_store, "count_cores", lambda: 2)
    monkeypatch.setattr(pixel_store, "_SMALLEST_SHARE", 5)
    monkeypatch.setattr(share, "decode_share", kill_worker)
    with pytest.raises(EdgetlError, match="a process that decodes photos was killed") as error:
        fill(root)
    assert "memory" in error.value.hint


@pytest.mark.parametrize("workers", [1, 2])
def test_decoding_ends_with_a_signal_at_the_next_photo(root, tmp_path, monkeypatch, workers):
    """In workers too, whose processes share the flag."""
    monkeypatch.setattr(pixel_store, "_PHOTOS_WITHOUT_WORKERS", 0 if workers > 1 else 1000)
    monkeypatch.setattr(pixel_store, "count_cores", lambda: workers)
    monkeypatch.setattr(pixel_store, "_SMALLEST_SHARE", 5)
    parent, read_photo = os.getpid(), pixels.read_photo

    def read_and_interrupt(path: str) -> bytes:
        # One worker sends the only signal: another one could arrive when the signals are not watched any more.
        with suppress(FileExistsError):
            (tmp_path / "sent").touch(exist_ok=False)
            os.kill(parent, signal.SIGINT)
        wait_for(is_interrupted)
        return read_photo(path)

    monkeypatch.setattr(pixels, "read_photo", read_and_interrupt)
    with watch_signals(), pytest.raises(Interrupted):
        fill(root)
    monkeypatch.setattr(pixels, "read_photo", read_photo)
    assert len(fill(root)) == 10


def test_worker_that_a_signal_killed_is_the_interrupt(root, monkeypatch):
    monkeypatch.setattr(pixel_store, "_PHOTOS_WITHOUT_WORKERS", 0)
    monkeypatch.setattr(pixel_store, "count_cores", lambda: 2)
    monkeypatch.setattr(pixel_store, "_SMALLEST_SHARE", 5)
    monkeypatch.setattr(share, "decode_share", kill_worker)
    with watch_signals(), pytest.raises(Interrupted):
        interrupt_here(signal.SIGINT)
        fill(root)


def test_deleted_cache_is_an_error_with_a_hint(root):
    fill(root)
    with pytest.raises(DataError, match="2 of 2 photos are not in the cache any more") as error:
        pixel_store.open_pixels(["00" * 32, "11" * 32], SPEC)
    assert "again" in error.value.hint


def damage_stored(name: str) -> None:
    """Zero a file of every segment."""
    for segment in segments.list_segments(SPEC):
        path = segment.path / name
        path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("name", ["pixels", "thumbnails"])
@pytest.mark.parametrize("touched", [False, True])
def test_damaged_segment_is_decoded_again_with_a_sentence(root, name, touched):
    facts = fill(root)
    damage_stored(name)
    for path in root.iterdir() if touched else ():
        os.utime(path, (2e9, 2e9))
    warnings: list[str] = []
    again = pixel_store.fill_pixel_store(root, list_names(root), SPEC, progress=lambda _: None, warn=warnings.append)
    assert again == facts and len(warnings) == 1
    assert "10 photos in the cache are damaged and are decoded again" in warnings[0]
    stored = pixel_store.open_pixels([photo.sha256 for photo in facts], SPEC)
    assert np.array_equal(stored.rows(range(10)), load_all(root))


def test_damaged_sha256s_are_decoded_again(root):
    facts = fill(root)
    damage_stored("sha256")
    assert fill(root) == facts
    assert len(list_stored()) == 10


def test_damaged_segment_of_other_photos_is_not_read(root, tmp_path):
    others = write_noise(tmp_path / "others", 3, (40, 40), ".png")
    fill(others)
    damage_stored("pixels")
    fill(root)
    damaged = [segment for segment in segments.list_segments(SPEC) if not segment.is_intact()]
    assert damaged == [], "new photos may be in any segment"
    fill(others)
    (segment,) = [segment for segment in segments.list_segments(SPEC) if len(segment.sha256s()) == 3]
    (segment.path / "pixels").write_bytes(bytes(3 * 16 * 16 * 3))
    pixel_store.fill_pixel_store(root, list_names(root), SPEC, progress=lambda _: None, warn=pytest.fail)
    assert not segment.is_intact()


def test_pixels_that_are_damaged_after_they_were_decoded_are_not_opened(root):
    sha256s = [photo.sha256 for photo in fill(root)]
    damage_stored("pixels")
    with pytest.raises(DataError, match="were damaged meanwhile") as error:
        pixel_store.open_pixels(sha256s, SPEC)
    assert "run the same command again" in error.value.hint
    fill(root)
    assert np.array_equal(pixel_store.open_pixels(sha256s, SPEC).rows(range(10)), load_all(root))


def test_full_disk_is_an_error_and_leaves_nothing_unfinished(root, monkeypatch, tmp_path):
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(segments, "_write_all", fail)
        with pytest.raises(EdgetlError, match="the disk is full") as error:
            fill(root)
    assert str(tmp_path / "cache") in error.value.where[0]
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []
    assert {photo.problem for photo in fill(root)} == {""}


def test_nothing_is_written_into_the_folder_of_photos(root):
    before = {path: path.stat().st_mtime_ns for path in (root, *root.iterdir())}
    fill(root)
    assert {path: path.stat().st_mtime_ns for path in (root, *root.iterdir())} == before


# Fills the store with small segments on two cores, and waits for ever once some photos are done.
PROGRAM = """
import sys
import time
from pathlib import Path
from edgetl.core.photos import pixel_store
from edgetl.core.records import InputSpec
pixel_store._SEGMENT_BYTES = 20_000
pixel_store.count_cores = lambda: 2
root, limit = Path(sys.argv[1]), int(sys.argv[2])
done = 0
def progress(count):
    global done
    done += count
    if done >= limit:
        print(done, flush=True)
        time.sleep(600)
paths = sorted(path.name for path in root.iterdir())
pixel_store.fill_pixel_store(root, paths, InputSpec(height_px=16, width_px=16, fit="crop"), progress=progress)
"""


@contextmanager
def start_program(root: Path, limit: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PROGRAM, str(root), str(limit)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as process:
        try:
            yield process
        finally:
            process.kill()


def test_two_processes_fill_the_store_at_once(many):
    with start_program(many, 1000) as first, start_program(many, 1000) as second:
        assert [first.wait(60), second.wait(60)] == [0, 0]
    sha256s = [photo.sha256 for photo in fill(many)]
    assert np.array_equal(pixel_store.open_pixels(sha256s, SPEC).rows(range(400)), load_all(many))


def test_segments_of_a_killed_process_are_complete_and_used(many):
    with start_program(many, 100) as process:
        assert int(process.stdout.readline()) >= 100
    survived = list_stored()
    name_of = {hashlib.sha256((many / name).read_bytes()).hexdigest(): name for name in list_names(many)}
    assert 100 <= len(survived) <= 400
    rows = pixel_store.open_pixels(survived, SPEC).rows(range(len(survived)))
    for row, sha256 in zip(rows, survived, strict=True):
        assert np.array_equal(row, pixels.load_photo(many / name_of[sha256], 16, 16, "crop"))
    fill(many)
    assert sorted(list_stored()) == sorted(name_of), "a photo was decoded again, or is missing"


@pytest.mark.skipif(not CHILDREN.is_file(), reason="this kernel does not list the children of a process")
def test_workers_end_when_their_parent_is_killed(many):
    with start_program(many, 10) as process:
        process.stdout.readline()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    workers = [Path("/proc") / number for number in children.split()]
    assert len(workers) == 2
    deadline = time.monotonic() + 10
    while any(is_alive(worker) for worker in workers):
        assert time.monotonic() < deadline, f"still alive: {workers}"
        time.sleep(0.01)


def is_alive(process: Path) -> bool:
    try:
        return "zombie" not in (process / "status").read_text()
    except OSError:  # It has ended.
        return False


def test_real_photos_are_decoded_closely_at_a_reduced_size():
    root = ASSETS / "datasets" / "trash_originals"
    if not root.is_dir():
        pytest.skip("the assets (shared/assets beside the project, or $EDGETL_ASSETS) are not here")
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.jpg"))[::20]
    input_spec = InputSpec(height_px=160, width_px=160, fit="crop")
    facts = pixel_store.fill_pixel_store(root, paths, input_spec, progress=lambda _: None)
    rows = pixel_store.open_pixels([photo.sha256 for photo in facts], input_spec).rows(range(len(paths)))
    for path, row in zip(paths, rows, strict=True):
        image = Image.open(io.BytesIO((root / path).read_bytes()))
        side = min(image.size)
        left, top = (image.width - side) / 2, (image.height - side) / 2
        box = (left, top, left + side, top + side)
        full = np.asarray(image.resize((160, 160), Image.Resampling.BILINEAR, box=box)).astype(int)
        assert np.abs(row - full).mean() < 2
