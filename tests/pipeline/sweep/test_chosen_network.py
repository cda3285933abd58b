"""`edgetl build --from-sweep`: the chosen network of a sweep is built without training; the sweep is a prepared one."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgetl.core.device.targets import find_target
from edgetl.core.errors import ConfigError
from edgetl.core.run.run_folder import open_run
from edgetl.pipeline.context import Context
from edgetl.pipeline.options import BuildOptions
from edgetl.pipeline.orders import make_order
from edgetl.pipeline.pipeline import Pipeline
from edgetl.pipeline.sweep.chosen_network import copy_chosen, find_chosen_run, take_chosen
from tests.fixtures.runs import QUIET

NAME = "mobilenet-0.25-32"
CHOICE = {"name": NAME}


@pytest.fixture
def make_sweep(built, tmp_path) -> Callable[..., Path]:
    """Return a function that makes the folder of a sweep, whose chosen run is a copy of the shared one."""

    def make(choice: object = CHOICE) -> Path:
        root = tmp_path / "sweep"
        if not root.exists():
            shutil.copytree(built.run, root / "tuned" / NAME)
        (root / "sweep.json").write_text(json.dumps({"choice": choice}), encoding="utf-8")
        return root

    return make


def test_order_has_photos_recipe_and_target_of_the_sweep(make_sweep, order):
    options = BuildOptions(from_sweep=make_sweep())
    chosen = make_order(take_chosen(options))
    assert (chosen.photos, chosen.recipe, chosen.targets) == (order.photos, order.recipe, order.targets)
    plain = BuildOptions(alpha=0.5)
    assert take_chosen(plain) is plain


def test_other_targets_and_limits_may_be_given(make_sweep, order):
    options = BuildOptions(from_sweep=make_sweep(), target=["onnx"], method="int8", limit_drop=0.5)
    chosen = make_order(take_chosen(options))
    assert chosen.targets == (find_target("onnx"),) and chosen.method == "int8"
    assert chosen.recipe.contract.limit_drop == 0.5 and chosen.recipe.base == order.recipe.base


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"base": "mobilenet_v2", "alpha": 0.5, "side": 96}, "--base, --alpha, --side"),
        ({"photos": Path("photos")}, "PHOTOS"),
        ({"recipe": "classic"}, "--recipe"),
        ({"model": Path("a.keras")}, "--model"),
        ({"epochs": 3, "no_augment": True}, "--epochs, --no-augment"),
    ],
)
def test_option_that_would_change_the_trained_model_is_refused(make_sweep, options, names):
    with pytest.raises(ConfigError, match="from the sweep") as caught:
        take_chosen(BuildOptions(from_sweep=make_sweep(), **options))
    assert caught.value.message.endswith(f"there is {names}")


def test_folder_without_a_sweep_is_refused(built, tmp_path):
    for folder, reason in ((tmp_path / "absent", "does not exist"), (built.run, "has no sweep.json")):
        with pytest.raises(ConfigError, match=reason):
            find_chosen_run(folder)


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        (None, "has not chosen a network yet"),
        ({"name": "../elsewhere"}, "no name of a network"),
        ("mobilenet", "no name of a network"),
    ],
)
def test_sweep_without_a_choice_is_refused(make_sweep, choice, reason):
    with pytest.raises(ConfigError, match=reason):
        find_chosen_run(make_sweep(choice))


def test_stages_are_copied_and_nothing_is_trained(make_sweep, order, built, tmp_path):
    sweep = make_sweep()
    with open_run(tmp_path / "run") as run:
        context = copy_chosen(Context(order=order, run=run, console=QUIET), sweep)
        trained = Pipeline(context).model.trained
    assert trained.sha256 == built.trained.sha256 and trained.path.is_relative_to(tmp_path / "run")
    assert run.seconds["train"] == 0.0
    copied = {path.name for path in (tmp_path / "run").iterdir() if path.is_dir()}
    assert copied >= {path.name for path in (sweep / "tuned" / NAME).glob("*-tflite*") if path.is_dir()}


def test_stages_of_the_run_are_kept_and_a_run_of_the_sweep_is_used_as_it_is(make_sweep, order, tmp_path):
    run_folder = make_sweep() / "tuned" / NAME
    before = (run_folder / "train" / "train.json").stat()
    with open_run(run_folder) as run:
        copy_chosen(Context(order=order, run=run, console=QUIET), make_sweep())
    with open_run(tmp_path / "run") as run:
        context = Context(order=order, run=run, console=QUIET)
        copy_chosen(context, make_sweep())
        kept = (run.root / "train" / "train.json").stat()
        copy_chosen(context, make_sweep())
        assert (run.root / "train" / "train.json").stat().st_ino == kept.st_ino
    assert (run_folder / "train" / "train.json").stat().st_ino == before.st_ino
    assert copy_chosen(context, None) is context


def test_model_that_is_out_of_date_is_not_trained_again(make_sweep, order, tmp_path):
    phase1 = order.recipe.phase1.model_copy(update={"epochs": 9})
    changed = replace(order, recipe=order.recipe.model_copy(update={"phase1": phase1}))
    with open_run(tmp_path / "run") as run, pytest.raises(ConfigError, match="stage train is out of date") as caught:
        copy_chosen(Context(order=changed, run=run, console=QUIET), make_sweep())
    assert caught.value.hint.startswith("make it with: edgetl build")
