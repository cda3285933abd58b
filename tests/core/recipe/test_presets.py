"""presets.py: every preset resolves, and two of them have exact values."""

import pytest

from edgetl.core.recipe.presets import PRESETS
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.recipe.tables import Recipe


@pytest.mark.parametrize("name", PRESETS)
def test_preset_has_a_summary_of_one_line_and_known_tables(name):
    summary, tables = PRESETS[name]
    assert summary and "\n" not in summary
    assert set(tables) <= set(Recipe.model_fields)


@pytest.mark.parametrize("name", PRESETS)
def test_preset_sets_its_values(name):
    resolved = resolve_recipe(name).tables()
    for table, preset in PRESETS[name][1].items():
        # A side of 0 is replaced by that of the weights.
        values = {key: value for key, value in preset.items() if (key, value) != ("side_px", 0)}
        assert resolved[table].items() >= values.items()


@pytest.mark.parametrize("name", PRESETS)
def test_preset_leaves_no_value_open(name):
    assert "None" not in repr(resolve_recipe(name))


def test_default_preset_changes_no_default():
    assert PRESETS["default"][1] == {}


def test_classic_is_the_recipe_of_textbooks():
    classic, default = resolve_recipe("classic"), resolve_recipe().tables()
    tables = classic.tables()
    assert tables["base"] == default["base"] and tables["photos"] == {**default["photos"], "fit": "stretch"}
    assert tables["head"] == {"hidden_units": 512, "dropout": 0.0, "activation": "softmax"}
    off = {"flip": False, "shift": 0.0, "zoom": 0.0, "brightness": 0.0, "crop": 0.0, "colour": 0.0}
    assert tables["augment"] == {"views": 4, **off}
    assert not classic.augment.on
    assert tables["phase1"] == {"epochs": 12, "learning_rate": 5e-4}
    assert tables["phase2"] == {"epochs": 10, "learning_rate_ratio": 0.1, "layer_decay": 1.0, "unfreeze": "-3"}
    assert classic.phase1.learning_rate * classic.phase2.learning_rate_ratio == pytest.approx(5e-5)
    batch_norm = {"batch_norm": "training", "batch_norm_momentum": 0.999}
    assert tables["training"] == {**default["training"], "patience": 0, **batch_norm}


def test_digits_needs_no_download_and_no_mirrored_photos():
    digits = resolve_recipe("digits")
    assert (digits.base.weights, digits.base.side_px, digits.base.alpha) == ("formula", 64, 0.35)
    assert digits.photos.test == 0.5
    assert not digits.augment.flip and digits.augment.on


def test_limit_of_digits_is_that_of_the_preset_although_the_base_is_narrow():
    assert resolve_recipe("digits").contract.limit_drop == 0.01


@pytest.mark.parametrize(
    ("base", "side_px"),
    [({}, 224), ({"name": "xception"}, 299), ({"side_px": 96}, 96), ({"name": "mobilenet", "side_px": 320}, 320)],
)
def test_thorough_has_the_side_of_the_weights_unless_another_one_is_set(base, side_px):
    assert resolve_recipe("thorough", {"base": base}).base.side_px == side_px
