"""Photos of a data set are inspected on the features of the frozen base."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from edgetl.core.console import Console
from edgetl.core.evaluation.design_effect import number_groups
from edgetl.core.inspection.request import InspectionRequest
from edgetl.core.photos import photo_folder, pixel_store
from edgetl.core.photos.parts.draw import SplitFractions
from edgetl.core.photos.parts.folds import list_all_photos
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.records import InputSpec
from edgetl.core.run.workspace import Workspace
from edgetl.stages.ingest import ingest_photos
from edgetl.stages.pages.inspect import inspect_photos
from tools.compose_labels import compose_photos

QUIET = Console(quiet=True)
BASE = resolve_recipe("default", {"base": {"name": "mobilenet", "alpha": 0.25, "side_px": 32, "weights": "none"}}).base


@pytest.fixture
def inspect_folder(tmp_path):
    def inspect(root, **options):
        spec = InputSpec(height_px=32, width_px=32, fit="crop")
        folder = photo_folder.scan_photos(root, **options)
        dataset = ingest_photos(folder, spec, SplitFractions(test=0.2, validation=0.15), console=QUIET)
        photos = list_all_photos(dataset)
        groups = tuple(number_groups([photo.group for photo in photos]).tolist())
        request = InspectionRequest(dataset=dataset, groups=groups, input_spec=spec, base=BASE)
        return inspect_photos(Workspace(tmp_path, QUIET), request, None), photos

    return inspect


@pytest.fixture
def mislabelled(photos, tmp_path):
    """The shared photos, with one circle among the triangles."""
    root = Path(shutil.copytree(photos, tmp_path / "mislabelled"))
    (root / "circle" / "007.png").rename(root / "triangle" / "wrong.png")
    return root


def compute_colours(sha256s, input_spec, base, advance, warn):
    """In place of features of a base with random weights: 8 x 8 pixels, which have the colours of the shapes."""
    pixels = pixel_store.open_pixels(sha256s, input_spec).rows(np.arange(len(sha256s)))
    return pixels[:, ::4, ::4].reshape(len(sha256s), -1).astype(np.float32)


def test_photo_in_the_wrong_folder_is_a_suspect(inspect_folder, mislabelled, monkeypatch):
    monkeypatch.setattr("edgetl.stages.pages.inspect.compute_pooled_features", compute_colours)
    inspection, photos = inspect_folder(mislabelled)
    assert inspection.classes == ("circle", "square", "triangle") and inspection.counts == (39, 40, 41)
    names = [photos[suspect.row].path for suspect in inspection.suspects]
    assert "triangle/wrong.png" in names[:3]
    suspect = inspection.suspects[names.index("triangle/wrong.png")]
    assert inspection.classes[suspect.suggested] == "circle" and len(suspect.neighbours) == 4
    assert suspect.row not in suspect.neighbours
    assert len(inspection.points) == len(photos) and {curve.label for curve in inspection.curves} == {-1, 0, 1, 2}
    # The colour of the shape is that of the class.
    assert "mean colour" in [shortcut.name for shortcut in inspection.shortcuts if shortcut.is_shortcut]


def test_accuracy_is_that_of_photos_that_heads_have_not_seen(inspect_folder, photos):
    inspection, rows = inspect_folder(photos)
    assert 0.6 < inspection.accuracy <= 1 and sum(inspection.counts) == len(rows)
    assert np.average(inspection.recalls, weights=inspection.counts) == pytest.approx(inspection.accuracy)


def test_labels_of_a_photo_are_judged_by_themselves(inspect_folder, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("edgetl.stages.pages.inspect.compute_pooled_features", compute_colours)
    root = compose_photos(photos, tmp_path / "several", 80)
    lines = (root / "_classes.csv").read_text(encoding="utf-8").splitlines()
    # The first photo has two labels: one of them is gone, and the third label is there instead.
    name, *values = lines[1].split(",")
    lines[1] = ",".join([name, *(str(1 - int(value)) for value in values)])
    (root / "_classes.csv").write_text("\n".join(lines), encoding="utf-8")
    inspection, rows = inspect_folder(root, multi_label=True)
    assert len(inspection.counts) == 3 and sum(inspection.counts) == sum(sum(photo.labels) for photo in rows)
    assert inspection.accuracy > 0.5 and inspection.curves == inspection.pairs == inspection.shortcuts == ()
    assert len(inspection.points) == len(rows) and all(0 <= recall <= 1 for recall in inspection.recalls)
    assert name.strip('"') in [rows[suspect.row].path for suspect in inspection.suspects[:10]]
