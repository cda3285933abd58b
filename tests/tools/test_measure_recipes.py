"""The script that compares recipes: its list of recipes, and the table of finished trials."""

import sys
import tomllib
from pathlib import Path

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.recipe.resolve import resolve_recipe
from tests.tools.test_recipe_trials import make_trial
from tools import measure_recipes

LIST = Path(measure_recipes.__file__).with_name("recipe_list.toml")


@pytest.mark.parametrize("name", tomllib.loads(LIST.read_text(encoding="utf-8")))
def test_each_listed_recipe_is_one(name):
    tables = measure_recipes.read_recipe(name)
    preset = tables.pop("preset", "default")
    assert resolve_recipe(preset, tables) != resolve_recipe(preset)


def test_presets_and_files_are_recipes(tmp_path):
    (tmp_path / "mine.toml").write_text("phase1.epochs = 3", encoding="utf-8")
    assert measure_recipes.read_recipe("thorough") == {"preset": "thorough"}
    assert measure_recipes.read_recipe(str(tmp_path / "mine.toml")) == {"phase1": {"epochs": 3}}
    with pytest.raises(ConfigError, match="no recipe 'better'"):
        measure_recipes.read_recipe("better")


def test_finished_trials_are_not_repeated_and_become_a_table(tmp_path, monkeypatch, capsys):
    data = "flowers5-base.namemobilenet-base.alpha0.25"
    for recipe, right in (("default", [1] * 90 + [0] * 10), ("mixup", [1] * 92 + [0] * 8)):
        trial = make_trial(right, data=data, recipe=recipe)
        trial.write(trial.plan.locate(tmp_path))
    # The quotes of a value are no part of the name of a file.
    values = ["--set", 'base.name="mobilenet"', "--set", "base.alpha=0.25"]
    arguments = ["--photos", "flowers5", *values, "--recipe", "default", "--recipe", "mixup"]
    arguments += ["--seed", "1", "--results", f"{tmp_path}"]
    monkeypatch.setattr(sys, "argv", ["measure_recipes.py", *arguments])
    measure_recipes.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith(f"| default | {data} (100) | 1 | 90.0 % | 0.00, 0.00 |")
    assert lines[3].startswith(f"| mixup | {data} (100) | 1 | 92.0 % | +2.00, -0.31 |")
