"""Dataset and trained model of an order."""

import dataclasses
import hashlib
import io
import json
import shlex
import shutil
from pathlib import Path

import pytest

from edgetl.core.console import Console
from edgetl.core.errors import ConfigError, DataError
from edgetl.core.network import bases
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.records import Dataset, ExternalModelInfo, Photo
from edgetl.core.storage import cache
from edgetl.pipeline import stages
from edgetl.pipeline.context import SCORING, Context
from edgetl.pipeline.model import Model
from tests.fixtures.photos import SIDE_PX
from tests.fixtures.special_files import SPECIAL_FILES, make_special

# What an inspection finds in the shared model.
FOUND = ExternalModelInfo(height_px=SIDE_PX, width_px=SIDE_PX, outputs=3)


@pytest.fixture
def make_model(empty_context):
    """Return a function that makes the model of an order with other values, in an empty run folder."""

    def make(*, flags=None, **changes):
        if flags is not None:
            changes["recipe"] = resolve_recipe("default", flags)
        order = dataclasses.replace(empty_context.order, **changes)
        return Model(Context(order=order, run=empty_context.run, console=Console(quiet=True)))

    return make


def test_published_weights_are_downloaded_before_the_training_is_fingerprinted(make_model, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    path = bases.resolve_weights_path("mobilenet_v2", 0.35, "imagenet")
    downloads = []

    def fetch(base):
        downloads.append(base.name)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"weights")
        return path

    monkeypatch.setattr(stages.keras_build, "fetch_weights", fetch)
    monkeypatch.setattr("edgetl.pipeline.model.weights_download.check_download", lambda *_: None)
    model = make_model(flags={"base": {"name": "mobilenet_v2", "alpha": 0.35}})
    assert [model.locate_weights() for _ in range(2)] == [path, path] and downloads == ["mobilenet_v2"]
    assert make_model(flags={"base": {"weights": "none"}}).locate_weights() is None


def test_without_photos_the_embedded_digits_are_used(make_model, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    written = []

    def write(folder):
        written.append(folder)
        folder.mkdir(parents=True)

    monkeypatch.setattr(stages.digits, "write_digits", write)
    for _ in range(2):
        # The folder is empty here; the real digits are in tests/engines/test_digits.py.
        with pytest.raises(DataError):
            _ = make_model(photos=None).dataset
    assert written == [cache.locate_cache() / "digits"]


def test_digits_are_named_where_no_photos_are_given(empty_context, draw_photos, tmp_path, monkeypatch):
    monkeypatch.setattr("edgetl.pipeline.model._locate_digits", lambda _: draw_photos(tmp_path / "digits", range(2)))
    for photos, named in ((None, True), (tmp_path / "digits", False)):
        stream = io.StringIO()
        order = dataclasses.replace(empty_context.order, photos=photos)
        context = Context(order=order, run=empty_context.run, console=Console(stream=stream))
        assert Model(context).folder.classes
        assert ("no PHOTOS given: the photos are scikit-learn's 1797 handwritten digits" in stream.getvalue()) is named


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"head": {"activation": "sigmoid"}}, "one sigmoid unit predicts two classes, the photos have 3"),
        ({"base": {"weights": "absent.h5"}}, "no such weights file"),
        ({"base": {"alpha": 0.6}}, "no ImageNet weights for alpha 0.6"),
    ],
)
def test_errors_that_need_no_pixels_come_before_a_photo_is_decoded(make_model, photos, monkeypatch, flags, message):
    monkeypatch.setattr("edgetl.pipeline.model.decode_folder", lambda *_, **__: pytest.fail("the photos were decoded"))
    with pytest.raises(ConfigError, match=message):
        _ = make_model(photos=photos, flags=flags).trained


def test_model_made_elsewhere_is_inspected_once(make_model, built, watch_stage):
    """What the inspection finds in a file is in tests/engines/keras/external/test_inspection.py."""
    calls = watch_stage("adopt.inspect_external", lambda *_: FOUND)
    for _ in range(2):
        model = make_model(flags={"external": {"path": str(built.trained.path), "scaling": "none"}})
        assert model.input_spec == built.trained.input
    assert calls == [(built.trained.path,)]


@pytest.mark.parametrize("kind", SPECIAL_FILES)
@pytest.mark.parametrize("option", ["path", "labels"])
def test_special_file_as_model_or_labels_is_refused_at_once(make_model, built, tmp_path, kind, option):
    files = {"path": str(built.trained.path), "scaling": "none", option: str(make_special(kind, tmp_path))}
    model = make_model(flags={"external": files})
    # A folder may be a SavedModel.
    message = "the folder is no model" if (option, kind) == ("path", "folder") else f"it is {SPECIAL_FILES[kind]}"
    with pytest.raises(ConfigError, match=message) as caught:
        _ = model.input_spec
    assert caught.value.where == (files[option],)


@pytest.fixture
def inspected(watch_stage):
    """Replace the inspection of a model by what it finds in the shared one: it takes a process with TensorFlow."""
    watch_stage("adopt.inspect_external", lambda *_: FOUND)


def test_labels_that_are_not_utf8_are_refused(make_model, inspected, built, photos, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_bytes("größe".encode("latin-1"))
    model = make_model(photos=photos, flags={"external": {"path": str(built.trained.path), "labels": str(labels)}})
    with pytest.raises(ConfigError, match="line 1: the labels file is not UTF-8 text"):
        _ = model.trained


@pytest.mark.parametrize("part", ["validation", "test"])
def test_part_that_the_draw_leaves_empty_gets_a_photo_of_each_class(make_model, draw_photos, tmp_path, part):
    """The part of a photo is drawn from its content: with few photos, a part may get none."""
    root = draw_photos(tmp_path / "few", range(60, 110))
    low, high = {"test": (0.0, 0.2), "validation": (0.2, 0.35)}[part]
    for path in root.rglob("*.png"):
        if low <= int(hashlib.sha256(path.read_bytes()).hexdigest()[:16], 16) / 2**64 < high:
            path.unlink()
    photos = make_model(photos=root).dataset.part(part)
    assert sorted(photo.label for photo in photos) == [0, 1, 2]


def test_new_photos_change_the_dataset_and_no_photo_changes_its_part(make_model, photos, tmp_path, draw_photos):
    more = Path(shutil.copytree(photos, tmp_path / "more"))
    draw_photos(more, range(50, 51))
    before, after = (make_model(photos=root).dataset for root in (photos, more))
    assert before.sha256 != after.sha256

    def count(dataset):
        return len(dataset.train) + len(dataset.validation) + len(dataset.test)

    # One of the three may be a near duplicate.
    assert count(after) - count(before) in (2, 3)
    for part in ("train", "validation", "test"):
        assert {photo.sha256 for photo in before.part(part)} <= {photo.sha256 for photo in after.part(part)}


def test_new_photos_train_again(pipeline, order, context, photos, tmp_path, draw_photos, watch_stage):
    calls = watch_stage("train.train_model", lambda *_: (_ for _ in ()).throw(RuntimeError("reached")))
    _ = pipeline.model.trained
    assert calls == []
    more = Path(shutil.copytree(photos, tmp_path / "more"))
    draw_photos(more, range(50, 51))
    changed = Context(order=dataclasses.replace(order, photos=more), run=context.run, console=context.console)
    with pytest.raises(RuntimeError, match="reached"):
        _ = Model(changed).trained
    assert len(calls) == 1


def test_folder_of_test_photos_is_joined_to_the_photos(make_model, photos, draw_photos, tmp_path):
    test = draw_photos(tmp_path / "test", range(200, 210))
    # A copy of a photo that is trained on or validated with.
    shutil.copy(photos / "circle" / "000.png", test / "circle" / "copy.png")
    flags = {"base": {"name": "mobilenet", "alpha": 0.25, "side_px": 32, "weights": "none"}}
    dataset = make_model(flags=flags, photos=photos, test=test).dataset
    assert {photo.path for photo in dataset.test} <= {str(path) for path in test.rglob("*.png")}
    assert len(dataset.test) >= 25 and not any(photo.path.startswith("/") for photo in dataset.train)
    assert len(dataset.train) + len(dataset.validation) + len(dataset.left_out) >= 120
    reasons = {file.path: file.reason for file in dataset.left_out}
    assert reasons[f"{test}/circle/copy.png"].startswith("same photo as circle/000.png")
    assert all((dataset.root / photo.path).is_file() for photo in dataset.test)


def test_excluded_photos_are_left_out_and_listed(make_model, photos, tmp_path):
    suspects = tmp_path / "suspects.csv"
    suspects.write_text("path,label\ncircle/003.png,circle\nsquare/007.png,square\n", encoding="utf-8")
    flags = {"base": {"name": "mobilenet", "alpha": 0.25, "side_px": 32, "weights": "none"}}
    dataset = make_model(flags=flags, photos=photos, exclude=suspects).dataset
    paths = {photo.path for part in (dataset.train, dataset.validation, dataset.test) for photo in part}
    assert not paths & {"circle/003.png", "square/007.png"} and len(paths) + len(dataset.left_out) == 120
    text = (tmp_path / "empty" / "left-out.csv").read_text(encoding="utf-8")
    assert '"circle/003.png","excluded by suspects.csv"\n' in text


def test_files_that_are_left_out_are_listed_in_the_run_folder(make_model, photos, tmp_path):
    more = Path(shutil.copytree(photos, tmp_path / "more"))
    (more / "circle" / "=notes.txt").write_text("no photo", encoding="utf-8")
    shutil.copy(more / "circle" / "000.png", more / "circle" / "copy.png")
    flags = {"base": {"name": "mobilenet", "alpha": 0.25, "side_px": 32, "weights": "none"}}
    model = make_model(flags=flags, photos=more)
    assert len(model.dataset.left_out) >= 2
    text = (tmp_path / "empty" / "left-out.csv").read_text(encoding="utf-8")
    assert '"circle/copy.png","same photo as circle/000.png"\n' in text
    assert '"circle/=notes.txt",".txt: not a photo"\n' in text


def test_build_that_ends_with_unusable_photos_lists_them_in_the_run_folder(make_model, photos, tmp_path):
    more = Path(shutil.copytree(photos, tmp_path / "more"))
    for number in range(9):
        (more / "circle" / f"bad{number}.jpg").write_bytes(b"<html>")
    flags = {"base": {"name": "mobilenet", "alpha": 0.25, "side_px": 32, "weights": "none"}}
    with pytest.raises(DataError, match="cannot be used") as caught:
        _ = make_model(flags=flags, photos=more).dataset
    path = tmp_path / "empty" / "left-out.csv"
    assert len(path.read_text(encoding="utf-8").splitlines()) >= 10
    assert str(path) in caught.value.hint


def test_contract_on_balanced_accuracy_needs_test_photos_of_every_class(make_model, photos, tmp_path):
    """Before the training, and with the classes that have none."""
    split = tmp_path / "split"
    for name in ("circle", "square", "triangle"):
        for part in ("train", "test"):
            (split / part / name).mkdir(parents=True)
        for number, path in enumerate(sorted((photos / name).iterdir())):
            part = "test" if number < 10 and name != "square" else "train"
            shutil.copy(path, split / part / name)
    flags = {"base": {"name": "mobilenet", "alpha": 0.25, "side_px": 32, "weights": "none"}}
    assert make_model(flags=flags, photos=split).dataset.test
    with pytest.raises(DataError, match="--contract balanced needs") as caught:
        _ = make_model(flags={**flags, "contract": {"measure": "balanced"}}, photos=split).dataset
    assert caught.value.where == ("no test photo of square",)


def test_contract_on_balanced_accuracy_needs_photos_of_every_output(
    make_model, inspected, built, draw_photos, tmp_path
):
    """Before a photo is decoded: otherwise each verdict would end, after the conversion."""
    labels = tmp_path / "labels.txt"
    labels.write_text("circle\nsquare\ntriangle\n", encoding="utf-8")
    flags = {"external": {"path": str(built.trained.path), "labels": str(labels)}}
    model = make_model(
        flags={**flags, "contract": {"measure": "balanced"}},
        photos=draw_photos(tmp_path / "two", range(60), classes=2),
    )
    with pytest.raises(ConfigError, match="needs photos of all 3 outputs of the model, and 1 have none") as caught:
        _ = model.dataset
    assert "add folders with photos of triangle, or leave out --contract balanced" in caught.value.hint


# A finished run that is only read


@pytest.fixture
def read_model(context, order):
    """Return a function that makes the model of a copy of the shared run, for a command that trains nothing."""

    def make(**changes):
        limited = dataclasses.replace(context, order=dataclasses.replace(order, **changes), makes=SCORING)
        return Model(limited)

    return make


def test_finished_run_is_read_without_the_weights_of_its_base(read_model, built, base_weights, monkeypatch):
    """Another user, or another machine, has not downloaded them."""
    absent = base_weights.with_name("absent.h5")
    monkeypatch.setattr(bases, "resolve_weights_path", lambda *_: absent)
    monkeypatch.setattr(stages.keras_build, "fetch_weights", lambda _: pytest.fail("it downloads"))
    assert read_model().trained.sha256 == built.trained.sha256


def test_weights_of_which_nothing_is_known_are_named(read_model, base_weights, monkeypatch):
    absent = base_weights.with_name("absent.h5")
    monkeypatch.setattr(bases, "resolve_weights_path", lambda *_: absent)
    model = read_model()
    path = model._context.run.root / "train" / "train.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "origin": {}}))
    with pytest.raises(ConfigError, match=r"weights that the training started from are not here: .*absent.h5"):
        _ = model.trained


def test_changed_photos_are_counted_and_nothing_is_written(read_model, photos, tmp_path, draw_photos):
    more = draw_photos(Path(shutil.copytree(photos, tmp_path / "more")), range(50, 51))
    model = read_model(photos=more)
    before = (model._context.run.root / "ingest" / "ingest.json").read_bytes()
    with pytest.raises(ConfigError, match=r"the photos changed since the build: [23] added") as caught:
        _ = model.trained
    assert f"edgetl build {more} " in caught.value.hint
    assert (model._context.run.root / "ingest" / "ingest.json").read_bytes() == before


def test_renamed_photos_are_the_same(read_model, photos, tmp_path, built):
    renamed = Path(shutil.copytree(photos, tmp_path / "renamed"))
    for path in sorted(renamed.rglob("*.png")):
        path.rename(path.with_stem(f"x{path.stem}"))
    assert read_model(photos=renamed).trained.sha256 == built.trained.sha256


def test_photos_that_are_gone_are_named_with_the_command_for_their_new_folder(read_model, tmp_path):
    with pytest.raises(DataError, match="the photos of the run are not there any more") as caught:
        _ = read_model(photos=tmp_path / "gone").dataset
    assert caught.value.where == (str(tmp_path / "gone"),) and "edgetl build PHOTOS " in caught.value.hint


def test_impossible_group_rule_is_refused_before_the_photos_are_read(make_model, tmp_path):
    with pytest.raises(ConfigError, match="--group-by 'exif:soon'"):
        _ = make_model(photos=tmp_path / "missing", flags={"photos": {"group_by": "exif:soon"}}).folder


def test_photos_have_the_groups_of_the_rule(make_model, tmp_path):
    for name in ("a/p1_1.jpg", "a/p1_2.jpg", "b/p2_1.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    folder = make_model(photos=tmp_path, flags={"photos": {"group_by": r"p(\d)"}}).folder
    assert [file.group for file in folder.files] == ["1", "1", "2"]


def test_near_duplicates_come_with_a_command_that_groups_them(make_model, tmp_path, monkeypatch):
    photos = [
        Photo(path=f"a/clip{row // 3}_{row % 3}.jpg", label=0, sha256=f"{row}", group=f"near duplicates {row // 3}")
        for row in range(36)
    ]
    dataset = Dataset.model_construct(
        root=tmp_path, classes=("a", "b"), train=photos[2:], validation=photos[:1], test=photos[1:2]
    )
    for rule, lines in (("", 1), ("folder", 0)):
        said: list[str] = []
        model = make_model(photos=tmp_path, flags={"photos": {"group_by": rule}})
        monkeypatch.setattr(model._context.console, "say", said.append)
        model._suggest_groups(dataset)
        assert len(said) == lines
        if said:
            words = shlex.split(said[0].partition(": ")[2])
            # In the folder of this run, another grouping would be refused.
            assert words[:2] == ["edgetl", "build"] and "--out" not in words
            assert words[words.index("--group-by") + 1] == r"([^/]*[^/\d])\d+\D*$"
