"""measure_qat.py: each fraction is trained once, and a kept one is not trained again."""

import json
import sys

import pytest

from tools import measure_qat


@pytest.fixture
def trained_fractions(monkeypatch):
    """The fractions that were trained, without the training."""
    fractions = []

    def retrain(run, fraction, folder):
        fractions.append(fraction)
        (folder / "outcome.json").write_text(json.dumps({"processor_s": 12.5}), encoding="utf-8")

    def measure_file(run, fraction, folder, parts):
        row = {
            "accuracy": 0.5,
            "drop": 0.0,
            "drop_low": -0.1,
            "drop_high": 0.1,
            "broke": 1,
            "fixed": 1,
            "agreement": 1.0,
        }
        seconds = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))["processor_s"]
        identity = {"run": run.name, "format": "tflite", "part": parts[0], "method": f"qat8 {fraction}", "photos": 4}
        return [{**identity, **row, "agreement": 1.0, "seconds": seconds}]

    monkeypatch.setattr(measure_qat, "retrain", retrain)
    monkeypatch.setattr(measure_qat, "measure_file", measure_file)
    return fractions


def test_a_kept_fraction_is_not_trained_again(tmp_path, monkeypatch, capsys, trained_fractions):
    keep = tmp_path / "kept"
    for fractions in (["1"], ["1", "0.5"]):
        arguments = [str(tmp_path / "flowers"), "--trained-layers", *fractions, "--keep", str(keep)]
        monkeypatch.setattr(sys, "argv", ["measure_qat.py", *arguments])
        measure_qat.main()
    assert trained_fractions == [1.0, 0.5]
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[-2].startswith("| flowers, 4 validation photos | TFLite | qat8 1.0 |") and lines[-1].endswith(
        "| 12.5 |"
    )
