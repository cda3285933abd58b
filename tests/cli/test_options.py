"""options.py: every flag reaches a key that the recipe has, and what was not given is not there."""

import inspect
import typing

import pytest
import typer

from edgetl import cli
from edgetl.cli import options
from edgetl.core.errors import ConfigError
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.recipe.tables import Recipe

SAMPLES = {
    "model": "/my.keras",
    "scaling": "tf",
    "labels": "/labels.txt",
    "base": "mobilenet",
    "alpha": 0.5,
    "side": 96,
    "weights": "none",
    "pooling": "max",
    "fit": "pad",
    "hidden_units": 64,
    "dropout": 0.3,
    "activation": "sigmoid",
    "epochs": 3,
    "learning_rate": 0.01,
    "fine_tune_epochs": 0,
    "unfreeze": "-3",
    "batch_size": 8,
    "precision": "bfloat16",
    "seed": 7,
    "cache_bytes": 1_000_000,
    "qat_epochs": 2,
    "compress_epochs": 3,
    "sparsity": 0.75,
    "clusters": 16,
    "limit_drop": 0.03,
}
SWITCHES = {"strict", "no_augment", "no_feature_cache"}
# What a command is told that is no part of the recipe.
OTHERS = {
    "photos",
    "photos_dir",
    "target",
    "target_dir",
    "method",
    "recipe",
    "all_methods",
    "explain",
    "out",
    "as_json",
    "quiet",
}


def test_every_flag_has_a_sample():
    assert set(SAMPLES) == set(options._FLAGS)


@pytest.mark.parametrize("flag", SAMPLES)
def test_a_flag_lands_where_it_says(flag):
    table, key = options._FLAGS[flag]
    assert options.tables({flag: SAMPLES[flag]}) == {table: {key: SAMPLES[flag]}}
    beside = {"model": "my.keras"} if table == "external" else {}
    resolved = resolve_recipe(flags=options.tables({**beside, flag: SAMPLES[flag]})).tables()
    assert resolved[table][key] == SAMPLES[flag] != resolve_recipe().tables()[table][key]


def test_no_two_flags_say_the_same():
    assert len(set(options._FLAGS.values())) == len(options._FLAGS)
    assert all(key in Recipe.model_fields[table].annotation.model_fields for table, key in options._FLAGS.values())


def test_nothing_given_is_nothing():
    assert options.tables({}) == {}
    assert options.tables(dict.fromkeys(SAMPLES) | dict.fromkeys(SWITCHES, False) | {"photos": "x"}) == {}


def test_zero_is_given():
    given = {"fine_tune_epochs": 0, "seed": 0, "dropout": 0.0}
    assert options.tables(given) == {"phase2": {"epochs": 0}, "training": {"seed": 0}, "head": {"dropout": 0.0}}


def test_switches():
    assert options.tables({"strict": True, "limit_drop": 0.1}) == {"contract": {"limit_drop": 0.1, "strict": True}}
    given = {"no_feature_cache": True, "seed": 3}
    assert options.tables(given) == {"training": {"seed": 3, "feature_cache": False}}


def test_no_augment_switches_off_whatever_a_file_says(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[augment]\nflip = true\nshift = 0.5\nzoom = 0.5\nbrightness = 0.5", encoding="utf-8")
    assert resolve_recipe(str(file)).augment.on
    assert not resolve_recipe(str(file), options.tables({"no_augment": True})).augment.on


def test_a_flag_out_of_range_is_refused():
    with pytest.raises(ConfigError, match=r"base\.alpha"):
        resolve_recipe(flags=options.tables({"alpha": -1.0}))


@pytest.mark.parametrize("command", [cli.build, cli.train, cli.recipe])
def test_a_command_takes_no_flag_that_is_lost(command):
    known = set(options._FLAGS) | SWITCHES
    given = set(inspect.signature(command).parameters)
    assert given <= known | OTHERS
    # Only verdicts have limits, and only methods train once more: train makes neither. Only a build adopts a model.
    own = {flag for flag, (table, _) in options._FLAGS.items() if table == "external"}
    later = {"limit_drop", "strict", "qat_epochs", "compress_epochs", "sparsity", "clusters"}
    assert known - given <= {cli.build: set(), cli.train: later | own, cli.recipe: own}[command]


def test_every_option_says_what_it_is():
    kinds = {name: value for name, value in vars(options).items() if typing.get_origin(value) is typing.Annotated}
    assert len(kinds) > 20
    for name, kind in kinds.items():
        (info,) = kind.__metadata__
        assert info.help and info.help.endswith("."), name


def test_every_command_says_what_it_is():
    group = typer.main.get_command(cli.app)
    for name, command in group.commands.items():
        assert command.help, name
