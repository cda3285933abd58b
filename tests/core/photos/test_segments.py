"""segments.py: what is written comes back; what is cut short does not count."""

import io
import os

import numpy as np
import pytest

from edgetl.core.photos import near_duplicates, segments
from edgetl.core.records import InputSpec

SHAPE = InputSpec(side_px=5, fit="crop")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def photos(count: int) -> list[tuple[str, bytes, np.ndarray]]:
    rows = np.random.default_rng(count).integers(0, 256, (count, 5, 5, 3), dtype=np.uint8)
    return [(f"{number:064x}", bytes([number]) * near_duplicates.BYTES, rows[number]) for number in range(count)]


def store(count: int, problems: dict[str, str]) -> list[tuple[str, bytes, np.ndarray]]:
    written = photos(count)
    with segments.create_segment(SHAPE) as segment:
        for photo in written:
            segment.add(*photo)
        segment.problems.update(problems)
        assert segments.list_segments(SHAPE) == [], "nobody sees it before it is whole"
    return written


def test_round_trip():
    written = store(3, {"ff" * 32: "truncated"})
    (segment,) = segments.list_segments(SHAPE)
    assert segment.sha256s() == [sha256 for sha256, _, _ in written]
    assert np.array_equal(segment.pixels(), np.stack([row for _, _, row in written]))
    assert segment.known() == {sha256: segments.StoredFacts(seen, "") for sha256, seen, _ in written} | {
        "ff" * 32: segments.StoredFacts(b"", "truncated")
    }
    assert segments.list_segments(InputSpec(side_px=5, fit="pad")) == []


def test_a_segment_of_problems_only():
    store(0, {"00" * 32: "empty file"})
    (segment,) = segments.list_segments(SHAPE)
    assert segment.pixels().shape == (0, 5, 5, 3) and list(segment.known()) == ["00" * 32]


@pytest.mark.parametrize("name", ["pixels", "sha256", "looks", "problems.json"])
def test_what_a_power_cut_shortened_does_not_count(name):
    store(2, {})
    (victim,) = segments.list_segments(SHAPE)
    os.truncate(victim.path / name, 0)
    assert segments.list_segments(SHAPE) == []
    store(4, {})
    assert [len(segment.sha256s()) for segment in segments.list_segments(SHAPE)] == [4]


def test_nothing_added_is_no_segment():
    with segments.create_segment(SHAPE):
        pass
    assert list(segments.locate_segments(SHAPE).iterdir()) == []


def test_a_write_that_takes_only_a_part_is_carried_on(tmp_path):
    class Narrow(io.FileIO):
        def write(self, content: memoryview) -> int:
            return super().write(content[:7])

    with Narrow(tmp_path / "f", "wb") as file:
        (photo,) = photos(1)
        segments.SegmentWriter(file).add(*photo)
    assert (tmp_path / "f").read_bytes() == photo[2].tobytes()


def test_code_that_changed_starts_anew(monkeypatch, tmp_path):
    before = segments.locate_segments(SHAPE)
    other = tmp_path / "pixels.py"
    other.write_text("# other code")
    monkeypatch.setattr(segments.pixels, "__file__", str(other))
    changed = segments.locate_segments(SHAPE)
    assert changed != before
    # Another Pillow may decode otherwise.
    monkeypatch.setattr(segments.PIL, "__version__", "0.1")
    assert segments.locate_segments(SHAPE) not in (before, changed)


def test_sweep_takes_only_what_is_old():
    store(1, {})
    old, young = segments.locate_segments(SHAPE) / ".part-old", segments.locate_segments(SHAPE) / ".part-young"
    for part in (old, young):
        part.mkdir()
    os.utime(old, (1, 1))
    segments.remove_stale_segments(SHAPE)
    assert not old.exists() and young.exists() and len(segments.list_segments(SHAPE)) == 1


def test_catalogue(tmp_path):
    root = tmp_path / "ph\u00f6tos"
    assert segments.read_catalogue(root) == {}
    segments.write_catalogue(root, {"a/\u2603.jpg": (1, 2, "ab")})
    assert segments.read_catalogue(root) == {"a/\u2603.jpg": (1, 2, "ab")}
    assert segments.read_catalogue(tmp_path) == {}
    kept = next((tmp_path / "edgetl" / "catalogues").iterdir())
    for content in (b"", b"[]", b'{"a": 1}', b"\xff", b"\0\0"):
        kept.write_bytes(content)
        assert segments.read_catalogue(root) == {}
    part = kept.with_name(".part-old")
    part.touch()
    os.utime(part, (1, 1))
    segments.remove_stale_segments(SHAPE)
    assert not part.exists()


def test_a_segment_of_zeros_is_not_whole():
    """What a power cut can leave of a file."""
    store(1, {})
    (segment,) = segments.list_segments(SHAPE)
    for content in (b"\0\0", b"", b"[]"):
        (segment.path / "problems.json").write_bytes(content)
        assert not segment.is_whole() and segments.list_segments(SHAPE) == []


def test_sweep_minds_no_part_that_another_process_finishes():
    here = segments.locate_segments(SHAPE)
    here.mkdir(parents=True, exist_ok=True)
    # A link that leads nowhere stands for a name that was listed and is gone by the time it is looked at.
    (here / ".part-gone").symlink_to(here / "nowhere")
    segments.remove_stale_segments(SHAPE)
    assert not [part for part in here.glob(".part-*") if part.exists()]
