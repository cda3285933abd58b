"""The script on the shared run, with noise as photos of other things."""

import sys

import numpy as np
import pytest
from PIL import Image

from edgetl.core.errors import ConfigError
from tools import measure_rejection
from tools.results_files import read_results
from tools.tables.rejection import RENDERERS, TABLE_KEYS


@pytest.fixture
def noise(tmp_path):
    folder = tmp_path / "noise" / "nested"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(1)
    for number in range(12):
        pixels = generator.integers(0, 256, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (folder / "broken.jpg").write_bytes(b"not a photo")
    return tmp_path / "noise"


def test_tables_are_printed_and_written(built, noise, tmp_path, monkeypatch, capsys):
    arguments = [str(built.run), "--foreign", f"noise={noise}", "--most", "10", "--rounds", "1"]
    monkeypatch.setattr(sys, "argv", ["measure_rejection.py", *arguments, "--write", str(tmp_path / "results")])
    measure_rejection.main()
    printed = capsys.readouterr().out
    for name in TABLE_KEYS:
        rows = read_results(tmp_path / "results" / f"{name}.jsonl").rows
        assert rows and RENDERERS[name](rows) in printed
        assert all(row["file"].endswith("TFLite") for row in rows)
    scores = read_results(tmp_path / "results" / "rejection.jsonl").rows
    assert {row["set"] for row in scores} == {"noise", "drawn images", "shuffled patches of test photos"}
    assert {row["photos"] for row in scores if row["set"] == "noise"} == {10}
    assert len({row["score"] for row in scores}) == 4
    (answers,) = read_results(tmp_path / "results" / "answers.jsonl").rows
    assert answers["temperature"] == built.trained.temperature and "reference_without_temperature" in answers
    # Both are computed from the same features on the same kernels.
    (rule,) = built.targets[0].answers
    own = next(row for row in scores if "bundle" in row["score"])
    assert own["own_rejected"] == pytest.approx(1 - rule.own.known / rule.own.photos)


def test_folder_that_is_not_a_run_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="not a finished run"):
        list(measure_rejection.read_delivered(tmp_path))


def test_own_photos_are_not_foreign(built):
    file = next(measure_rejection.read_delivered(built.run))
    sets = dict(measure_rejection._open_foreign(file, {"own": file.dataset.root}, 10))
    assert "own" not in sets and len(sets) == 2


@pytest.mark.parametrize("text", ["noise", "noise=/absent/folder"])
def test_set_without_a_name_or_a_folder_is_refused(text, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["measure_rejection.py", "run", "--foreign", text])
    with pytest.raises(SystemExit):
        measure_rejection.main()
