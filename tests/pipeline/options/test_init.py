"""Every option sets a value that the recipe has. An option that is not given sets nothing."""

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.recipe.tables import Recipe
from edgetl.pipeline.options import (
    AnswerOptions,
    BuildOptions,
    ContractOptions,
    ExternalOptions,
    RecipeOptions,
    RetrainOptions,
    TrainOptions,
    collect_tables,
    list_options,
    map_options,
    name_option,
)

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
    "label_from": "name",
    "label_separator": "space",
    "group_by": "folder:2",
    "near_duplicates": "drop",
    "layout": "classes",
    "hidden_units": 64,
    "dropout": 0.3,
    "activation": "sigmoid",
    "time_budget": "10m",
    "teacher": "mobilenet_v2",
    "teacher_side": 256,
    "epochs": 3,
    "learning_rate": 0.01,
    "fine_tune_epochs": 0,
    "unfreeze": "-3",
    "batch_size": 8,
    "class_weight": "balanced",
    "contract": "balanced",
    "precision": "bfloat16",
    "seed": 7,
    "cache_bytes": 1_000_000,
    "qat_epochs": 2,
    "compress_epochs": 3,
    "sparsity": 0.75,
    "clusters": 16,
    "limit_drop": 0.03,
    "min_accuracy": 0.8,
    "reject_own": 0.02,
    "error_accepted": 0.03,
}
SWITCHES = {
    "multi_label",
    "strict",
    "full_ledger",
    "no_augment",
    "no_feature_cache",
    "no_temperature",
    "no_features",
    "reject_by_class",
}
# Options that belong to the order and not to its recipe.
ORDER_OPTIONS = {
    "exclude",
    "photos",
    "test",
    "recipe",
    "target",
    "target_dir",
    "method",
    "all_methods",
    "prefer",
    "cross_fit",
    "foreign",
    "cluster",
    "from_sweep",
}
SETS = {name: option.sets for name, _, option, _ in list_options(BuildOptions) if option.sets}


def list_names(group) -> set[str]:
    return {name for name, _, _, _ in list_options(group)}


def test_every_option_that_sets_a_value_has_a_sample():
    assert set(SAMPLES) == set(SETS)


def test_build_has_every_option():
    assert list_names(BuildOptions) == set(SAMPLES) | SWITCHES | ORDER_OPTIONS


@pytest.mark.parametrize("name", SAMPLES)
def test_option_sets_its_recipe_value(name):
    table, key = SETS[name]
    assert collect_tables(BuildOptions(**{name: SAMPLES[name]})) == {table: {key: SAMPLES[name]}}
    # Scaling and labels are refused without a model, and a separator of labels where photos have one class.
    needs = {"model": "my.keras"} if table == "external" else {"multi_label": name == "label_separator"}
    options = {**needs, name: SAMPLES[name]}
    resolved = resolve_recipe(flags=collect_tables(BuildOptions(**options))).tables()
    assert resolved[table][key] == SAMPLES[name] != resolve_recipe().tables()[table][key]


def test_no_two_options_set_the_same_value():
    assert len(set(SETS.values())) == len(SETS)
    assert all(key in Recipe.model_fields[table].annotation.model_fields for table, key in SETS.values())


@pytest.mark.parametrize("options", [BuildOptions(), RecipeOptions(), TrainOptions(), BuildOptions(photos="photos")])
def test_options_that_are_not_given_set_nothing(options):
    assert collect_tables(options) == {}


def test_zero_is_a_value():
    options = BuildOptions(fine_tune_epochs=0, seed=0, dropout=0.0)
    assert collect_tables(options) == {"phase2": {"epochs": 0}, "training": {"seed": 0}, "head": {"dropout": 0.0}}


def test_switches_set_their_values_beside_others():
    options = BuildOptions(strict=True, limit_drop=0.1)
    assert collect_tables(options) == {"contract": {"limit_drop": 0.1, "strict": True}}
    options = BuildOptions(no_feature_cache=True, seed=3)
    assert collect_tables(options) == {"training": {"seed": 3, "feature_cache": False}}


def test_no_augment_overrides_a_recipe_file(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[augment]\nflip = true\nshift = 0.5\nzoom = 0.5\nbrightness = 0.5", encoding="utf-8")
    assert resolve_recipe(str(file)).augment.on
    assert not resolve_recipe(str(file), collect_tables(BuildOptions(no_augment=True))).augment.on


def test_value_out_of_range_is_refused():
    with pytest.raises(ConfigError, match=r"--alpha"):
        resolve_recipe(flags=collect_tables(BuildOptions(alpha=-1.0)), names=map_options(BuildOptions))


def list_bounds() -> list[tuple[str, str, float]]:
    """List options, the attribute of pydantic's bound, and the bound, of all options whose recipe value has bounds."""
    rows = []
    for name, (table, key) in SETS.items():
        for entry in Recipe.model_fields[table].annotation.model_fields[key].metadata:
            rows += [
                (name, bound, getattr(entry, bound)) for bound in ("ge", "gt", "le", "lt") if hasattr(entry, bound)
            ]
    return rows


# Bound → a value beside it that is not allowed, and how the error states the bound.
BEYOND = {
    "ge": (lambda limit: limit - 1, "at least"),
    "gt": (lambda limit: limit, "greater than"),
    "le": (lambda limit: limit + 1, "at most"),
    "lt": (lambda limit: limit, "less than"),
}


@pytest.mark.parametrize(("name", "bound", "limit"), list_bounds())
def test_value_beyond_a_bound_is_an_error_that_names_the_option_and_the_bound(name, bound, limit):
    move, words = BEYOND[bound]
    options = BuildOptions(**{name: move(limit)})
    with pytest.raises(ConfigError) as caught:
        resolve_recipe(flags=collect_tables(options), names=map_options(BuildOptions))
    error = caught.value
    flag = f"--{name.replace('_', '-')}"
    numbers = [f"{number:g}" if isinstance(number, float) else f"{number}" for number in (limit, move(limit))]
    assert error.message == f"{flag} must be {words} {numbers[0]}, not {numbers[1]}"
    assert error.where == () and error.hint


def test_options_with_a_bound_are_found():
    assert {"side", "alpha", "limit_drop", "epochs", "fine_tune_epochs", "sparsity", "clusters"} <= {
        name for name, _, _ in list_bounds()
    }


def test_options_are_named_as_they_are_typed():
    names = {name: name_option(name, option) for name, _, option, _ in list_options(BuildOptions)}
    assert (names["photos"], names["fine_tune_epochs"]) == ("PHOTOS", "--fine-tune-epochs")
    assert map_options(TrainOptions)["base", "side_px"] == "--side"


def test_train_has_no_option_without_an_effect():
    """Only verdicts have limits, only methods retrain and only files have answers. `train` adopts no model, either."""
    groups = (ContractOptions, RetrainOptions, AnswerOptions, ExternalOptions)
    later = {name for group in groups for name in list_names(group)}
    assert list_names(TrainOptions) == list_names(BuildOptions) - later - (
        ORDER_OPTIONS - {"photos", "test", "exclude", "recipe", "cluster"}
    )


def test_recipe_has_the_options_of_a_recipe():
    assert list_names(RecipeOptions) == list_names(BuildOptions) - list_names(ExternalOptions) - (
        ORDER_OPTIONS - {"recipe"}
    )


def test_every_option_has_a_sentence_of_help():
    for group in (BuildOptions, RecipeOptions, TrainOptions):
        for name, _, option, _ in list_options(group):
            assert option.help.endswith("."), name
