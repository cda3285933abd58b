"""segments.py: stored photos and facts are read back, incomplete segments are ignored."""

import io
import os

import numpy as np
import pytest

from edgetl.core.photos import near_duplicates, segments
from edgetl.core.photos.segments import StoredFacts
from edgetl.core.records import InputSpec

SPEC = InputSpec(height_px=5, width_px=5, fit="crop")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def make_photos(count: int) -> list[tuple[str, bytes, np.ndarray]]:
    """Make sha256, thumbnail and pixels of some photos."""
    photos = np.random.default_rng(count).integers(0, 256, (count, 5, 5, 3), dtype=np.uint8)
    thumbnails = [bytes([index]) * near_duplicates.THUMBNAIL_BYTES for index in range(count)]
    return [(f"{index:064x}", thumbnails[index], photos[index]) for index in range(count)]


def store(count: int, problems: dict[str, str]) -> list[tuple[str, bytes, np.ndarray]]:
    photos = make_photos(count)
    with segments.create_segment(SPEC) as segment:
        for photo in photos:
            segment.add(*photo)
        segment.problems.update(problems)
        assert segments.list_segments(SPEC) == [], "an unfinished segment is listed"
    return photos


def test_stored_photos_and_facts_are_read_back():
    photos = store(3, {"ff" * 32: "truncated"})
    (segment,) = segments.list_segments(SPEC)
    assert segment.sha256s() == [sha256 for sha256, _, _ in photos]
    assert np.array_equal(segment.pixels(), np.stack([pixels for _, _, pixels in photos]))
    usable = {sha256: StoredFacts(thumbnail, "") for sha256, thumbnail, _ in photos}
    assert segment.facts() == usable | {"ff" * 32: StoredFacts(b"", "truncated")}


def test_segments_of_another_input_spec_are_not_listed():
    store(1, {})
    assert segments.list_segments(InputSpec(height_px=5, width_px=5, fit="pad")) == []


def test_segment_of_unusable_files_only():
    store(0, {"00" * 32: "empty file"})
    (segment,) = segments.list_segments(SPEC)
    assert segment.pixels().shape == (0, 5, 5, 3) and list(segment.facts()) == ["00" * 32]


@pytest.mark.parametrize("name", ["pixels", "sha256", "thumbnails", "problems.json"])
def test_segment_with_a_shortened_file_is_ignored(name):
    """A power cut can shorten a file."""
    store(2, {})
    (segment,) = segments.list_segments(SPEC)
    os.truncate(segment.path / name, 0)
    assert segments.list_segments(SPEC) == []
    store(4, {})
    assert [len(complete.sha256s()) for complete in segments.list_segments(SPEC)] == [4]


@pytest.mark.parametrize("content", [b"\0\0", b"", b"[]"])
def test_segment_with_damaged_problems_is_ignored(content):
    """A power cut can leave zeros in a file."""
    store(1, {})
    (segment,) = segments.list_segments(SPEC)
    (segment.path / "problems.json").write_bytes(content)
    assert not segment.is_complete() and segments.list_segments(SPEC) == []


@pytest.mark.parametrize("name", ["pixels", "sha256", "thumbnails", "problems.json"])
@pytest.mark.parametrize(
    "damage", [lambda content: bytes([content[0] ^ 1]) + content[1:], lambda content: content[::-1]]
)
def test_segment_with_changed_content_is_not_intact(name, damage):
    store(2, {"ff" * 32: "truncated"})
    (segment,) = segments.list_segments(SPEC)
    assert segment.is_intact()
    path = segment.path / name
    path.write_bytes(damage(path.read_bytes()))
    assert not segment.is_intact()


def test_dropped_segment_stays_readable_for_those_who_have_opened_it():
    photos = store(2, {})
    (segment,) = segments.list_segments(SPEC)
    pixels = segment.pixels()
    segment.drop()
    # Another process may drop it at the same time.
    segment.drop()
    assert list(segments.locate_segments(SPEC).iterdir()) == []
    assert np.array_equal(pixels, np.stack([pixels for _, _, pixels in photos]))


def test_segment_of_the_format_before_is_not_listed():
    store(1, {})
    (segment,) = segments.list_segments(SPEC)
    (segment.path / "checksums.json").unlink()
    assert not segment.is_intact()
    assert segments.locate_segments(SPEC).name.endswith("-2")


def test_empty_segment_is_not_stored():
    with segments.create_segment(SPEC):
        pass
    assert list(segments.locate_segments(SPEC).iterdir()) == []


def test_partial_write_is_continued(tmp_path):
    class PartialFile(io.FileIO):
        def write(self, content: memoryview) -> int:
            return super().write(content[:7])

    ((sha256, thumbnail, pixels),) = make_photos(1)
    with PartialFile(tmp_path / "pixels", "wb") as file:
        segments.SegmentWriter(file).add(sha256, thumbnail, pixels)
    assert (tmp_path / "pixels").read_bytes() == pixels.tobytes()


def test_changed_code_and_another_pillow_have_segments_of_their_own(monkeypatch, tmp_path):
    folders = [segments.locate_segments(SPEC)]
    changed = tmp_path / "pixels.py"
    changed.write_text("# changed code")
    monkeypatch.setattr(segments.pixels, "__file__", str(changed))
    folders.append(segments.locate_segments(SPEC))
    monkeypatch.setattr(segments.PIL, "__version__", "0.1")
    folders.append(segments.locate_segments(SPEC))
    assert len(set(folders)) == 3


def test_only_old_unfinished_segments_are_removed():
    store(1, {})
    old, young = segments.locate_segments(SPEC) / ".old.tmp", segments.locate_segments(SPEC) / ".young.tmp"
    for folder in (old, young):
        folder.mkdir()
    os.utime(old, (1, 1))
    segments.remove_stale_segments(SPEC)
    assert not old.exists() and young.exists() and len(segments.list_segments(SPEC)) == 1


def test_segment_that_another_process_finishes_meanwhile_is_no_error():
    folder = segments.locate_segments(SPEC)
    folder.mkdir(parents=True)
    # A broken link is like a name that was listed and then renamed by another process.
    (folder / ".finished.tmp").symlink_to(folder / "missing")
    segments.remove_stale_segments(SPEC)
    assert segments.list_segments(SPEC) == []


def test_catalogue_is_read_back(tmp_path):
    root = tmp_path / "phötos"
    assert segments.read_catalogue(root) == {}
    segments.write_catalogue(root, {"a/☃.jpg": (1, 2, "ab")})
    assert segments.read_catalogue(root) == {"a/☃.jpg": (1, 2, "ab")}
    assert segments.read_catalogue(tmp_path) == {}, "every folder of photos has a catalogue of its own"


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a": 1}', b"\xff", b"\0\0"])
def test_damaged_catalogue_is_empty(tmp_path, content):
    segments.write_catalogue(tmp_path, {"a.jpg": (1, 2, "ab")})
    (catalogue,) = (tmp_path / "edgetl" / "catalogues").iterdir()
    catalogue.write_bytes(content)
    assert segments.read_catalogue(tmp_path) == {}


def test_old_unfinished_catalogue_is_removed(tmp_path):
    segments.write_catalogue(tmp_path, {})
    unfinished = tmp_path / "edgetl" / "catalogues" / ".old.tmp"
    unfinished.touch()
    os.utime(unfinished, (1, 1))
    segments.remove_stale_segments(SPEC)
    assert not unfinished.exists()
