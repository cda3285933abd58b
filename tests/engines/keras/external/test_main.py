"""The child process that loads a model for the first time: whatever a file makes a library raise becomes a report."""

import json
import sys

import keras
import pytest

from edgetl.engines.keras.external import __main__ as child
from tests.engines.keras.external.hostile_files import LOADED


def test_valid_model_is_reported_with_its_side(valid_model):
    assert child.inspect_file(valid_model) == {"height_px": 32, "width_px": 32, "outputs": 3}


@pytest.mark.filterwarnings("ignore::UserWarning")  # Keras warns of layers without weights before it raises.
@pytest.mark.parametrize(
    "name",
    # A file of Keras 2 is read by another process, which takes seconds.
    [pytest.param(name, marks=pytest.mark.slow if name.startswith("h5: config is ") else ()) for name in LOADED],
)
def test_hostile_file_is_reported_with_a_sentence(name, valid_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write, match = LOADED[name]
    path = write(valid_model, tmp_path / "model.keras")
    before = sorted(tmp_path.iterdir())
    report = child.inspect_file(path)
    assert match in report["message"] and not report["out_of_memory"], report
    assert "Traceback" not in report["message"] and "\n" not in report["message"]
    assert sorted(tmp_path.iterdir()) == before, "code in the file was run"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (ValueError("OOM when allocating tensor with shape[1,2]"), True),
        (RuntimeError("std::bad_alloc"), True),
        (ValueError("wrong"), False),
        (RecursionError("maximum recursion depth exceeded"), False),
    ],
)
def test_any_error_is_reported(error, expected, valid_model, monkeypatch):
    def fail(*_):
        raise ValueError("could not load") from error

    monkeypatch.setattr(child, "load_external", fail)
    report = child.inspect_file(valid_model)
    assert report["out_of_memory"] is expected and "ValueError: could not load" in report["message"]


def test_input_above_1024_px_is_reported(tmp_path):
    image = keras.Input((1025, 1025, 3))
    path = tmp_path / "model.keras"
    keras.Model(image, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(image))).save(path)
    assert "at most 1024 px are possible" in child.inspect_file(path)["message"]


def test_report_is_written_by_the_program(valid_model, tmp_path, monkeypatch):
    limits = []
    monkeypatch.setattr(child, "set_limits", lambda *values: limits.append(values))
    monkeypatch.setattr(sys, "argv", ["child", str(valid_model), str(tmp_path), "1", "2", "3"])
    child.main()
    assert json.loads((tmp_path / "result.json").read_text()) == {
        "height_px": 32,
        "width_px": 32,
        "outputs": 3,
    } and limits == [(1, 2, 3)]
