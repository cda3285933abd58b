"""classify.py as a user runs it, on an interpreter without edgetl and TensorFlow."""

import ast
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[2]
# pixels.py is copied into every bundle, so it is held to the same Python.
PAYLOAD = [*sorted((REPOSITORY / "targets").rglob("*.py")), REPOSITORY / "edgetl" / "core" / "photos" / "pixels.py"]


def test_the_device_has_neither_edgetl_nor_tensorflow(device, tmp_path):
    (tmp_path / "probe.py").write_text(
        "from importlib.util import find_spec\n"
        "print([name for name in ('tensorflow', 'keras', 'edgetl', 'pydantic') if find_spec(name)])\n"
    )
    assert device.run(tmp_path, "probe.py").stdout == "[]\n"


@pytest.mark.parametrize("path", PAYLOAD, ids=lambda path: path.name)
def test_payload_is_python_3_9(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))


@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_json_gives_the_models_own_numbers(device, built, kind):
    folder = built[kind]
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    with np.load(folder / "golden" / "expected.npz") as arrays:
        outputs = arrays["outputs"].astype(np.float64)
    if facts["output"]["scale"]:
        outputs = (outputs - facts["output"]["zero_point"]) * facts["output"]["scale"]
    photos = [str(folder / name) for name in facts["golden"]]

    done = device.run(folder, "classify.py", "--json", "--threads", "1", *photos)

    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["photo"] for line in lines] == photos
    for line, output in zip(lines, outputs, strict=True):
        found = {entry["label"]: entry["probability"] for entry in line["labels"]}
        assert set(found) == set(facts["output"]["labels"])
        assert [found[label] for label in facts["output"]["labels"]] == pytest.approx(output, abs=2e-6)
        assert list(found.values()) == sorted(found.values(), reverse=True)


def test_one_sigmoid_unit_is_the_second_label(device, built):
    folder = built["sigmoid"]
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    with np.load(folder / "golden" / "expected.npz") as arrays:
        second = (float(arrays["outputs"][0, 0]) - facts["output"]["zero_point"]) * facts["output"]["scale"]

    done = device.run(folder, "classify.py", "--json", str(folder / facts["golden"][0]))

    found = {entry["label"]: entry["probability"] for entry in json.loads(done.stdout)["labels"]}
    assert found == pytest.approx({"cat": 1 - second, "dog": second}, abs=2e-6)


def test_text_of_a_folder(device, built):
    folder = built["int8"]
    done = device.run(folder, "classify.py", "--top", "2", str(folder / "golden"))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 6 * 3
    assert [line for line in lines if not line.startswith(" ")] == sorted(
        str(path) for path in (folder / "golden").iterdir() if path.suffix != ".npz"
    )
    assert lines[1].endswith("%")
    assert len({line.index("%") for line in lines if line.startswith(" ") and "☼" in line}) <= 1


def test_a_reader_that_goes_away_is_no_error(device, built):
    program, golden = built["int8"] / "classify.py", built["int8"] / "golden"
    pipe = subprocess.run(
        ["bash", "-c", 'set -o pipefail; "$1" "$2" "$3" "$3" "$3" | true', "bash", device.python, program, golden],
        capture_output=True,
        text=True,
        # The bundle is shared: nothing may be left in it.
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    assert pipe.returncode == 0 and "Traceback" not in pipe.stderr and "BrokenPipe" not in pipe.stderr


def test_bad_photos_are_named_and_the_others_done(device, built, tmp_path):
    folder = built["float32"]
    good = next((folder / "golden").glob("0_*"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.jpg").write_text("no photo")
    bad = [str(tmp_path / "absent.jpg"), str(tmp_path / "text.jpg"), str(tmp_path / "empty")]

    done = device.run(folder, "classify.py", "--json", *bad, str(good))

    assert done.returncode == 2
    assert [json.loads(line)["photo"] for line in done.stdout.splitlines()] == [str(good)]
    for path in bad:
        assert f"{path}: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_that_cannot_be_shown(device, built, tmp_path):
    odd = Path(str(tmp_path) + "/odd \udcff.jpg")
    shutil.copyfile(next((built["int8"] / "golden").glob("*.jpg")), odd)
    done = device.run(built["int8"], "classify.py", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "odd \\udcff.jpg" in done.stdout


@pytest.mark.parametrize("flags", [["--top", "0"], ["--threads", "-1"], []])
def test_usage(device, built, flags):
    assert device.run(built["int8"], "classify.py", *flags).returncode == 2


def test_missing_xnnpack_is_a_warning(device, built, tmp_path, reseal: Callable[[Path], None]):
    folder = shutil.copytree(built["int8"], tmp_path / "bundle")
    runtime = folder / "runtime.py"
    runtime.write_text(runtime.read_text(encoding="utf-8").replace('== "DELEGATE"', '== "NONE"'), encoding="utf-8")
    done = device.run(folder, "classify.py", str(folder / "golden"))
    assert done.returncode == 0
    assert [line for line in done.stderr.splitlines() if "warning" in line] == [
        "warning: XNNPACK does not run here: slower, and answers may differ from the build's"
    ]


def test_missing_runtime_is_one_line(device, built, tmp_path):
    folder = shutil.copytree(built["int8"], tmp_path / "bundle")
    (folder / "runtime.py").write_text("import a_runtime_that_is_not_there\n", encoding="utf-8")
    done = device.run(folder, "classify.py", "photo.jpg")
    assert done.returncode == 1
    assert done.stderr.startswith("a_runtime_that_is_not_there is not installed")
