"""classify.py as a user runs it, with a Python without edgetl and TensorFlow."""

import ast
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REPOSITORY = Path(__file__).parents[2]
# pixels.py is copied into every bundle, so it must run on the same versions of Python.
PAYLOAD = [*sorted((REPOSITORY / "targets").rglob("*.py")), REPOSITORY / "edgetl" / "core" / "photos" / "pixels.py"]


def test_device_has_neither_edgetl_nor_tensorflow(device, tmp_path):
    (tmp_path / "probe.py").write_text(
        "from importlib.util import find_spec\n"
        "print([name for name in ('tensorflow', 'keras', 'edgetl', 'pydantic') if find_spec(name)])\n"
    )
    assert device.run(tmp_path, "probe.py").stdout == "[]\n"


@pytest.mark.parametrize("path", PAYLOAD, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_python_3_9_can_parse_the_payload(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))


@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_probabilities_in_json_are_those_of_the_build(device, bundles, kind):
    folder = bundles[kind]
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    with np.load(folder / "golden" / "expected.npz") as arrays:
        outputs = arrays["outputs"].astype(np.float64)
    if facts["output"]["scale"]:
        outputs = (outputs - facts["output"]["zero_point"]) * facts["output"]["scale"]
    photos = [str(folder / name) for name in facts["golden"]]

    completed = device.run(folder, "classify.py", "--json", "--threads", "1", *photos)

    # The runtime's notice "Created TensorFlow Lite XNNPACK delegate" is not printed.
    assert (completed.returncode, completed.stderr) == (0, "")
    lines = [json.loads(line) for line in completed.stdout.splitlines()]
    assert [line["photo"] for line in lines] == photos
    for line, output in zip(lines, outputs, strict=True):
        probabilities = {entry["label"]: entry["probability"] for entry in line["labels"]}
        assert set(probabilities) == set(facts["output"]["labels"])
        assert [probabilities[label] for label in facts["output"]["labels"]] == pytest.approx(output, abs=2e-6)
        assert list(probabilities.values()) == sorted(probabilities.values(), reverse=True)


def test_one_sigmoid_unit_is_the_probability_of_the_second_label(device, bundles):
    folder = bundles["sigmoid"]
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    with np.load(folder / "golden" / "expected.npz") as arrays:
        second = (float(arrays["outputs"][0, 0]) - facts["output"]["zero_point"]) * facts["output"]["scale"]

    completed = device.run(folder, "classify.py", "--json", str(folder / facts["golden"][0]))

    probabilities = {entry["label"]: entry["probability"] for entry in json.loads(completed.stdout)["labels"]}
    assert probabilities == pytest.approx({"cat": 1 - second, "dog": second}, abs=2e-6)


def test_text_lists_the_photos_of_a_folder_with_their_top_labels(device, bundles):
    folder = bundles["int8"]
    completed = device.run(folder, "classify.py", "--top", "2", str(folder / "golden"))
    assert completed.returncode == 0, completed.stderr
    lines = completed.stdout.splitlines()
    assert len(lines) == 6 * 3
    assert [line for line in lines if not line.startswith(" ")] == sorted(
        str(path) for path in (folder / "golden").iterdir() if path.suffix != ".npz"
    )
    assert lines[1].endswith("%")
    assert len({line.index("%") for line in lines if line.startswith(" ") and "☼" in line}) <= 1


def test_closed_pipe_is_not_an_error(device, bundles):
    program, golden = bundles["int8"] / "classify.py", bundles["int8"] / "golden"
    pipe = subprocess.run(
        ["bash", "-c", 'set -o pipefail; "$1" "$2" "$3" "$3" "$3" | true', "bash", device.python, program, golden],
        capture_output=True,
        text=True,
        # Tests share the bundle: it must stay free of bytecode.
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    assert pipe.returncode == 0 and "Traceback" not in pipe.stderr and "BrokenPipe" not in pipe.stderr


def test_unreadable_photos_are_reported_and_the_others_classified(device, bundles, tmp_path):
    folder = bundles["float32"]
    readable = next((folder / "golden").glob("0_*"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.jpg").write_text("no photo")
    unreadable = [str(tmp_path / "absent.jpg"), str(tmp_path / "text.jpg"), str(tmp_path / "empty")]

    completed = device.run(folder, "classify.py", "--json", *unreadable, str(readable))

    assert completed.returncode == 2
    assert [json.loads(line)["photo"] for line in completed.stdout.splitlines()] == [str(readable)]
    for path in unreadable:
        assert f"{path}: " in completed.stderr
    assert "Traceback" not in completed.stderr


def test_file_name_that_is_not_utf_8_is_printed_with_escapes(device, bundles, tmp_path):
    odd = Path(str(tmp_path) + "/odd \udcff.jpg")
    shutil.copyfile(next((bundles["int8"] / "golden").glob("*.jpg")), odd)
    completed = device.run(bundles["int8"], "classify.py", str(tmp_path))
    assert completed.returncode == 0, completed.stderr
    assert "odd \\udcff.jpg" in completed.stdout


@pytest.mark.parametrize("flags", [["--top", "0"], ["--threads", "-1"], []])
def test_wrong_usage_has_exit_code_2(device, bundles, flags):
    assert device.run(bundles["int8"], "classify.py", *flags).returncode == 2


def test_missing_xnnpack_is_a_warning(device, bundles, tmp_path, write_checksums):
    folder = shutil.copytree(bundles["int8"], tmp_path / "bundle")
    runtime = folder / "runtime.py"
    runtime.write_text(runtime.read_text(encoding="utf-8").replace('== "DELEGATE"', '== "NONE"'), encoding="utf-8")
    write_checksums(folder)
    completed = device.run(folder, "classify.py", str(folder / "golden"))
    assert completed.returncode == 0
    assert [line for line in completed.stderr.splitlines() if "warning" in line] == [
        "warning: XNNPACK does not run here: slower, and predictions may differ from the build"
    ]


def test_missing_runtime_is_reported_in_one_line(device, bundles, tmp_path, write_checksums):
    folder = shutil.copytree(bundles["int8"], tmp_path / "bundle")
    (folder / "runtime.py").write_text("import a_runtime_that_is_not_there\n", encoding="utf-8")
    write_checksums(folder)
    completed = device.run(folder, "classify.py", "photo.jpg")
    assert completed.returncode == 1
    assert completed.stderr.startswith("a_runtime_that_is_not_there is not installed")


def test_example_program_of_the_readme_runs(device, bundles, tmp_path):
    folder = Path(shutil.copytree(bundles["int8"], tmp_path / "bundle"))
    program, _ = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    photo = next((folder / "golden").glob("0_*"))
    (tmp_path / "own.py").write_text(program.replace("/home/pi/bundle", str(folder)).replace("photo.jpg", str(photo)))
    command = [str(device.python), str(tmp_path / "own.py")]
    completed = subprocess.run(command, capture_output=True, text=True, env={}, cwd="/", check=False)
    assert completed.returncode == 0, completed.stderr
    assert len(completed.stdout.strip("[] \n").split()) == 3
    # The program wrote no bytecode into the bundle.
    assert device.run(folder, "check_files.py").returncode == 0


def test_example_program_of_the_readme_gives_answers(device, answer_bundles, tmp_path, colours):
    folder = Path(shutil.copytree(answer_bundles["colours8"], tmp_path / "bundle"))
    programs = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    program = "".join(programs).replace("/home/pi/bundle", str(folder)).replace("photo.jpg", colours[2])
    (tmp_path / "own.py").write_text(program)
    command = [str(device.python), str(tmp_path / "own.py")]
    completed = subprocess.run(command, capture_output=True, text=True, env={}, cwd="/", check=False)
    assert completed.returncode == 0, completed.stderr
    assert "\nnone of these 0.5" in completed.stdout


def test_labels_that_reach_their_thresholds_are_selected(import_payload):
    classify = import_payload("classify")
    output = {"labels": ["a", "b", "c"], "thresholds": [0.5, 0.25, 0.9]}
    assert classify.select_labels([("c", 0.8), ("a", 0.5), ("b", 0.3)], output) == [("a", 0.5), ("b", 0.3)]
    assert classify.select_labels([("a", 0.1), ("b", 0.1), ("c", 0.1)], output) == []


def test_photo_without_a_label_is_printed_as_none(import_payload):
    classify = import_payload("classify")
    assert classify._format_photo("1.jpg", [], None, None) == ["1.jpg", "  none"]
    assert classify._make_json("1.jpg", [], None) == {"photo": "1.jpg", "labels": []}


@pytest.fixture
def colours(tmp_path):
    """Photos of red, of red and green in equal parts, and of grey."""
    for name, colour in (("red", (250, 10, 10)), ("yellow", (200, 200, 0)), ("grey", (128, 128, 128))):
        Image.new("RGB", (40, 40), colour).save(tmp_path / f"{name}.png")
    return [str(tmp_path / f"{name}.png") for name in ("red", "yellow", "grey")]


@pytest.mark.parametrize("kind", ["colours", "colours8"])
def test_json_has_the_answer_beside_the_labels(device, answer_bundles, colours, kind):
    completed = device.run(answer_bundles[kind], "classify.py", "--json", *colours)
    assert (completed.returncode, completed.stderr) == (0, "")
    red, yellow, grey = map(json.loads, completed.stdout.splitlines())
    assert list(red) == ["photo", "labels", "label", "probability", "accepted", "known", "similarity"]
    assert (red["label"], red["known"], red["accepted"]) == ("red", True, True)
    assert red["labels"][0] == {"label": red["label"], "probability": red["probability"]}
    assert red["similarity"] == pytest.approx(0.998, abs=0.01)
    assert (yellow["known"], yellow["accepted"]) == (True, False)
    assert yellow["similarity"] == pytest.approx(0.707, abs=0.02)
    assert (grey["known"], grey["accepted"]) == (False, False)
    assert grey["similarity"] == pytest.approx(0.577, abs=0.02)


def test_text_says_unsure_and_none_of_these(device, answer_bundles, colours):
    completed = device.run(answer_bundles["colours"], "classify.py", *colours)
    assert (completed.returncode, completed.stderr) == (0, "")
    red, yellow, grey = re.split(r"^(?=/)", completed.stdout, flags=re.MULTILINE)[1:]
    assert re.fullmatch(r".*red\.png\n  red +99\.9%\n.*green.*\n.*blue.*\n", red)
    assert re.fullmatch(
        r".*\n  unsure: red or green \(probability 50\.0%, a label needs 90\.0%\)\n  red +50\.0%\n  green.*\n.*\n",
        yellow,
    )
    # The probabilities of a photo that shows something else say nothing.
    assert re.fullmatch(r".*\n  none of these \(similarity 0\.577, a label needs 0\.650\)\n", grey)


def test_several_labels_have_none_of_these_and_never_unsure(device, answer_bundles, colours, tmp_path, write_checksums):
    folder = Path(shutil.copytree(answer_bundles["colours"], tmp_path / "bundle"))
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    facts["output"]["thresholds"] = [0.4, 0.4, 0.4]
    (folder / "model.json").write_text(json.dumps(facts), encoding="utf-8")
    write_checksums(folder)
    completed = device.run(folder, "classify.py", *colours)
    assert (completed.returncode, completed.stderr) == (0, "")
    red, yellow, grey = re.split(r"^(?=/)", completed.stdout, flags=re.MULTILINE)[1:]
    assert re.fullmatch(r".*\n  red +99\.9%\n", red) and re.fullmatch(r".*\n  red .*\n  green .*\n", yellow)
    assert "\n  none of these (similarity 0.577" in grey


def test_control_characters_of_a_label_are_not_printed(import_payload):
    classify, answers = import_payload("classify"), import_payload("answers")
    answer = answers.Answer("a\x1b[2J", 0.4, "b\n", 1.0, True, False)
    lines = classify._format_photo("1.jpg", [("a\x1b[2J", 0.4)], answer, answers.Thresholds({}, None))
    assert "".join(lines).isprintable()
