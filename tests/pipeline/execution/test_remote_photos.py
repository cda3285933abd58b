"""remote_photos.py: a build of photos at a URL has the photos of the folder, and their fingerprint."""

from dataclasses import replace

import fsspec
import pytest

from edgetl.core.errors import ConfigError, DataError
from edgetl.pipeline.execution.remote_photos import name_url
from edgetl.pipeline.model import Model
from edgetl.pipeline.options import BuildOptions
from edgetl.pipeline.order import load_order, save_order
from edgetl.pipeline.orders import make_order
from edgetl.pipeline.runs.build_command import format_build_command

URL = "memory://shelf/shapes"


@pytest.fixture
def stored(photos):
    """The drawn photos at the URL, and a file that is no photo."""
    system = fsspec.filesystem("memory")
    for path in photos.rglob("*.png"):
        system.pipe_file(f"/shelf/shapes/{path.relative_to(photos)}", path.read_bytes())
    system.pipe_file("/shelf/shapes/readme.md", b"no photo")
    yield system
    system.rm("/shelf", recursive=True)


@pytest.fixture
def make_remote_order(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return lambda **options: make_order(BuildOptions(photos=URL, side=32, weights="none", **options))


def test_dataset_is_that_of_the_folder(stored, make_remote_order, context, shared_dataset):
    dataset = Model(replace(context, order=replace(context.order, **vars_of(make_remote_order())))).dataset
    assert dataset.sha256 == shared_dataset.sha256 and dataset.key() == shared_dataset.key()


def vars_of(order):
    return {"photos": order.photos, "source": order.source}


def test_errors_and_sentences_name_the_url(stored, make_remote_order, context, monkeypatch):
    order = replace(context.order, **vars_of(make_remote_order()))
    lines = []
    monkeypatch.setattr(type(context.console), "say", lambda _, line: lines.append(line))
    Model(replace(context, order=order)).dataset  # noqa: B018  (its sentences are shown when it is made)
    assert any(line.endswith(f" in {URL}") for line in lines)
    with pytest.raises(DataError) as caught, name_url(order):
        raise DataError("no photo", where=[order.photos / "daisy", "photos", order.photos])
    assert caught.value.where == (f"{URL}/daisy", "photos", URL)


def test_order_is_read_back_with_the_mirror_of_this_machine(make_remote_order, tmp_path, monkeypatch):
    order = make_remote_order()
    assert order.source == URL and not order.photos.exists()
    save_order(order, tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    again = load_order(tmp_path)
    assert again.source == URL and again.photos.is_relative_to(tmp_path / "another")


def test_command_has_the_url(make_remote_order, tmp_path):
    assert f" {URL} " in format_build_command(make_remote_order(), tmp_path) + " "


def test_only_the_photos_may_be_a_url(make_remote_order):
    with pytest.raises(ConfigError, match="--test is a URL"):
        make_remote_order(test="s3://bucket/test")
    with pytest.raises(ConfigError, match="unknown protocol nope"):
        make_order(BuildOptions(photos="nope://a/b"))
