"""edgetl inspect prints tables, the path of its page, or JSON."""

import json

import pytest

from edgetl.cli import run

NETWORK = ["--base", "mobilenet", "--alpha", "0.25", "--side", "32", "--weights", "none"]


@pytest.fixture(scope="module")
def inspected(make_once, photos):
    """The folder of an inspection of the shared photos."""

    def fill(folder):
        assert run(["inspect", str(photos), *NETWORK, "--quiet", "--out", str(folder / "inspection")]) == 0

    return make_once("inspection", fill) / "inspection"


def test_tables_are_printed_and_the_page_is_the_result(inspected, photos, capfd):
    assert run(["inspect", str(photos), *NETWORK, "--out", str(inspected)]) == 0
    printed = capfd.readouterr()
    assert printed.out == f"{inspected / 'inspection.html'}\n"
    assert "heads on the frozen base predict" in printed.err and "to leave out photos: edit" in printed.err
    assert (inspected / "inspection.html").is_file()


def test_json_has_the_findings(inspected, photos, capfd):
    assert run(["inspect", str(photos), *NETWORK, "--quiet", "--json", "--out", str(inspected)]) == 0
    record = json.loads(capfd.readouterr().out)
    assert record["photos"] == 120 and {entry["name"] for entry in record["classes"]} == {
        "circle",
        "square",
        "triangle",
    }
    assert record["page"] == str(inspected / "inspection.html")


def test_suspects_are_given_back(inspected, photos, capfd, tmp_path):
    command = ["inspect", str(photos), *NETWORK, "--quiet", "--json", "--out", str(tmp_path / "again")]
    (tmp_path / "two.csv").write_text("path\ncircle/000.png\nsquare/001.png\n", encoding="utf-8")
    assert run([*command, "--exclude", str(tmp_path / "two.csv")]) == 0
    assert json.loads(capfd.readouterr().out)["photos"] == 118


def test_unknown_photo_among_the_excluded_is_an_error(photos, capfd, tmp_path):
    (tmp_path / "wrong.csv").write_text("path\nmissing.png\n", encoding="utf-8")
    command = ["inspect", str(photos), *NETWORK, "--exclude", str(tmp_path / "wrong.csv"), "--out", str(tmp_path / "a")]
    assert run(command) == 2
    assert "missing.png" in capfd.readouterr().err


def test_photos_given_twice_are_an_error(photos, capfd):
    assert run(["inspect", str(photos), "--photos", str(photos)]) == 2
    assert "both given" in capfd.readouterr().err
