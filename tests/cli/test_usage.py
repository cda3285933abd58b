"""The commands that use a finished model: what they print where, and their exit codes."""

import json
import subprocess
import sys

import pytest

from edgetl import cli


@pytest.fixture
def photo(photos):
    return photos / "circle" / "000.png"


def test_one_photo_is_printed_as_text(built, photo, capfd):
    assert cli.run(["predict", str(built.run), str(photo)]) == 0
    out, err = capfd.readouterr()
    assert out.splitlines()[0] == f"{photo}  (true class: circle)" and len(out.splitlines()) == 4
    assert "%" in out.splitlines()[1] and "1 photo" in err
    # The runtime announces its kernels, for nobody.
    assert "XNNPACK" not in out + err


def test_several_photos_are_printed_as_a_table(built, photos, capfd):
    assert cli.run(["predict", str(built.run), str(photos), "--top", "1"]) == 0
    out, err = capfd.readouterr()
    header, *rows = out.splitlines()
    assert header.split() == ["photo", "true", "class", "class", "%"] and len(rows) == 120
    assert "photos whose folder names a class" in err


def test_json_has_every_photo(built, photo, capfd):
    assert cli.run(["predict", str(built.run), str(photo), "--json", "--top", "2"]) == 0
    value = json.loads(capfd.readouterr().out)
    (row,) = value["photos"]
    assert row["photo"] == str(photo) and row["true_class"] == "circle" and len(row["classes"]) == 2
    assert value["sha256"] == built.artifact.sha256 and value["unreadable"] == []


def test_unreadable_photo_is_named_and_the_exit_code_says_so(built, photo, tmp_path, capfd):
    (tmp_path / "bad.jpg").write_text("no photo")
    assert cli.run(["predict", str(built.run), str(tmp_path / "bad.jpg"), str(photo)]) == 2
    out, err = capfd.readouterr()
    assert f"error: {tmp_path / 'bad.jpg'}: " in err and str(photo) in out
    assert cli.run(["predict", str(built.run), str(tmp_path / "bad.jpg")]) == 2
    out, err = capfd.readouterr()
    assert out == "" and "bad.jpg" in err


def test_alias_of_predict_is_understood(built, photo, capfd):
    assert cli.run(["classify", str(built.run), str(photo), "--topk", "1"]) == 0
    out, err = capfd.readouterr()
    assert len(out.splitlines()) == 2 and "classify is predict" in err and "--topk is --top" in err


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_prediction_loads_no_tensorflow(built_both, photo, format_name, edgetl):
    program = f"""
import sys
from edgetl import cli
assert cli.run(["predict", {str(built_both.run)!r}, {str(photo)!r}, "--target", {format_name!r}, "--quiet"]) == 0
sys.exit(str([name for name in ("tensorflow", "keras", "tf2onnx") if name in sys.modules] or ""))
"""
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=edgetl.environment(), check=False)
    assert done.stderr in ("", "\n"), done.stderr
    assert done.stdout.startswith(str(photo))
