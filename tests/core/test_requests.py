"""requests.py: requests are frozen, and their key covers every field."""

import dataclasses
from pathlib import Path

import pytest

from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.records import Dataset, InputSpec, Photo, SourceModel, Trained
from edgetl.core.requests import CalibrationRequest
from edgetl.core.run.fingerprint import resolve_key

PHOTO = Photo(path="a/1.jpg", label=0, sha256="p")


def make_request(root: Path) -> CalibrationRequest:
    spec = InputSpec(height_px=32, width_px=32, fit="crop")
    return CalibrationRequest(
        format_name="tflite",
        trained=Trained.model_construct(sha256="t", path=root / "model.keras"),
        source=SourceModel(path=root / "model.keras", sha256="t"),
        dataset=Dataset.model_construct(root=root / "photos", train=(PHOTO,), sha256="d"),
        photos=PhotoSet(part="train", photos=(PHOTO,), input_spec=spec),
    )


def test_request_is_frozen(tmp_path):
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_request(tmp_path).format_name = "onnx"


def test_key_covers_every_field_by_content(monkeypatch, tmp_path):
    # Some fields of this model are not set.
    monkeypatch.setattr(Trained, "key", lambda self: self.sha256)
    assert resolve_key(make_request(tmp_path)) == {
        "format_name": "tflite",
        "trained": "t",
        "source": {"sha256": "t"},
        "dataset": "d",
        "photos": [{"height_px": 32, "width_px": 32, "fit": "crop"}, ["p"]],
    }
    assert resolve_key(make_request(tmp_path)) == resolve_key(make_request(tmp_path / "moved"))
