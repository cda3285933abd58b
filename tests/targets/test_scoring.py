"""scoring.py: photos in folders named after labels, scored as the build scores them."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from edgetl.core.photos import pixels

LABELS = ["red", "green", "blue"]
FACTS = {"input": {"side_px": 8, "fit": "stretch"}, "output": {"labels": LABELS}}


class Model:
    """Names the colour that is strongest."""

    def outputs(self, image):
        return image.reshape(-1, 3).mean(axis=0)

    def numbers(self, outputs):
        return outputs / 255


@pytest.fixture
def scoring(payload, monkeypatch) -> ModuleType:
    for name, module in (("pixels", pixels), ("runtime", SimpleNamespace()), ("figures", payload("figures"))):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "classify", payload("classify"))
    return payload("scoring")


@pytest.fixture
def folder(tmp_path):
    """Two red photos, one green that is blue, one that is none, and nothing for blue."""
    for label, name, colour in (
        ("red", "1.png", (250, 0, 0)),
        ("red", "deep/2.png", (200, 9, 9)),
        ("green", "3.png", (0, 0, 255)),
    ):
        (tmp_path / label / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9), colour).save(tmp_path / label / name)
    (tmp_path / "green" / "4.jpg").write_text("no photo")
    (tmp_path / "green" / "notes.txt").write_text("not even by name")
    return tmp_path


def test_scored(scoring, folder):
    seen = []
    found = scoring.scored(Model(), FACTS, folder, lambda: seen.append(1))
    assert (found["photos"], found["right"], len(seen)) == (3, 2, 3)
    assert found["accuracy"]["value"] == pytest.approx(2 / 3, abs=1e-6)
    assert found["accuracy"]["low"] < 2 / 3 < found["accuracy"]["high"]
    assert found["per_label"] == {
        "red": {"photos": 2, "right": 2},
        "green": {"photos": 1, "right": 0},
        "blue": {"photos": 0, "right": 0},
    }
    assert found["unreadable"] == {"green/4.jpg": "not a photo (text?)"}
    assert [(answer["photo"], answer["label"]) for answer in found["answers"]] == [
        ("green/3.png", 1),
        ("red/1.png", 0),
        ("red/deep/2.png", 0),
    ]
    assert found["answers"][0]["probabilities"] == [0, 0, 1]


def test_of_equal_labels_the_first_is_named(scoring, folder):
    model = Model()
    model.outputs = lambda image: np.array([85.0, 85.0, 85.0])
    assert scoring.scored(model, FACTS, folder)["per_label"]["red"]["right"] == 2


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda root: root / "absent", "no such folder"),
        (lambda root: (root / "purple").mkdir() or root, "purple is no folder named after a label"),
        (lambda root: (root / "loose.jpg").write_text("x") and root, "loose.jpg is no folder named after a label"),
        (lambda root: (root / "empty").mkdir() or root / "empty", "no photos in it"),
        (lambda root: root / "only", "none of its 1 photos can be read"),
    ],
)
def test_folders_that_say_nothing(scoring, folder, make, says):
    (folder.parent / "only" / "red").mkdir(parents=True, exist_ok=True)
    (folder.parent / "only" / "red" / "x.png").write_text("none")
    place = make(folder)
    if place.name == "only":
        place = folder.parent / "only"
    with pytest.raises(scoring.FolderError, match=says):
        scoring.scored(Model(), FACTS, place)
