import os
from dataclasses import replace

import numpy as np
import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos.foreign_photos import check_foreign_folder, list_foreign_files, select_foreign_photos
from edgetl.core.photos.near_duplicates import THUMBNAIL_BYTES
from edgetl.core.photos.pixel_store import PhotoFacts
from edgetl.core.records import Dataset, LeftOut, Photo
from edgetl.core.report.left_out import count_reasons


@pytest.fixture
def dataset(tmp_path):
    photos = {"train": "aa", "validation": "bb", "test": "cc"}
    parts = {part: (Photo(path=f"{name}.png", label=1, sha256=name),) for part, name in photos.items()}
    return Dataset(root=tmp_path, classes=("rose", "tulip"), left_out=(), sha256="d", **parts)


def make_facts(**sha256_of_path):
    """Facts about photos; a path whose name begins with "bad" cannot be read."""
    return [
        PhotoFacts(
            f"{name}.png",
            "" if name.startswith("bad") else sha256,
            make_thumbnails(sha256).tobytes(),
            "truncated" if "bad" in name else "",
        )
        for name, sha256 in sha256_of_path.items()
    ]


def make_thumbnails(*contents):
    """Random thumbnails, the same for the same content."""
    seeds = [list(content.encode()) for content in contents]
    rows = [np.random.default_rng(seed).integers(0, 250, THUMBNAIL_BYTES, dtype=np.uint8) for seed in seeds]
    return np.stack(rows)


OWN = make_thumbnails("aa", "bb", "cc")


@pytest.mark.parametrize("layout", [("a.jpg", "b.PNG"), ("x/a.jpg", "x/y/b.PNG"), ("a.jpg", "cats/dogs/b.PNG")])
def test_photos_are_found_in_any_layout(tmp_path, layout):
    for name in (*layout, ".hidden.jpg", ".thumbnails/c.jpg", "Thumbs.db"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list_foreign_files(tmp_path) == (tuple(sorted(layout)), ())


def test_other_files_are_left_out_with_the_reason(tmp_path):
    for name in ("a.jpg", "notes.txt", "LICENSE"):
        (tmp_path / name).touch()
    (tmp_path / os.fsdecode(b"\xff.jpg")).touch()
    paths, left_out = list_foreign_files(tmp_path)
    assert paths == ("a.jpg",)
    assert {file.reason for file in left_out} == {
        "not the extension of a photo: none",
        "not the extension of a photo: .txt",
        "file name is not UTF-8: rename it",
    }


def test_link_to_a_parent_folder_ends(tmp_path):
    (tmp_path / "a.jpg").touch()
    (tmp_path / "again").symlink_to(tmp_path)
    assert list_foreign_files(tmp_path)[0] == ("a.jpg",)


def test_folder_without_photos_is_refused(tmp_path):
    (tmp_path / "a.zip").touch()
    with pytest.raises(DataError, match=r"--foreign: no photo in any folder: all 1 files are \.zip") as caught:
        list_foreign_files(tmp_path)
    assert "unpack archives first" in caught.value.hint


def test_missing_folder_is_refused_with_the_nearest_name(tmp_path):
    (tmp_path / "hands").mkdir()
    with pytest.raises(DataError, match="--foreign does not exist") as caught:
        check_foreign_folder(tmp_path / "hand")
    assert caught.value.hint == f"did you mean {tmp_path / 'hands'}?"
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(DataError, match="--foreign is a file"):
        check_foreign_folder(tmp_path / "photo.jpg")


def test_content_counts_and_not_the_name(dataset, tmp_path):
    foreign = select_foreign_photos(tmp_path, make_facts(a="22", b="11"), dataset, OWN)
    assert foreign.sha256s == ("11", "22") and foreign.left_out == ()
    assert select_foreign_photos(tmp_path, make_facts(c="11", d="22"), dataset, OWN) == foreign


def test_own_photos_and_copies_are_left_out(dataset, tmp_path):
    foreign = select_foreign_photos(tmp_path, make_facts(a="11", b="11", c="aa", d="bb", e="cc"), dataset, OWN)
    assert foreign.sha256s == ("11",)
    assert foreign.left_out[0] == LeftOut(path="b.png", reason="same photo as a.png")
    assert {file.reason for file in foreign.left_out[1:]} == {"also among your own photos"}


def test_folder_of_own_photos_alone_is_refused(dataset, tmp_path):
    with pytest.raises(DataError, match="all 2 photos are among your own photos"):
        select_foreign_photos(tmp_path, make_facts(a="aa", b="bb"), dataset, OWN)


def test_near_duplicates_of_own_photos_are_left_out_and_named(dataset, tmp_path):
    facts = make_facts(a="11", b="22", c="22")
    # Saved again, a photo differs by a level or two.
    facts[1:] = [replace(content, thumbnail=(OWN[1] + 2).tobytes()) for content in facts[1:]]
    foreign = select_foreign_photos(tmp_path, facts, dataset, OWN)
    assert foreign.sha256s == ("11",)
    assert foreign.left_out == (
        LeftOut(path="c.png", reason="same photo as b.png"),
        LeftOut(path="b.png", reason="near duplicate of your own bb.png"),
    )
    assert count_reasons(foreign.left_out)["near duplicate of one of your own photos"] == 1
    assert len(select_foreign_photos(tmp_path, facts, dataset, OWN[:0]).sha256s) == 2
    with pytest.raises(DataError, match="all 2 photos are among your own photos, too, or are near duplicates of them"):
        select_foreign_photos(tmp_path, facts[1:], dataset, OWN)


def test_many_unusable_photos_are_refused_as_in_a_class(dataset, tmp_path):
    few = {"bad": "", **{f"p{index}": str(index) for index in range(19)}}
    foreign = select_foreign_photos(tmp_path, make_facts(**few), dataset, OWN)
    assert len(foreign.sha256s) == 19 and foreign.left_out == (LeftOut(path="bad.png", reason="truncated"),)
    with pytest.raises(DataError, match=r"2 of 21 photos are unusable \(2 truncated\)") as caught:
        select_foreign_photos(tmp_path, make_facts(bad2="", **few), dataset, OWN)
    assert caught.value.left_out == (("bad2.png", "truncated"), ("bad.png", "truncated"))
