"""Options become an order. Whole command lines are in tests/cli."""

import dataclasses
import os
from pathlib import Path

import pytest

from edgetl.core.errors import ConfigError, DataError
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.pipeline.options import BuildOptions, RecipeOptions, TrainOptions
from edgetl.pipeline.orders import (
    check_utf8,
    list_overridden_limits,
    make_order,
)


def test_default_order_is_the_digits_for_tflite():
    order = make_order(BuildOptions())
    assert order.photos is None and [target.id for target in order.targets] == ["tflite"]
    assert order.recipe == resolve_recipe("digits") and not order.method and not order.all_methods


def test_photos_use_the_default_recipe_and_options_change_it(photos):
    options = BuildOptions(photos=photos, alpha=0.5, target=["tflite", "onnx"], method="int8", all_methods=True)
    order = make_order(options)
    assert order.photos == photos and order.recipe == resolve_recipe("default", {"base": {"alpha": 0.5}})
    assert [target.id for target in order.targets] == ["tflite", "onnx"]
    assert order.method == "int8" and order.all_methods


def test_folder_of_test_photos_is_part_of_the_order(photos, draw_photos, tmp_path):
    test = draw_photos(tmp_path / "test", range(100, 103))
    for options in (BuildOptions(photos=photos, test=test), TrainOptions(photos=photos, test=test)):
        order = make_order(options)
        assert (order.photos, order.test) == (photos, test)
    with pytest.raises(DataError, match="does not exist"):
        make_order(BuildOptions(photos=photos, test=tmp_path / "missing"))
    with pytest.raises(ConfigError, match="--test needs PHOTOS"):
        make_order(BuildOptions(test=test))


def test_list_of_excluded_photos_is_part_of_the_order_and_is_read_first(photos, tmp_path):
    suspects = tmp_path / "suspects.csv"
    with pytest.raises(DataError, match="--exclude: the file cannot be read"):
        make_order(BuildOptions(photos=photos, exclude=suspects))
    suspects.write_text("path\n", encoding="utf-8")
    for options in (BuildOptions(photos=photos, exclude=suspects), TrainOptions(photos=photos, exclude=suspects)):
        assert make_order(options).exclude == suspects
    assert make_order(BuildOptions(photos=photos)).exclude is None


def test_number_of_folds_is_part_of_the_order(photos, tmp_path):
    assert make_order(BuildOptions(photos=photos)).cross_fit == 0
    assert make_order(BuildOptions(photos=photos, cross_fit=5)).cross_fit == 5
    for count in (0, 1, 11):
        with pytest.raises(ConfigError, match=f"--cross-fit is 2 to 10, not {count}"):
            make_order(BuildOptions(photos=photos, cross_fit=count))
    model = tmp_path / "model.keras"
    model.touch()
    with pytest.raises(ConfigError, match="a model made elsewhere is not trained here"):
        make_order(BuildOptions(photos=photos, model=model, cross_fit=5))


def test_training_options_make_an_order_for_the_default_target(photos):
    order = make_order(TrainOptions(photos=photos, epochs=3))
    assert [target.id for target in order.targets] == ["tflite"] and order.method == ""
    assert order.recipe == resolve_recipe("default", {"phase1": {"epochs": 3}})


def test_strictest_limit_of_all_targets_applies_unless_an_option_overrides_it(photos, tmp_path):
    for name, limit in (("even", 0.03), ("strict", 0.005)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "target.toml").write_text(
            f'schema = 1\ntitle = "T"\nsummary = "S"\nextends = "tflite"\n[limits]\naccuracy_drop = {limit}\n',
            encoding="utf-8",
        )
    options = BuildOptions(photos=photos, target=["even", "strict"], target_dir=[tmp_path])
    order = make_order(options)
    assert order.recipe.contract.limit_drop == 0.005 and list_overridden_limits(order) == []
    overridden = make_order(dataclasses.replace(options, limit_drop=0.02))
    assert overridden.recipe.contract.limit_drop == 0.02
    assert list_overridden_limits(overridden) == [
        "target strict allows a drop of 0.5 points, and the recipe, which applies, 2: "
        "use --limit-drop 0.005 for the target's limit"
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "int9"}, "int9"),
        ({"target": ["tflite", "tflite"]}, "given twice"),
        ({"target": ["raspberry-pi-6"]}, "raspberry-pi-6"),
    ],
)
def test_unknown_or_repeated_names_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        make_order(BuildOptions(**options))


def test_photos_that_do_not_exist_are_refused(tmp_path):
    with pytest.raises(DataError):
        make_order(BuildOptions(photos=tmp_path / "nowhere"))


def test_model_made_elsewhere_needs_photos(tmp_path):
    with pytest.raises(ConfigError, match="a model made elsewhere needs photos") as caught:
        make_order(BuildOptions(model=tmp_path / "model.keras"))
    assert "--model FILE PHOTOS" in caught.value.hint


# Names


@pytest.mark.parametrize("option", ["photos", "model", "labels", "weights", "target_dir"])
def test_name_that_is_not_utf8_is_refused_by_its_option(option):
    name = os.fsdecode(b"\xff")
    value = {"weights": name, "target_dir": [Path(name)]}.get(option, Path(name))
    with pytest.raises(
        ConfigError, match=f"{'PHOTOS' if option == 'photos' else '--' + option.replace('_', '-')} is not UTF-8"
    ):
        make_order(BuildOptions(**{option: value}))


def test_names_in_utf8_are_accepted():
    check_utf8(RecipeOptions(weights="größe.h5", base="ätzend"))


@pytest.mark.parametrize("weights", ["imagnet", "absent.h5"])
def test_weights_that_do_not_exist_are_refused_before_photos_are_read(photos, monkeypatch, weights):
    monkeypatch.setattr("edgetl.pipeline.orders.photo_folder.scan_photos", lambda _: pytest.fail("photos were read"))
    with pytest.raises(ConfigError, match="no such weights file"):
        make_order(BuildOptions(photos=photos, weights=weights))


@pytest.mark.parametrize(
    ("option", "hint"), [("model", "it is a .keras, .h5 or .onnx file"), ("labels", "it is a text, JSON or CSV file")]
)
def test_files_of_a_model_made_elsewhere_must_exist(photos, tmp_path, option, hint):
    (tmp_path / "model.keras").touch()
    options = {"model": tmp_path / "model.keras", option: tmp_path / "gone"}
    with pytest.raises(ConfigError, match=f"--{option}: no such file") as error:
        make_order(BuildOptions(photos=photos, **options))
    assert error.value.where == (str(tmp_path / "gone"),) and hint in error.value.hint


def test_misspelt_objective_is_refused(photos):
    assert make_order(BuildOptions(photos=photos, prefer="latency")).prefer == "latency"
    with pytest.raises(ConfigError, match="unknown --prefer 'smallest'"):
        make_order(BuildOptions(photos=photos, prefer="smallest"))


def test_cross_fit_is_refused_for_several_labels(photos):
    with pytest.raises(ConfigError, match="--cross-fit judges one class for each photo"):
        make_order(BuildOptions(photos=photos, multi_label=True, cross_fit=5))
    assert make_order(BuildOptions(photos=photos, multi_label=True)).recipe.head.activation == "sigmoid"


def test_folder_of_other_things_is_part_of_the_order(photos, tmp_path):
    foreign = tmp_path / "other"
    with pytest.raises(DataError, match="the folder of --foreign does not exist"):
        make_order(BuildOptions(photos=photos, foreign=foreign))
    foreign.mkdir()
    assert make_order(BuildOptions(photos=photos, foreign=foreign)).foreign == foreign
    assert make_order(BuildOptions(foreign=foreign)).foreign == foreign
    with pytest.raises(ConfigError, match="--no-features leaves out what rejects them"):
        make_order(BuildOptions(photos=photos, foreign=foreign, no_features=True))


def test_strictest_limit_on_wrong_answers_is_the_default_of_the_threshold(photos, tmp_path):
    for name, limit in (("even", 0.04), ("strict", 0.02)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "target.toml").write_text(
            f'schema = 1\ntitle = "T"\nsummary = "S"\nextends = "tflite"\n[limits]\nerror_accepted = {limit}\n',
            encoding="utf-8",
        )
    options = BuildOptions(photos=photos, target=["even", "strict"], target_dir=[tmp_path])
    assert make_order(options).recipe.answers.error_accepted == 0.02
    assert make_order(dataclasses.replace(options, error_accepted=0.03)).recipe.answers.error_accepted == 0.03
    assert make_order(dataclasses.replace(options, multi_label=True)).recipe.answers.error_accepted == 0
