"""The command line of an order, typed again, gives the same order."""

import dataclasses
import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from edgetl.cli.options import BuildCommand
from edgetl.cli.parameters import add_command
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.pipeline.options import BuildOptions, list_options
from edgetl.pipeline.order import load_order, save_order
from edgetl.pipeline.orders import make_order
from edgetl.pipeline.runs.build_command import find_build_options, format_build_command, show_path

TARGET = 'schema = 1\nextends = "tflite"\ntitle = "Mine"\nsummary = "mine"\n[limits]\naccuracy_drop = 0.007\n'

# A value of every option that is not its default. A new option needs one here.
SAMPLES = {
    "base": "mobilenet",
    "alpha": 0.35,
    "side": 96,
    "weights": "none",
    "pooling": "max",
    "hidden_units": 64,
    "dropout": 0.1,
    "activation": "sigmoid",
    "fit": "pad",
    "recipe": "classic",
    "time_budget": "90s",
    "teacher": "resnet50",
    "teacher_side": 128,
    "epochs": 3,
    "fine_tune_epochs": 0,
    "unfreeze": "-3",
    "learning_rate": 0.00012345678,
    "batch_size": 16,
    "no_augment": True,
    "no_feature_cache": True,
    "no_temperature": True,
    "cache_bytes": 123456,
    "precision": "bfloat16",
    "seed": 7,
    "qat_epochs": 9,
    "compress_epochs": 9,
    "sparsity": 0.25,
    "clusters": 16,
    "model": Path("other models/m y.keras"),
    "scaling": "0..1",
    "labels": Path("labels.txt"),
    "limit_drop": 0.0123,
    "strict": True,
    "full_ledger": True,
    "target": ["onnx", "tflite"],
    "target_dir": [Path("my targets")],
    "method": "mixed8",
    "all_methods": True,
    "prefer": "bytes",
    "test": Path("test photos"),
    "exclude": Path("my suspects.csv"),
    "cross_fit": 3,
    "foreign": Path("other things"),
    "no_features": True,
    "reject_own": 0.02,
    "reject_by_class": True,
    "error_accepted": 0.03,
    "min_accuracy": 0.8,
    "layout": "classes",
    "label_from": "name",
    "multi_label": True,
    "label_separator": "space",
    "group_by": "folder:2",
    "near_duplicates": "drop",
    "class_weight": "balanced",
    "contract": "balanced",
    "photos": Path("class photos"),
}
NEEDS = {
    "scaling": {"model": SAMPLES["model"], "photos": SAMPLES["photos"]},
    "labels": {"model": SAMPLES["model"], "photos": SAMPLES["photos"]},
    "model": {"photos": SAMPLES["photos"]},
    "label_separator": {"multi_label": True},
    "target_dir": {"target": ["mine", "tflite"]},
    "test": {"photos": SAMPLES["photos"]},
    # The weights of the digits are those of another base.
    "base": {"photos": SAMPLES["photos"]},
    "teacher": {"photos": SAMPLES["photos"]},
}


# A model made elsewhere is not trained, several labels are neither in file names nor judged by a cross-fit, without
# features no photo is rejected, and a time budget chooses the epochs.
EXCLUDED = ("time_budget", "model", "scaling", "labels", "multi_label", "label_separator", "no_features")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """A current folder with everything that the samples name."""
    (tmp_path / "my targets" / "mine").mkdir(parents=True)
    (tmp_path / "my targets" / "mine" / "target.toml").write_text(TARGET)
    for name in ("a", "b"):
        (tmp_path / "class photos" / name).mkdir(parents=True)
        (tmp_path / "test photos" / name).mkdir(parents=True)
    (tmp_path / "other models").mkdir()
    (tmp_path / "other things").mkdir()
    for path in ("other models/m y.keras", "m.keras", "labels.txt"):
        (tmp_path / path).touch()
    (tmp_path / "my suspects.csv").write_text("path\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parse(command: str) -> BuildCommand:
    """Parse a command line as the program does."""
    app = typer.Typer()
    parsed: list[BuildCommand] = []

    @add_command(app, "build")
    def _build(options: BuildCommand) -> None:
        parsed.append(options)

    program, verb, *arguments = shlex.split(command)
    assert (program, verb) == ("edgetl", "build")
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return parsed[0]


def assert_typed_again(options: BuildOptions) -> str:
    """Check that the command of an order gives the order again, as it is read from the run folder."""
    save_order(make_order(options), Path())
    order = load_order(Path())
    command = format_build_command(order, Path("edgetl-runs/a run"))
    parsed = parse(command)
    assert parsed.out == Path("edgetl-runs/a run")
    again = make_order(parsed)
    save_order(again, Path())
    assert load_order(Path()) == order, command
    return command


# --cluster is where an order is carried out, and --from-sweep where it is from: they are no part of it.
NO_PART = ("cluster", "from_sweep")


@pytest.mark.parametrize("name", [name for name, _, _, _ in list_options(BuildOptions) if name not in NO_PART])
def test_order_with_one_option(name):
    values = {name: SAMPLES[name], **NEEDS.get(name, {})}
    command = assert_typed_again(BuildOptions(**values))
    assert len(shlex.split(command)) <= 4 + 2 * (len(values) + len(values.get("target", ()))), command


@pytest.mark.parametrize("recipe", [None, "classic", "digits"])
def test_order_with_all_options(recipe):
    values = {name: value for name, value in SAMPLES.items() if name not in EXCLUDED}
    assert_typed_again(BuildOptions(**{**values, "recipe": recipe}))


def test_plain_order_is_a_short_command():
    assert assert_typed_again(BuildOptions()) == "edgetl build --out 'edgetl-runs/a run'"
    options = BuildOptions(photos=Path("class photos"), target=["raspberry-pi-4"], alpha=0.35, recipe="classic")
    command = assert_typed_again(options)
    assert command.startswith("edgetl build 'class photos' --") and command.endswith(" --out 'edgetl-runs/a run'")
    assert command.count("--") == 4


def test_values_that_no_option_sets_come_from_the_recipe_file(here):
    (here / "own.toml").write_text('preset = "classic"\n[training]\npatience = 2\n[convert]\ncalibration_photos = 9\n')
    order = make_order(BuildOptions(photos=Path("class photos"), recipe="own.toml", alpha=0.5))
    (here / "run").mkdir()
    save_order(order, here / "run")
    command = format_build_command(order, here / "run")
    assert command == "edgetl build 'class photos' --recipe run/recipe.toml --out run"
    assert make_order(parse(command)).recipe == order.recipe


def test_recipe_file_of_a_model_made_elsewhere(here):
    (here / "own.toml").write_text("[photos]\ntest = 0.3\n")
    options = BuildOptions(photos=Path("class photos"), recipe="own.toml", model=Path("m.keras"), scaling="0..1")
    order = make_order(options)
    (here / "run").mkdir()
    save_order(order, here / "run")
    command = format_build_command(order, here / "run")
    assert "--recipe run/recipe.toml" in command and make_order(parse(command)).recipe == order.recipe


def test_deleted_recipe_file_is_named_all_the_same(plain_order, here):
    recipe = resolve_recipe("default", {"training": {"patience": 1}})
    order = dataclasses.replace(plain_order, recipe=recipe)
    assert find_build_options(order, here / "gone").recipe == "gone/recipe.toml"


def test_paths_are_shown_as_they_are_typed_here(here):
    assert show_path(here / "a" / "b") == Path("a/b") and show_path(Path("a")) == Path("a")
    assert show_path(here.parent) == here.parent and show_path(here) == here
