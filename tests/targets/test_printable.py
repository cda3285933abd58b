"""printable.py: labels and file names cannot control a terminal, as in core/screen/printable.py."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from edgetl.core.screen.printable import escape_controls


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[31m",
        "\x9b2J",
        "a\rb",
        "a\nb",
        "\u202ecod",
        "\u2066x",
        "\udcff",
        "x\u2028y",
        "\u0645\u06cc\u200c\u062e",
        "👩\u200d🌾",
        "ä",
        "",
    ],
)
def test_text_is_escaped_as_by_edgetl(import_payload, text):
    printable = import_payload("printable").make_printable(text)
    assert printable == escape_controls(text)
    assert printable.replace("\u200c", "").replace("\u200d", "").isprintable()


HOSTILE = "\x1b[31m \x9b2J \r \u202e"


def check_output(text: str) -> None:
    """Check that a text has the hostile characters, all of them escaped."""
    assert r"\x1b[31m \x9b2J \r \u202e" in text, text
    assert all(line.isprintable() for line in text.split("\n")), text


def test_name_of_a_photo_is_escaped_by_classify(device, bundles, tmp_path):
    photo, text = tmp_path / f"{HOSTILE}.jpg", tmp_path / f"{HOSTILE}.txt"
    shutil.copyfile(next((bundles["int8"] / "golden").glob("*.jpg")), photo)
    text.write_text("no photo")
    completed = device.run(bundles["int8"], "classify.py", str(photo), str(text))
    check_output(completed.stdout)
    assert any(r"\x1b[31m" in line for line in completed.stderr.splitlines()) and "\x1b" not in completed.stderr


def test_labels_are_escaped_by_classify(import_payload):
    classify = import_payload("classify")
    check_output("\n".join(classify._format_photo(Path("photo.jpg"), [(HOSTILE, 0.9), ("daisy", 0.1)], None, None)))
    line = json.dumps(classify._make_json(Path(HOSTILE), [(HOSTILE, 0.9)], None))
    assert line.isprintable() and json.loads(line)["labels"][0]["label"] == HOSTILE


def test_name_of_a_file_is_escaped_by_selfcheck(device, bundles, tmp_path):
    folder = shutil.copytree(bundles["int8"], tmp_path / "bundle")
    (folder / "a\x1b[31m\u202eb.txt").write_text("added")
    completed = device.run(folder, "selfcheck.py")
    text = completed.stdout + completed.stderr
    assert completed.returncode == 1 and r"a\x1b[31m\u202eb.txt" in text
    assert all(line.isprintable() for line in text.splitlines())


def test_labels_and_sources_are_replaced_in_the_terminal_of_the_demo(import_payload):
    demo_terminal = import_payload("demo_terminal")
    assert demo_terminal.replace_control_characters(HOSTILE).isprintable()


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed: apt install nodejs")
def test_texts_of_the_page_are_escaped():
    page = (Path(__file__).parents[2] / "targets" / "raspberry-pi" / "demo_page.js").read_text(encoding="utf-8")
    function = page[page.index("function makePrintable") : page.index("function createElement")]
    state = json.dumps({"labels": [["\x1b[31m \x9b \u202ecod", 0.5]], "name": "👩\u200d🌾 Gänse"})
    program = f"{function}\nconsole.log(JSON.stringify(JSON.parse({json.dumps(state)}, makePrintable)));"
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {
        "labels": [[r"\u{1b}[31m \u{9b} \u{202e}cod", 0.5]],
        "name": "👩\u200d🌾 Gänse",
    }
