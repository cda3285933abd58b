"""photo_url.py: what is a URL, and where its photos are copied to."""

from pathlib import Path

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.photos.remote.photo_url import locate_mirror, read_photo_url


@pytest.mark.parametrize(
    ("photos", "url"),
    [
        ("s3://bucket/shapes", "s3://bucket/shapes"),
        ("gs://bucket/a/b/", "gs://bucket/a/b"),
        ("hf://datasets/me/photos", "hf://datasets/me/photos"),
        # A path has one slash.
        (Path("s3://bucket/shapes"), "s3://bucket/shapes"),
        ("photos", ""),
        (Path("/data/photos"), ""),
        ("C:/photos", ""),
        ("photos:new", ""),
    ],
)
def test_urls_are_told_from_paths(photos, url):
    assert read_photo_url(photos) == url


def test_folder_with_such_a_name_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s3:" / "bucket").mkdir(parents=True)
    assert read_photo_url(Path("s3:/bucket")) == ""


@pytest.mark.parametrize(
    "url",
    ["s3://b/../c", "s3://b/./c", "s3://b//c", "s3://b/c?x=1", "s3://b/c#d", "s3://b/*", "simplecache::s3://b/c"],
)
def test_url_that_is_not_plain_is_refused_or_no_url(url):
    if url.startswith("simplecache"):
        assert read_photo_url(url) == ""
        return
    with pytest.raises(ConfigError, match="not plain"):
        read_photo_url(url)


def test_password_is_refused_and_not_repeated():
    with pytest.raises(ConfigError) as error:
        read_photo_url("ftp://me:secret@host/photos")
    assert "secret" not in str(error.value) and "password" in str(error.value)


def test_local_urls_are_refused():
    with pytest.raises(ConfigError, match="local folder"):
        read_photo_url("file:///data/photos")


def test_each_url_has_a_mirror_with_the_name_of_its_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first, second = locate_mirror("s3://one/shapes"), locate_mirror("s3://two/shapes")
    assert first.name == second.name == "shapes" and first != second
    assert first.is_relative_to(tmp_path) and locate_mirror("s3://bucket").name == "bucket"
