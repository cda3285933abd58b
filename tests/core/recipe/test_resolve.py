"""recipe.py: every default once, flags over file over preset over the target's limits, and nothing guessed."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from edgetl.core.errors import ConfigError
from edgetl.core.recipe.presets import PRESETS
from edgetl.core.recipe.resolve import format_recipe, parse_recipe, resolve_recipe
from edgetl.core.recipe.resolve import resolve as recipes
from edgetl.core.recipe.tables import Recipe

DEFAULTS = {
    "base": {"name": "mobilenet_v2", "alpha": 1.0, "side_px": 160, "weights": "imagenet", "pooling": "avg"},
    "photos": {"fit": "crop", "validation": 0.15, "test": 0.2},
    "head": {"hidden_units": 0, "dropout": 0.2, "activation": "softmax"},
    "augment": {"views": 4, "flip": True, "shift": 0.08, "zoom": 0.1, "brightness": 0.1},
    "external": {"path": "", "scaling": "", "labels": ""},
    "training": {
        "seed": 1,
        "batch_size": 32,
        "patience": 4,
        "batch_norm": "inference",
        "batch_norm_momentum": 0.9,
        "feature_cache": True,
        "cache_bytes": 0,
        "precision": "float32",
    },
    "phase1": {"epochs": 12, "learning_rate": 1e-3},
    "phase2": {"epochs": 10, "learning_rate_ratio": 0.1, "unfreeze": "0.35"},
    "retrain": {
        "epochs": 4,
        "compress_epochs": 16,
        "learning_rate_ratio": 0.02,
        "compress_learning_rate_ratio": 0.1,
        "sparsity": 0.5,
        "clusters": 32,
    },
    "convert": {"calibration_photos": 500},
    "contract": {"limit_drop": 0.01, "confidence": 0.95, "strict": False},
}
ODD = [
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


def put(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def refused(source: str = "default", flags=None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        resolve_recipe(source, flags)
    return caught.value


def test_every_default():
    assert resolve_recipe().tables() == DEFAULTS


def test_nothing_is_left_open():
    for name in PRESETS:
        assert "None" not in repr(resolve_recipe(name))


def test_nothing_given_is_the_default_preset(tmp_path):
    assert resolve_recipe(put(tmp_path, "")) == resolve_recipe() == resolve_recipe("default", {}, below={})


def test_flag_over_file_over_preset_over_target_over_default(tmp_path):
    def drop(source: str, flags=None, below=None) -> float:
        return resolve_recipe(source, flags, below=below).contract.limit_drop

    below = {"contract": {"limit_drop": 0.03}}
    flags = {"contract": {"limit_drop": 0.05}}
    file = put(tmp_path, 'preset = "digits"\n[contract]\nlimit_drop = 0.04')
    without = tmp_path / "without.toml"
    without.write_text("[contract]\nstrict = true", encoding="utf-8")
    assert drop("default") == 0.01
    assert drop("default", below=below) == drop(str(without), below=below) == 0.03
    assert drop("digits", below=below) == 0.01
    assert drop(file, below=below) == 0.04
    assert drop(file, flags, below) == drop("digits", flags, below) == drop("default", flags, below) == 0.05


def test_the_layers_merge_key_by_key(tmp_path):
    file = put(tmp_path, 'preset = "classic"\n[phase1]\nepochs = 3\n[head]\ndropout = 0.5')
    made = resolve_recipe(file, {"phase1": {"learning_rate": 0.1}}, below={"contract": {"confidence": 0.9}})
    assert (made.phase1.epochs, made.phase1.learning_rate) == (3, 0.1)
    assert (made.head.hidden_units, made.head.dropout) == (512, 0.5)
    assert (made.contract.confidence, made.contract.limit_drop) == (0.9, 0.01)


def test_resolving_changes_no_preset():
    before = {name: resolve_recipe(name) for name in PRESETS}
    resolve_recipe("classic", {"head": {"hidden_units": 7}, "base": {"alpha": 0.5}})
    assert {name: resolve_recipe(name) for name in PRESETS} == before


def test_classic_is_the_textbook_to_the_letter(tmp_path):
    classic = resolve_recipe("classic")
    tables = classic.tables()
    assert tables["base"] == DEFAULTS["base"] and tables["photos"] == {**DEFAULTS["photos"], "fit": "stretch"}
    assert tables["head"] == {"hidden_units": 512, "dropout": 0.0, "activation": "softmax"}
    assert tables["augment"] == {"views": 4, "flip": False, "shift": 0.0, "zoom": 0.0, "brightness": 0.0}
    assert not classic.augment.on
    assert tables["phase1"] == {"epochs": 12, "learning_rate": 5e-4}
    assert tables["phase2"] == {"epochs": 10, "learning_rate_ratio": 0.1, "unfreeze": "-3"}
    assert classic.phase1.learning_rate * classic.phase2.learning_rate_ratio == pytest.approx(5e-5)
    batch_norm = {"batch_norm": "training", "batch_norm_momentum": 0.999}
    assert tables["training"] == {**DEFAULTS["training"], "patience": 0, **batch_norm}
    assert resolve_recipe(put(tmp_path, 'preset = "classic"')) == classic


def test_digits_needs_no_download():
    digits = resolve_recipe("digits")
    assert (digits.base.weights, digits.base.side_px, digits.base.alpha) == ("formula", 64, 0.35)
    assert digits.photos.test == 0.5
    # A mirrored digit is another sign; and the preset's limit stands although the network is narrow.
    assert not digits.augment.flip and digits.augment.on
    assert digits.contract.limit_drop == 0.01


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_say_what_they_are(preset):
    summary, tables = PRESETS[preset]
    assert summary and "\n" not in summary
    assert set(tables) <= set(Recipe.model_fields)


@pytest.mark.parametrize(("alpha", "limit"), [(0.35, 0.02), (0.5, 0.02), (0.51, 0.01), (1.0, 0.01), (1.4, 0.01)])
def test_narrow_networks_may_lose_more(alpha, limit):
    assert resolve_recipe(flags={"base": {"alpha": alpha}}).contract.limit_drop == limit


@pytest.mark.parametrize(
    ("weights", "batch_norm", "unfreeze"),
    [("none", "training", "all"), ("imagenet", "inference", "0.35"), ("mine.h5", "inference", "0.35")],
)
def test_what_depends_on_the_weights(weights, batch_norm, unfreeze):
    made = resolve_recipe(flags={"base": {"weights": weights}})
    assert (made.training.batch_norm, made.phase2.unfreeze) == (batch_norm, unfreeze)


def test_what_is_given_wins_over_what_depends():
    given = {
        "base": {"weights": "none", "alpha": 0.35, "side_px": 96},
        "training": {"batch_norm": "inference"},
        "phase2": {"unfreeze": "-1"},
        "contract": {"limit_drop": 0.3},
    }
    tables = resolve_recipe(flags=given).tables()
    for table, values in given.items():
        assert tables[table].items() >= values.items()


def test_augment_is_on_where_anything_is():
    assert resolve_recipe().augment.on
    off = {"flip": False, "shift": 0, "zoom": 0, "brightness": 0}
    assert not resolve_recipe(flags={"augment": off}).augment.on
    for key in ("shift", "zoom", "brightness"):
        assert resolve_recipe(flags={"augment": {**off, key: 0.1}}).augment.on
    assert resolve_recipe(flags={"augment": {**off, "flip": True}}).augment.on


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[haed]\ndropout = 0.1", "unknown recipe table 'haed'", "did you mean head"),
        ("[head]\ndropuot = 0.1", "unknown key in [head] 'dropuot'", "did you mean dropout?"),
        ("[zzzz]\n", "unknown recipe table 'zzzz'", "known: augment, base"),
        ('preset = "clasic"', "unknown preset 'clasic'", "did you mean classic?"),
        ("preset = 3", "unknown preset '3'", "known: classic"),
        ("preset = []", "unknown preset '[]'", "known: classic"),
        ("[preset]", "unknown preset '{}'", "known: classic"),
        ("epochs = 3", "'epochs' stands outside any table", "write [table]"),
        ('[base]\nname = "mobilenet_v22"', "unknown base 'mobilenet_v22'", "did you mean mobilenet_v2"),
        ("[base]\nname = 5", "unknown base '5'", ""),
        ("[[head]]\ndropout = 0.1", "'head' stands outside any table", ""),
    ],
)
def test_misspelt(tmp_path, text, message, hint):
    error = refused(put(tmp_path, text))
    assert error.message == message
    assert error.hint.startswith(hint)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[base]\nalpha = 0", "base.alpha"),
        ("[base]\nalpha = nan", "base.alpha"),
        ('[base]\nalpha = "0.5"', "base.alpha"),
        ("[base]\nweights = 1", "base.weights"),
        ("[base]\nside_px = 31", ""),
        ("[base]\nside_px = 2000", "base.side_px"),
        ("[base]\nside_px = 96.5", "base.side_px"),
        ('[base]\npooling = "mean"', "base.pooling"),
        ('[photos]\nfit = "squash"', "photos.fit"),
        ("[photos]\ntest = 0", "photos.test"),
        ("[photos]\ntest = 1.0", "photos.test"),
        ("[photos]\ntest = 0.5\nvalidation = 0.45", ""),
        ("[head]\nhidden_units = -1", "head.hidden_units"),
        ("[head]\ndropout = 1.0", "head.dropout"),
        ('[augment]\nflip = "yes"', "augment.flip"),
        ("[augment]\nflip = 1", "augment.flip"),
        ("[augment]\nshift = 0.6", "augment.shift"),
        ("[training]\nseed = -1", "training.seed"),
        ("[augment]\nviews = 0", "augment.views"),
        ("[training]\ncache_bytes = -1", "training.cache_bytes"),
        ("[training]\nbatch_size = 0", "training.batch_size"),
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
def test_bad_values(tmp_path, text, key):
    path = put(tmp_path, text)
    error = refused(path)
    assert error.message.startswith(f"{key}: " if key else "")
    assert not key or ("got" in error.message and error.where == (path,))


def test_whole_numbers_serve_as_fractions(tmp_path):
    assert resolve_recipe(put(tmp_path, "[base]\nalpha = 1\n[augment]\nzoom = 0")).tables()["base"]["alpha"] == 1.0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clasic", "unknown recipe 'clasic'"),
        ("absent.toml", "no such recipe file"),
        ("some/where", "no such recipe file"),
    ],
)
def test_no_such_recipe(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    assert refused(name).message == message


def test_what_is_not_toml(tmp_path):
    assert refused(put(tmp_path, "[base\n")).message.startswith("the recipe cannot be read")
    path = tmp_path / "latin.toml"
    path.write_bytes('[base]\nweights = "gr\xfcn"'.encode("latin-1"))
    assert refused(str(path)).message.startswith("the recipe cannot be read")


@pytest.mark.parametrize("preset", PRESETS)
def test_toml_round_trip(tmp_path, preset):
    made = resolve_recipe(preset)
    text = format_recipe(made)
    assert tomllib.loads(text) == made.tables()
    assert resolve_recipe(put(tmp_path, text)) == made


@pytest.mark.parametrize("text", ODD)
def test_toml_round_trip_of_odd_strings(tmp_path, text):
    made = resolve_recipe(flags={"base": {"weights": text}, "phase2": {"unfreeze": text}})
    assert tomllib.loads(format_recipe(made)) == made.tables()
    path = tmp_path / "odd.toml"
    path.write_bytes(format_recipe(made).encode())
    assert resolve_recipe(str(path)) == made


def test_toml_round_trip_of_odd_numbers(tmp_path):
    made = resolve_recipe(flags={"phase1": {"learning_rate": 1e-30}, "base": {"alpha": 1 / 3}, "training": {"seed": 0}})
    assert resolve_recipe(put(tmp_path, format_recipe(made))) == made


def test_tables_round_trip():
    made = resolve_recipe("classic")
    assert parse_recipe(made.tables(), "order.json") == made
    broken = made.tables()
    del broken["head"]["dropout"]
    assert parse_recipe(broken, "order.json") == resolve_recipe("classic", {"head": {"dropout": 0.2}})
    del broken["training"]["batch_norm"]
    with pytest.raises(ConfigError, match=r"training\.batch_norm: field required") as caught:
        parse_recipe(broken, "order.json")
    assert caught.value.where == ("order.json",)


@pytest.mark.parametrize("value", [None, [], "text", {"base": 3}])
def test_what_is_no_table_at_all(value):
    with pytest.raises(ConfigError):
        parse_recipe(value, "order.json")


def test_a_recipe_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        resolve_recipe().phase1.epochs = 3


def test_every_key_is_in_a_docstring_or_speaks_for_itself():
    for name, field in Recipe.model_fields.items():
        assert field.annotation is not None and field.annotation.__doc__, name
    assert recipes.Recipe.__doc__


def test_import_is_light():
    heavy = ("tensorflow", "keras", "numpy", "PIL", "rich")
    code = f"import sys, edgetl.core.recipe\nprint([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(("batch_size", "rate"), [(32, 1e-3), (128, 2e-3), (8, 5e-4), (512, 4e-3), (48, 0.001225)])
def test_the_default_rate_goes_with_the_square_root_of_the_batch(batch_size, rate):
    assert resolve_recipe(flags={"training": {"batch_size": batch_size}}).phase1.learning_rate == rate


def test_a_rate_that_is_given_is_taken_whatever_the_batch(tmp_path):
    flags = {"training": {"batch_size": 128}}
    assert resolve_recipe(flags=flags | {"phase1": {"learning_rate": 1e-3}}).phase1.learning_rate == 1e-3
    assert resolve_recipe("classic", flags).phase1.learning_rate == 5e-4


@pytest.mark.parametrize("batch_size", [0, -4, "many", True, 1.5])
def test_a_batch_that_is_none_is_refused_by_its_own_name(batch_size):
    with pytest.raises(ConfigError, match=r"training\.batch_size"):
        resolve_recipe(flags={"training": {"batch_size": batch_size}})


def test_files_lie_where_they_were_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = resolve_recipe("default", {"external": {"path": "m.keras", "labels": "../labels.txt"}}).external
    assert (own.path, own.labels) == (str(tmp_path / "m.keras"), str(tmp_path / "../labels.txt"))
    assert resolve_recipe("default", {"base": {"weights": "mine.h5"}}).base.weights == str(tmp_path / "mine.h5")
    # A recipe's own files lie beside it, wherever it is read.
    folder = tmp_path / "recipes"
    folder.mkdir()
    put(folder, '[base]\nweights = "mine.h5"\n')
    assert resolve_recipe("recipes/mine.toml").base.weights == str(folder / "mine.h5")
    for weights in ("imagenet", "formula", "none", "/mine.h5"):
        assert resolve_recipe("default", {"base": {"weights": weights, "alpha": 0.35}}).base.weights == weights


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[base]\nweights = ["x"]', "base.weights"),
        (f"[training]\nbatch_size = 1{'0' * 400}", "training.batch_size"),
        (f"a = {'[' * 100_000}", "the recipe cannot be read"),
    ],
)
def test_what_no_recipe_would_say(tmp_path, text, says):
    with pytest.raises(ConfigError, match=says):
        resolve_recipe(put(tmp_path, text))
