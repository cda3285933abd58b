"""The commands that use a finished model: what they print where, and their exit codes."""

import json
import re
import signal
import subprocess
import sys
from urllib.request import urlopen

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


def test_demo_serves_the_test_photos_until_it_is_interrupted(built, edgetl, tmp_path):
    (tmp_path / "temporary").mkdir()
    with edgetl.start("demo", built.run, "--port", "0", TMPDIR=str(tmp_path / "temporary")) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        address = re.fullmatch(r"open (http://127\.0\.0\.1:\d+/)\n", line)
        assert address, line
        with urlopen(address[1], timeout=30) as response:
            assert b"<html" in response.read()
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert child.returncode == 0 and "Traceback" not in err
    assert list((tmp_path / "temporary").iterdir()) == [], "a temporary folder is left"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--camera", "--photos", "."], "--camera and --photos are both given"),
        (["--photos", "gone"], "--photos is no folder"),
        (["--port", "70000"], "--port"),
    ],
)
def test_wrong_demo_is_an_error_and_starts_nothing(built, capfd, monkeypatch, arguments, message):
    # The name of the module imports it before the class is replaced.
    monkeypatch.setattr("edgetl.pipeline.usage.demo.subprocess.Popen", lambda *_, **__: pytest.fail("it was started"))
    assert cli.run(["demo", str(built.run), *arguments]) == 2
    assert message in capfd.readouterr().err


def test_demo_of_a_bundle_alone_needs_photos(delivered, capfd):
    assert cli.run(["demo", str(delivered.bundle.root), "--terminal"]) == 2
    assert "--photos DIR" in capfd.readouterr().err
