"""The listings print tables for people, and JSON only with --json."""

import json
import subprocess
import sys
import tomllib

import pytest

from edgetl import cli
from edgetl.core.methods import METHODS
from edgetl.core.network.base_table import BASES
from edgetl.stages import doctor
from edgetl.stages.doctor import Finding


def run_json(capsys, *arguments: str):
    assert cli.run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def run_table(capsys, *arguments: str) -> str:
    """Run a listing; return its table, which is not JSON."""
    assert cli.run(list(arguments)) == 0
    out, err = capsys.readouterr()
    assert err == ""
    with pytest.raises(ValueError):
        json.loads(out)
    return out


def test_bases_as_json_have_the_names_of_the_networks(capsys):
    assert [row["name"] for row in run_json(capsys, "bases")] == list(BASES)


def test_bases_as_a_table_have_a_row_for_each_network(capsys):
    table = run_table(capsys, "bases")
    title, header, *rows = table.splitlines()
    assert "weights in millions" in title and header.split()[:2] == ["base", "top-1"]
    assert [row.split()[0] for row in rows[: len(BASES)]] == list(BASES)
    # Below, the accuracy that the weights inside the package reach.
    assert "--weights formula" in table


def test_methods_as_json_and_as_a_table(capsys):
    assert [row["name"] for row in run_json(capsys, "methods")] == list(METHODS)
    header, *rows = run_table(capsys, "methods").splitlines()
    assert header.split()[0] == "method" and set(METHODS) <= {row.split()[0] for row in rows}


def test_targets_as_json_and_as_a_table(capsys):
    names = [row["id"] for row in run_json(capsys, "targets")]
    assert {"tflite", "onnx", "raspberry-pi-4"} <= set(names)
    header, *rows = run_table(capsys, "targets").splitlines()
    assert header.split()[:2] == ["target", "formats"] and set(names) <= {row.split()[0] for row in rows if row.strip()}


def test_one_target_as_json_and_as_a_table(capsys):
    record = run_json(capsys, "targets", "tflite")
    assert record["id"] == "tflite" and record["accepts"]["formats"] == ["tflite"]
    table = run_table(capsys, "targets", "tflite")
    rows = {words[0]: words[1:] for words in map(str.split, table.splitlines())}
    assert rows["id"] == ["tflite"] and rows["accepts.formats"] == ["tflite"]
    assert rows["accepts.methods"][0] == record["accepts"]["methods"][0]


def test_targets_of_the_user_are_listed(capsys, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "target.toml").write_text('schema = 1\nextends = "tflite"\ntitle = "Mine"\nsummary = "my own board"\n')
    assert "my own board" in run_table(capsys, "targets", "--target-dir", str(tmp_path))
    assert run_json(capsys, "targets", "mine", "--target-dir", str(tmp_path))["summary"] == "my own board"


def test_recipe_as_json_has_the_tables(capsys):
    assert run_json(capsys, "recipe", "--alpha", "0.5")["base"]["alpha"] == 0.5


def test_recipe_as_toml_can_be_used_as_a_recipe(capsys, tmp_path):
    text = run_table(capsys, "recipe", "--alpha", "0.35", "--epochs", "3", "--no-augment", "--strict")
    tables = tomllib.loads(text)
    assert tables["base"]["alpha"] == 0.35 and tables["contract"]["strict"] is True
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    assert run_table(capsys, "recipe", "--recipe", str(path)) == text


def test_doctor_as_json(capfd):
    code = cli.run(["doctor", "--json"])
    findings = json.loads(capfd.readouterr().out)
    assert {"python", "tensorflow", "XNNPACK", "cache"} <= {finding["subject"] for finding in findings}
    assert code == (0 if all(finding["ok"] for finding in findings) else 2)


def test_doctor_as_a_table_marks_problems_and_has_exit_code_2(capfd, monkeypatch):
    findings = (
        Finding(subject="python", ok=True, detail="3.13"),
        Finding(subject="XNNPACK", ok=False, detail="does not start"),
    )
    for shown, code in ((findings, 2), (findings[:1], 0)):
        monkeypatch.setattr(doctor, "check_machine", lambda shown=shown: shown)
        assert cli.run(["doctor"]) == code
        lines = [line.split() for line in capfd.readouterr().out.splitlines()]
        assert lines[0] == ["check", "state", "detail"] and lines[1] == ["python", "ok", "3.13"]
        assert (["XNNPACK", "PROBLEM", "does", "not", "start"] in lines) == (code == 2)


def test_listings_import_no_heavy_library():
    program = """
import sys
from edgetl.cli import run
for line in (["--help"], ["bases"], ["methods"], ["targets"], ["targets", "tflite"], ["recipe"], ["build", "--help"]):
    assert run(line) == 0, line
heavy = {"tensorflow", "keras", "ai_edge_litert", "onnx", "onnxruntime", "sklearn", "scipy", "jax"} & set(sys.modules)
sys.exit(f"imported: {sorted(heavy)}" if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments", [["bases"], ["methods"], ["targets"], ["targets", "raspberry-pi-4"]])
def test_listings_fit_80_columns(capsys, check_tables, arguments):
    run_table(capsys, *arguments)
    check_tables(1)


def test_doctor_fits_80_columns(capsys, check_tables, monkeypatch):
    findings = (
        Finding(subject="tensorflow-model-optimization", ok=True, detail="0.8.1"),
        Finding(subject="ImageNet weights", ok=False, detail="none in /home/someone/.keras/models: no network " * 3),
    )
    monkeypatch.setattr(doctor, "check_machine", lambda: findings)
    assert cli.run(["doctor"]) == 2
    capsys.readouterr()
    check_tables(1)


@pytest.mark.slow
def test_doctor_prints_nothing_of_libraries(edgetl):
    """TensorFlow prints when it is imported."""
    done = edgetl("doctor")
    assert done.stderr == "" and "XNNPACK" in done.stdout
    assert "oneDNN" not in done.stdout and "WARNING" not in done.stdout
