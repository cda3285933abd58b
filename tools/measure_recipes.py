#!/usr/bin/env python3
"""Measure what recipes and their ingredients gain, on the same test photos with the same seeds.

    python tools/measure_recipes.py --photos flowers5 --photos glass_or_metal --recipe default --recipe thorough

Each training runs in a process of its own by `edgetl train`, and its result is a file in --results. A finished one is
not repeated, so the measurement can be interrupted, and divided over machines. A recipe is a preset, a TOML file, or a
name in `tools/recipe_list.toml`: `preset` and tables of a recipe. --set adds values to all recipes, as base.side_px=96.

The parts of the photos depend on the photos alone. The table compares each recipe with the first one, over the trials
that both have: the mean accuracy on the test photos, its gain with a one-sided 95 % bound, in which a photo counts once
however many seeds there are, and the same for blurred, dark and noisy test photos.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgetl.core.errors import ConfigError
from edgetl.core.recipe.presets import PRESETS
from edgetl.core.recipe.tables import Tables
from tools.errors import report_errors
from tools.recipe_trials import TEST, Trial, TrialPlan, judge_gain, merge_tables, pair_trials, read_trial
from tools.results_files import Row, add_write_option, check_machine, write_rows
from tools.tables.recipes import format_recipes

# Of a value, as base.name="mobilenet".
_NOT_IN_NAMES = str.maketrans("", "", '="')
_RECIPES = Path(__file__).with_name("recipe_list.toml")


def main() -> None:
    """Measure, print, and write."""
    options = _parse_options()
    if options.write:
        check_machine(options.write / f"{options.rows}.jsonl")
    options.results.mkdir(parents=True, exist_ok=True)
    for plan in _list_plans(options):
        path = plan.locate(options.results)
        if not path.is_file() and not options.judge_only:
            _run_child(plan, path, options)
    trials = [
        [read_trial(path) for plan in _list_plans(options, recipe) if (path := plan.locate(options.results)).is_file()]
        for recipe in options.recipe
    ]
    rows = [
        _make_row(name, trials[0], after, timed=not options.share_cache)
        for name, after in zip(options.recipe, trials, strict=True)
    ]
    rows = [row for row in rows if row]
    print(format_recipes(rows))
    if options.write:
        write_rows(options.write / f"{options.rows}.jsonl", rows, ("recipe", "compared_with", "data"))


def read_recipe(name: str, path: Path = _RECIPES) -> Tables:
    """Return the tables of a recipe, and the key "preset", as a TOML file of a recipe contains them.

    Args:
        name: a preset, a TOML file, or a key of the list.
        path: the list.

    Raises:
        ConfigError: none of these.
    """
    if name in PRESETS:
        return {"preset": name}  # type: ignore[dict-item]
    if Path(name).is_file():
        return tomllib.loads(Path(name).read_text(encoding="utf-8"))
    recipes = tomllib.loads(path.read_text(encoding="utf-8"))
    if name not in recipes:
        raise ConfigError(f"no recipe {name!r}", where=(path,), hint=f"there are {', '.join([*PRESETS, *recipes])}")
    return dict(recipes[name])


def _list_plans(options: argparse.Namespace, recipe: str = "") -> list[TrialPlan]:
    """List the trials, so that those of one seed and one data set, which share cached features, are neighbours."""
    return [
        TrialPlan(data=_name_data(photos, options), recipe=Path(name).stem, seed=seed)
        for seed in options.seed
        for photos in options.photos
        for name in ([recipe] if recipe else options.recipe)
    ]


def _name_data(photos: Path, options: argparse.Namespace) -> str:
    """Return the data set and the values of --set, as in "flowers5-base.side_px96": part of the name of a file."""
    return "-".join([photos.name, *(value.translate(_NOT_IN_NAMES) for value in options.set)])


def _make_row(name: str, before: Sequence[Trial], after: Sequence[Trial], *, timed: bool) -> Row:
    pairs = pair_trials(before, after)
    if not pairs:
        return {}
    judgements = {part: judge_gain(pairs, part) for part in pairs[0][0].correct}
    test = judgements[TEST]
    seconds = [(one.training_s, other.training_s) for one, other in pairs]
    row: Row = {
        "recipe": Path(name).stem,
        "compared_with": before[0].plan.recipe,
        "data": ", ".join(sorted({one.plan.data for one, _ in pairs})),
        "seeds": len({one.plan.seed for one, _ in pairs}),
        "photos": test.photos,
        "accuracy": round(test.after, 4),
        "gain": round(test.gain, 4),
        "bound": round(test.bound, 4),
        "validation_accuracy": round(float(np.mean([other.validation_accuracy for _, other in pairs])), 4),
    }
    if timed:
        row["relative_seconds"] = round(float(np.mean([other / one for one, other in seconds])), 2)
    for part, judgement in judgements.items():
        if part != TEST:
            row |= {f"{part}_accuracy": round(judgement.after, 4), f"{part}_gain": round(judgement.gain, 4)}
    return row


def _run_child(plan: TrialPlan, path: Path, options: argparse.Namespace) -> None:
    """Run a trial in a process of its own, so that each begins alike."""
    photos = next(photos for photos in options.photos if _name_data(photos, options) == plan.data)
    recipe = next(name for name in options.recipe if Path(name).stem == plan.recipe)
    tables = merge_tables(_parse_values(options.set), {"training": {"seed": plan.seed}})
    with tempfile.TemporaryDirectory(prefix="measure-recipes-") as folder:
        source = read_recipe(recipe)
        preset = source.pop("preset", "default")
        text = [f'preset = "{preset}"']
        for table, values in merge_tables(source, tables).items():
            text += [f"[{table}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
        file = Path(folder) / "recipe.toml"
        file.write_text("\n".join(text), encoding="utf-8")
        command = [sys.executable, "-m", "tools.recipe_child", str(photos), str(file), str(path), *options.corruption]
        environment = dict(os.environ) if options.share_cache else {**os.environ, "XDG_CACHE_HOME": folder}
        start = time.monotonic()
        names = [plan.data, plan.recipe, str(plan.seed)]
        process = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if process.returncode:
            sys.exit(f"{' '.join(names)} failed:\n{process.stderr}")
        trial = read_trial(path)
        accuracy = np.mean(list(trial.correct[TEST].values()))
        print(
            f"{' '.join(names)}  validation {trial.validation_accuracy:.4f}  test {accuracy:.4f}  "
            f"training {trial.training_s:.0f} s of {time.monotonic() - start:.0f}",
            file=sys.stderr,
            flush=True,
        )


def _parse_values(values: Sequence[str]) -> Tables:
    """Return the tables of --set, as base.side_px=96.

    Raises:
        ConfigError: not of this form.
    """
    text = []
    for value in values:
        key, _, number = value.partition("=")
        table, _, name = key.partition(".")
        text.append(f"{table}.{name} = {number}")
    try:
        return tomllib.loads("\n".join(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"--set {' '.join(values)}: {error}", hint="as in --set base.side_px=96") from error


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, action="append", required=True, metavar="DIR", help="a data set; repeat")
    parser.add_argument("--recipe", action="append", required=True, help="a recipe; repeat; the first is compared with")
    parser.add_argument("--seed", type=int, action="append", help="of the training; repeat (default: 1, 2, 3)")
    parser.add_argument("--set", action="append", default=[], metavar="TABLE.KEY=VALUE", help="a value of all recipes")
    parser.add_argument("--results", type=Path, default=Path("recipe-trials"), metavar="DIR", help="results of trials")
    parser.add_argument("--corruption", action="append", default=[], help="blur, dark, noise, …: also predict those")
    parser.add_argument("--judge-only", action="store_true", help="train nothing")
    parser.add_argument(
        "--share-cache",
        action="store_true",
        help="trials use the features that earlier ones computed: faster, and their durations mean nothing",
    )
    parser.add_argument("--rows", default="recipes", help="results file of --write (default: recipes)")
    add_write_option(parser)
    options = parser.parse_args()
    options.seed = options.seed or [1, 2, 3]
    return options


if __name__ == "__main__":
    with report_errors():
        main()
