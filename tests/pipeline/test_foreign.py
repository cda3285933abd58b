"""Photos of other things: decoded for the model's input, wherever they are, and never among the user's own photos."""

import dataclasses
import io

import pytest
from PIL import Image

from edgetl.core.console import Console
from edgetl.core.errors import DataError
from edgetl.core.photos import pixel_store
from edgetl.core.run.run_folder import open_run
from edgetl.pipeline.context import Context
from edgetl.pipeline.foreign import read_foreign_photos


@pytest.fixture
def read(order, shared_dataset, built, tmp_path):
    """Return a function that reads a folder of other things; it returns their sha256 and what is shown."""

    def read_folder(folder, recipe=order.recipe):
        stream = io.StringIO()
        with open_run(tmp_path / "run") as run:
            changed = dataclasses.replace(order, foreign=folder, recipe=recipe)
            context = Context(order=changed, run=run, console=Console(stream=stream))
            return read_foreign_photos(context, shared_dataset, built.trained.input), " ".join(
                stream.getvalue().split()
            )

    return read_folder


@pytest.fixture
def foreign(tmp_path):
    """Twelve grey images in nested folders."""
    for number in range(12):
        path = tmp_path / "other" / ("flat" if number % 2 else "a/b") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), (number * 20,) * 3).save(path)
    return tmp_path / "other"


def test_without_a_folder_there_are_no_photos(read):
    assert read(None) == ((), "")


def test_photos_of_nested_folders_are_decoded(read, foreign, built):
    sha256s, shown = read(foreign)
    assert len(sha256s) == 12 and list(sha256s) == sorted(sha256s)
    assert f"12 photos of other things in {foreign}" in shown
    assert len(pixel_store.open_pixels(sha256s, built.trained.input)) == 12


def test_names_and_folders_do_not_matter(read, foreign):
    before, _ = read(foreign)
    (foreign / "a" / "b").rename(foreign / "c")
    (foreign / "flat" / "1.png").rename(foreign / "first.png")
    assert read(foreign)[0] == before


def test_own_photos_in_the_folder_are_left_out_with_the_reason(read, foreign, photos):
    own = next((photos / "circle").iterdir())
    (foreign / "flat" / own.name).write_bytes(own.read_bytes())
    (foreign / "notes.txt").touch()
    sha256s, shown = read(foreign)
    assert len(sha256s) == 12 and "2 files are left out" in shown and "among your own photos" in shown


def test_own_photo_saved_again_is_left_out_and_named(read, foreign, photos, order):
    own = next((photos / "circle").iterdir())
    image = Image.open(own).convert("RGB")
    image.resize((image.width * 2, image.height * 2)).save(foreign / "flat" / "again.jpg", quality=85)
    sha256s, shown = read(foreign)
    assert len(sha256s) == 12 and "one file is left out" in shown
    assert "near duplicate of one of your own photos" in shown and "flat/again.jpg" in shown
    recipe = order.recipe.model_copy(
        update={"photos": order.recipe.photos.model_copy(update={"near_duplicates": "keep"})}
    )
    assert len(read(foreign, recipe=recipe)[0]) == 13


def test_unreadable_photos_are_refused_and_listed(read, foreign, tmp_path):
    (foreign / "flat" / "1.png").write_bytes(b"no photo")
    with pytest.raises(DataError, match="--foreign: 1 of 12 photos are unusable") as caught:
        read(foreign)
    assert "left-out.csv" in caught.value.hint and "flat/1.png" in (tmp_path / "run" / "left-out.csv").read_text()
