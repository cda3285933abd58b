"""resolve.py: options over file over preset over the target's limits over the defaults; nothing is guessed."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.network.base_table import BASES
from edgetl.core.recipe.presets import PRESETS
from edgetl.core.recipe.resolve import format_recipe, parse_recipe, resolve_recipe, strip_folders
from tests.fixtures.special_files import SPECIAL_FILES, make_special

DEFAULTS = {
    "base": {"name": "mobilenet_v2", "alpha": 1.0, "side_px": 160, "weights": "imagenet", "pooling": "avg"},
    "photos": {
        "layout": "auto",
        "label_from": "folder",
        "multi_label": False,
        "label_separator": "auto",
        "group_by": "",
        "near_duplicates": "group",
        "fit": "crop",
        "validation": 0.15,
        "test": 0.2,
    },
    "head": {"hidden_units": 0, "dropout": 0.2, "activation": "softmax"},
    "augment": {"views": 4, "flip": True, "shift": 0.08, "zoom": 0.1, "brightness": 0.1, "crop": 0.0, "colour": 0.0},
    "external": {"path": "", "scaling": "", "labels": ""},
    "training": {
        "seed": 1,
        "batch_size": 32,
        "patience": 4,
        "temperature": True,
        "batch_norm": "inference",
        "batch_norm_momentum": 0.9,
        "feature_cache": True,
        "cache_bytes": 0,
        "class_weight": "auto",
        "precision": "float32",
        "schedule": "constant",
        "warmup": 0.0,
        "weight_decay": 0.0,
        "average_epochs": 0.0,
        "label_smoothing": 0.0,
        "mixup": 0.0,
        "epoch_choice": "best",
        "time_budget": "",
    },
    "teacher": {"source": "", "alpha": 1.0, "side_px": 0, "temperature": 2.0, "weight": 0.7},
    "phase1": {"epochs": 12, "learning_rate": 1e-3},
    "phase2": {"epochs": 10, "learning_rate_ratio": 0.1, "layer_decay": 1.0, "unfreeze": "0.35"},
    "retrain": {
        "epochs": 4,
        "compress_epochs": 16,
        "learning_rate_ratio": 0.02,
        "trained_layers": 0.5,
        "compress_learning_rate_ratio": 0.1,
        "sparsity": 0.5,
        "clusters": 32,
    },
    "convert": {"calibration_photos": 500},
    "contract": {
        "measure": "accuracy",
        "limit_drop": 0.01,
        "confidence": 0.95,
        "min_accuracy": 0.0,
        "strict": False,
        "full_ledger": False,
    },
    "answers": {"features": True, "reject_own": 0.05, "by_class": False, "error_accepted": 0.0},
}
# Strings that are hard to write in TOML.
HARD_STRINGS = [
    'say "hello"',
    "two\nlines\r\nand\ttabs",
    "back\\slash\\",
    "\x00\x01\x07\x08\x0c\x1b\x1f\x7f",
    "\x80\x85\x9f\u2028\u2029\ufeff\ufffe",
    "ünï 日本 🌼",
    "'''",
    '"""',
    "# no comment",
    "",
    " spaces ",
]


def write_recipe(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def catch_error(source: str = "default", flags=None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        resolve_recipe(source, flags)
    return caught.value


# Precedence


def test_defaults():
    assert resolve_recipe().tables() == DEFAULTS


def test_empty_file_is_the_default_preset(tmp_path):
    assert resolve_recipe(write_recipe(tmp_path, "")) == resolve_recipe() == resolve_recipe("default", {}, below={})


def test_file_can_be_based_on_a_preset(tmp_path):
    assert resolve_recipe(write_recipe(tmp_path, 'preset = "classic"')) == resolve_recipe("classic")


def test_option_over_file_over_preset_over_target_over_default(tmp_path):
    def resolve_drop(source: str, flags=None, below=None) -> float:
        return resolve_recipe(source, flags, below=below).contract.limit_drop

    below = {"contract": {"limit_drop": 0.03}}
    flags = {"contract": {"limit_drop": 0.05}}
    file = write_recipe(tmp_path, 'preset = "digits"\n[contract]\nlimit_drop = 0.04')
    file_without_limit = tmp_path / "without.toml"
    file_without_limit.write_text("[contract]\nstrict = true", encoding="utf-8")
    assert resolve_drop("default") == 0.01
    assert resolve_drop("default", below=below) == resolve_drop(str(file_without_limit), below=below) == 0.03
    assert resolve_drop("digits", below=below) == 0.01
    assert resolve_drop(file, below=below) == 0.04
    for source in (file, "digits", "default"):
        assert resolve_drop(source, flags, below) == 0.05


def test_tables_are_merged_key_by_key(tmp_path):
    file = write_recipe(tmp_path, 'preset = "classic"\n[phase1]\nepochs = 3\n[head]\ndropout = 0.5')
    recipe = resolve_recipe(file, {"phase1": {"learning_rate": 0.1}}, below={"contract": {"confidence": 0.9}})
    assert (recipe.phase1.epochs, recipe.phase1.learning_rate) == (3, 0.1)
    assert (recipe.head.hidden_units, recipe.head.dropout) == (512, 0.5)
    assert (recipe.contract.confidence, recipe.contract.limit_drop) == (0.9, 0.01)


def test_resolving_changes_no_preset():
    before = {name: resolve_recipe(name) for name in PRESETS}
    resolve_recipe("classic", {"head": {"hidden_units": 7}, "base": {"alpha": 0.5}})
    assert {name: resolve_recipe(name) for name in PRESETS} == before


# Defaults that depend on other values


@pytest.mark.parametrize(("alpha", "limit"), [(0.35, 0.02), (0.5, 0.02), (0.51, 0.01), (1.0, 0.01), (1.4, 0.01)])
def test_narrow_networks_have_a_larger_default_limit(alpha, limit):
    assert resolve_recipe(flags={"base": {"alpha": alpha}}).contract.limit_drop == limit


@pytest.mark.parametrize(
    ("base", "batch_norm", "unfreeze"),
    [
        ({"weights": "none"}, "training", "all"),
        ({"weights": "formula", "alpha": 0.35}, "training", "all"),
        ({"weights": "imagenet"}, "inference", "0.35"),
        ({"weights": "mine.h5"}, "inference", "0.35"),
    ],
)
def test_whole_network_is_trained_without_weights_from_photos(base, batch_norm, unfreeze):
    recipe = resolve_recipe(flags={"base": base})
    assert (recipe.training.batch_norm, recipe.phase2.unfreeze) == (batch_norm, unfreeze)


@pytest.mark.parametrize(("batch_size", "rate"), [(32, 1e-3), (128, 2e-3), (8, 5e-4), (512, 4e-3), (48, 0.001225)])
def test_default_learning_rate_scales_with_the_square_root_of_the_batch_size(batch_size, rate):
    assert resolve_recipe(flags={"training": {"batch_size": batch_size}}).phase1.learning_rate == rate


def test_explicit_learning_rate_does_not_depend_on_the_batch_size():
    flags = {"training": {"batch_size": 128}}
    assert resolve_recipe(flags=flags | {"phase1": {"learning_rate": 1e-3}}).phase1.learning_rate == 1e-3
    assert resolve_recipe("classic", flags).phase1.learning_rate == 5e-4


@pytest.mark.parametrize("batch_size", [0, -4, "many", True, 1.5])
def test_invalid_batch_size_is_reported_and_not_the_learning_rate(batch_size):
    assert catch_error(flags={"training": {"batch_size": batch_size}}).message.startswith(
        "training.batch_size must be "
    )


def test_explicit_values_replace_dependent_defaults():
    values = {
        "base": {"weights": "none", "alpha": 0.35, "side_px": 96},
        "training": {"batch_norm": "inference"},
        "phase2": {"unfreeze": "-1"},
        "contract": {"limit_drop": 0.3},
    }
    tables = resolve_recipe(flags=values).tables()
    for table, expected in values.items():
        assert tables[table].items() >= expected.items()


# Errors


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[haed]\ndropout = 0.1", "unknown recipe table 'haed'", "did you mean head"),
        ("[head]\ndropuot = 0.1", "unknown key in [head] 'dropuot'", "did you mean dropout?"),
        ("[zzzz]\n", "unknown recipe table 'zzzz'", "known: answers, augment, base"),
        ('preset = "clasic"', "unknown preset 'clasic'", "did you mean classic?"),
        ("preset = 3", "unknown preset '3'", "known: classic"),
        ("preset = []", "unknown preset '[]'", "known: classic"),
        ("[preset]", "unknown preset '{}'", "known: classic"),
        ("epochs = 3", "'epochs' is not in a table", "write [table]"),
        ('[base]\nname = "mobilenet_v22"', "unknown base 'mobilenet_v22'", "did you mean mobilenet_v2"),
        ("[base]\nname = 5", "unknown base '5'", ""),
        ("[[head]]\ndropout = 0.1", "'head' is not in a table", ""),
    ],
)
def test_misspelled_name_is_an_error(tmp_path, text, message, hint):
    error = catch_error(write_recipe(tmp_path, text))
    assert error.message == message
    assert error.hint.startswith(hint)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[base]\nalpha = 0", "base.alpha"),
        ("[base]\nalpha = nan", "base.alpha"),
        ('[base]\nalpha = "0.5"', "base.alpha"),
        ("[base]\nweights = 1", "base.weights"),
        ('[base]\nweights = ["x"]', "base.weights"),
        ("[base]\nside_px = 2000", "base.side_px"),
        ("[base]\nside_px = 96.5", "base.side_px"),
        ('[base]\npooling = "mean"', "base.pooling"),
        ('[photos]\nfit = "squash"', "photos.fit"),
        ("[photos]\ntest = 0", "photos.test"),
        ("[photos]\ntest = 1.0", "photos.test"),
        ("[head]\nhidden_units = -1", "head.hidden_units"),
        ("[head]\ndropout = 1.0", "head.dropout"),
        ('[augment]\nflip = "yes"', "augment.flip"),
        ("[augment]\nflip = 1", "augment.flip"),
        ("[augment]\nshift = 0.6", "augment.shift"),
        ("[augment]\nviews = 0", "augment.views"),
        ("[training]\nseed = -1", "training.seed"),
        ("[training]\ncache_bytes = -1", "training.cache_bytes"),
        ("[training]\nbatch_size = 0", "training.batch_size"),
        (f"[training]\nbatch_size = 1{'0' * 400}", "training.batch_size"),
        ("[phase1]\nepochs = 0", "phase1.epochs"),
        ("[phase1]\nepochs = true", "phase1.epochs"),
        ('[phase1]\nepochs = "12"', "phase1.epochs"),
        ("[phase1]\nlearning_rate = inf", "phase1.learning_rate"),
        ("[phase2]\nunfreeze = -3", "phase2.unfreeze"),
        ("[convert]\ncalibration_photos = 0", "convert.calibration_photos"),
        ("[contract]\nlimit_drop = 0", "contract.limit_drop"),
        ("[contract]\nconfidence = 0.5", "contract.confidence"),
    ],
)
def test_invalid_value_is_an_error_with_its_key(tmp_path, text, key):
    path = write_recipe(tmp_path, text)
    error = catch_error(path)
    assert error.message.startswith(f"{key} must be ") and ", not " in error.message
    assert error.where == (path,)


def test_side_below_the_smallest_of_the_base_is_an_error(tmp_path):
    # The table allows 32 px for every base, and this base needs more.
    error = catch_error(write_recipe(tmp_path, "[base]\nside_px = 31"))
    assert "31" in error.message


@pytest.mark.parametrize(("name", "smallest"), [("xception", 71), ("inception_v3", 75), ("inception_resnet_v2", 75)])
def test_smallest_side_of_a_base_is_named(name, smallest):
    error = catch_error(flags={"base": {"name": name, "side_px": smallest - 1}})
    assert error.message == f"base.side_px must be at least {smallest} for {name}, not {smallest - 1}"


@pytest.mark.parametrize("name", BASES)
def test_smallest_side_of_every_base_is_accepted(name):
    smallest = BASES[name].smallest_side_px
    assert resolve_recipe(flags={"base": {"name": name, "side_px": smallest}}).base.side_px == smallest


def test_width_of_a_base_without_width_multiplier_is_an_error():
    assert resolve_recipe(flags={"base": {"name": "mobilenet_v2", "alpha": 0.6}}).base.alpha == 0.6
    error = catch_error(flags={"base": {"name": "resnet50", "alpha": 0.5}})
    assert error.message == "resnet50 has no width multiplier: base.alpha must be 1, not 0.5"
    assert "mobilenet_v3_large" in error.hint and "resnet" not in error.hint


def test_error_names_the_option_that_set_the_value_and_the_key_of_a_file(tmp_path):
    names = {("base", "side_px"): "--side", ("head", "dropout"): "--dropout"}
    file = write_recipe(tmp_path, "[head]\ndropout = 7")
    with pytest.raises(ConfigError) as caught:
        resolve_recipe(file, {"base": {"side_px": 96}}, names=names)
    assert (caught.value.message, caught.value.where) == ("head.dropout must be less than 1, not 7", (file,))
    with pytest.raises(ConfigError) as caught:
        resolve_recipe(file, {"head": {"dropout": 8}}, names=names)
    assert (caught.value.message, caught.value.where) == ("--dropout must be less than 1, not 8", ())


def test_too_few_photos_for_training_are_an_error(tmp_path):
    path = write_recipe(tmp_path, "[photos]\ntest = 0.5\nvalidation = 0.45")
    error = catch_error(path)
    assert error.message == "validation and test leave less than 10 % of the photos for training"
    assert error.where == (path,)


def test_whole_numbers_are_fractions_too(tmp_path):
    recipe = resolve_recipe(write_recipe(tmp_path, "[base]\nalpha = 1\n[augment]\nzoom = 0"))
    assert (recipe.base.alpha, recipe.augment.zoom) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clasic", "unknown recipe 'clasic'"),
        ("absent.toml", "no such recipe file"),
        ("some/where", "no such recipe file"),
    ],
)
def test_missing_recipe_is_an_error(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    assert catch_error(name).message == message


@pytest.mark.parametrize(
    "content", [b"[base\n", '[base]\nweights = "gr\xfcn"'.encode("latin-1"), b"a = " + b"[" * 10**5]
)
def test_file_that_is_not_toml_is_an_error(tmp_path, content):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    error = catch_error(str(path))
    assert error.message.startswith("the recipe cannot be read") and error.where == (str(path),)


@pytest.mark.parametrize("kind", SPECIAL_FILES)
def test_special_file_as_recipe_is_refused_at_once(tmp_path, kind):
    path = make_special(kind, tmp_path)
    error = catch_error(str(path))
    assert error.message.startswith(f"the recipe cannot be read: it is {SPECIAL_FILES[kind]}")
    assert error.where == (str(path),)


# External models


@pytest.mark.parametrize("values", [{"scaling": "tf"}, {"labels": "labels.txt"}])
def test_scaling_or_labels_without_an_external_model_are_an_error(values):
    error = catch_error(flags={"external": values})
    (key,) = values
    assert error.message == f"external.{key} describes a model made elsewhere, and there is none"
    assert "--model" in error.hint


def test_training_of_an_external_model_is_an_error():
    error = catch_error("classic", {"external": {"path": "m.keras"}})
    assert error.message == "external.path is not trained, so head.hidden_units has no effect"


def test_external_model_needs_no_training_tables():
    recipe = resolve_recipe(flags={"external": {"path": "/m.keras", "scaling": "tf"}, "photos": {"fit": "pad"}})
    assert (recipe.external.path, recipe.external.scaling, recipe.photos.fit) == ("/m.keras", "tf", "pad")


def test_unknown_scaling_of_an_external_model_is_an_error():
    assert "tff" in catch_error(flags={"external": {"path": "/m.keras", "scaling": "tff"}}).message


# Paths


def test_paths_of_options_are_relative_to_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    external = resolve_recipe("default", {"external": {"path": "m.keras", "labels": "../labels.txt"}}).external
    assert (external.path, external.labels) == (str(tmp_path / "m.keras"), str(tmp_path / "../labels.txt"))
    assert resolve_recipe("default", {"base": {"weights": "mine.h5"}}).base.weights == str(tmp_path / "mine.h5")


def test_paths_of_a_file_are_relative_to_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "recipes"
    folder.mkdir()
    write_recipe(folder, '[base]\nweights = "mine.h5"\n')
    assert resolve_recipe("recipes/mine.toml").base.weights == str(folder / "mine.h5")


@pytest.mark.parametrize("weights", ["imagenet", "formula", "none", "/mine.h5"])
def test_names_of_weights_and_absolute_paths_are_not_changed(weights):
    assert resolve_recipe("default", {"base": {"weights": weights, "alpha": 0.35}}).base.weights == weights


def test_published_tables_contain_file_names_without_folders():
    recipe = resolve_recipe("default", {"external": {"path": "/home/me/m.keras", "labels": "/home/me/labels.txt"}})
    tables = recipe.tables()
    stripped = strip_folders(tables)
    assert (stripped["external"]["path"], stripped["external"]["labels"]) == ("m.keras", "labels.txt")
    assert stripped["base"]["weights"] == "imagenet"
    assert tables["external"]["path"] == "/home/me/m.keras", "the original is not changed"


# Writing and reading


@pytest.mark.parametrize("preset", PRESETS)
def test_recipe_is_the_same_after_writing_and_reading_toml(tmp_path, preset):
    recipe = resolve_recipe(preset)
    text = format_recipe(recipe)
    assert tomllib.loads(text) == recipe.tables()
    assert resolve_recipe(write_recipe(tmp_path, text)) == recipe


@pytest.mark.parametrize("text", HARD_STRINGS)
def test_any_string_is_the_same_after_writing_and_reading_toml(tmp_path, text):
    recipe = resolve_recipe(flags={"base": {"weights": text}, "phase2": {"unfreeze": text}})
    assert tomllib.loads(format_recipe(recipe)) == recipe.tables()
    path = tmp_path / "mine.toml"
    path.write_bytes(format_recipe(recipe).encode())
    assert resolve_recipe(str(path)) == recipe


def test_any_number_is_the_same_after_writing_and_reading_toml(tmp_path):
    values = {"phase1": {"learning_rate": 1e-30}, "base": {"alpha": 1 / 3}, "training": {"seed": 0}}
    recipe = resolve_recipe(flags=values)
    assert resolve_recipe(write_recipe(tmp_path, format_recipe(recipe))) == recipe


def test_tables_are_parsed_back_to_the_recipe():
    recipe = resolve_recipe("classic")
    assert parse_recipe(recipe.tables(), "order.json") == recipe


def test_parsed_tables_may_lack_only_keys_with_a_constant_default():
    tables = resolve_recipe("classic").tables()
    del tables["head"]["dropout"]
    assert parse_recipe(tables, "order.json") == resolve_recipe("classic", {"head": {"dropout": 0.2}})
    del tables["training"]["batch_norm"]
    with pytest.raises(ConfigError, match=r"training\.batch_norm is missing") as caught:
        parse_recipe(tables, "order.json")
    assert caught.value.where == ("order.json",)


@pytest.mark.parametrize("value", [None, [], "text", {"base": 3}])
def test_parsed_value_without_tables_is_an_error(value):
    with pytest.raises(ConfigError):
        parse_recipe(value, "order.json")


def test_resolving_a_recipe_loads_no_heavy_library():
    heavy = ("tensorflow", "keras", "numpy", "PIL", "rich")
    code = f"import sys, edgetl.core.recipe.resolve\nprint([name for name in {heavy} if name in sys.modules])"
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert completed.stdout == "[]\n"


def test_several_labels_have_a_sigmoid_each():
    recipe = resolve_recipe(flags={"photos": {"multi_label": True}})
    assert recipe.head.activation == "sigmoid" and resolve_recipe("default").head.activation == "softmax"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"photos": {"multi_label": True}, "head": {"activation": "softmax"}}, "head.activation does not go with"),
        ({"photos": {"multi_label": True, "label_from": "name"}}, "photos.label_from does not go with --multi-label"),
        (
            {"photos": {"multi_label": True}, "answers": {"error_accepted": 0.1}},
            "answers.error_accepted does not go with --multi-label",
        ),
        (
            {"photos": {"multi_label": True}, "answers": {"by_class": True}},
            "answers.by_class does not go with --multi-label",
        ),
        ({"photos": {"multi_label": True}, "contract": {"measure": "balanced"}}, "contract.measure does not go with"),
        ({"photos": {"label_separator": "space"}}, "photos.label_separator does not go without --multi-label"),
    ],
)
def test_options_that_exclude_several_labels(flags, message):
    with pytest.raises(ConfigError, match=message):
        resolve_recipe(flags=flags)


@pytest.mark.parametrize(
    ("values", "message", "hint"),
    [
        ({"reject_own": 5}, "answers.reject_own must be less than 1, not 5", "5 % is answers.reject_own = 0.05"),
        ({"reject_own": 0}, "answers.reject_own must be greater than 0, not 0", "it is a fraction of 1"),
        ({"error_accepted": -0.1}, "answers.error_accepted must be at least 0, not -0.1", "it is a fraction of 1"),
        ({"features": 1}, "answers.features must be true or false, not 1", ""),
        ({"reject": 0.1}, r"unknown key in \[answers\] 'reject'", "reject_own"),
    ],
)
def test_bounds_of_answers(values, message, hint):
    with pytest.raises(ConfigError, match=message) as caught:
        resolve_recipe(flags={"answers": values})
    assert hint in caught.value.hint
