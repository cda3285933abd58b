"""Options become an order and its run folder. Whole command lines are in tests/cli."""

import dataclasses
import os
from pathlib import Path

import pytest

from edgetl.core.device import targets
from edgetl.core.errors import ConfigError, DataError
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.pipeline.options import BuildOptions, RecipeOptions, TrainOptions
from edgetl.pipeline.order import save_order
from edgetl.pipeline.orders import (
    check_utf8,
    choose_run_folder,
    continue_order,
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
    with pytest.raises(ConfigError, match="inside the photos"):
        choose_run_folder(order, test / "run")
    with pytest.raises(DataError, match="does not exist"):
        make_order(BuildOptions(photos=photos, test=tmp_path / "missing"))
    with pytest.raises(ConfigError, match="--test needs PHOTOS"):
        make_order(BuildOptions(test=test))


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


# The run folder


def test_run_folder_is_named_after_photos_and_network(plain_order, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    base = plain_order.recipe.base
    folder = choose_run_folder(plain_order, None)
    assert folder.parent.name == "edgetl-runs"
    for part in (plain_order.photos.name, base.name, f"{base.alpha:g}", str(base.side_px)):
        assert part in folder.name
    assert choose_run_folder(dataclasses.replace(plain_order, photos=None), None).name.startswith("digits")


def test_run_folder_of_a_model_made_elsewhere_is_named_after_its_file(plain_order, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    external = plain_order.recipe.external.model_copy(update={"path": "/models/my model.keras"})
    recipe = plain_order.recipe.model_copy(update={"external": external})
    assert choose_run_folder(dataclasses.replace(plain_order, recipe=recipe), None).name == "shapes-my_model"


def test_folders_of_photos_with_the_same_name_do_not_share_a_run_folder(plain_order, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    birds, flowers = (
        dataclasses.replace(plain_order, photos=tmp_path / name / "train") for name in ("birds", "flowers")
    )
    folder = choose_run_folder(birds, None)
    folder.mkdir(parents=True)
    save_order(birds, folder)
    assert choose_run_folder(birds, None) == folder
    with pytest.raises(ConfigError, match=r"the run folder belongs to other photos: .*birds/train") as caught:
        choose_run_folder(flowers, None)
    assert "--out" in caught.value.hint
    # With --out the folder is chosen on purpose.
    assert choose_run_folder(flowers, folder) == folder
    save_order(dataclasses.replace(plain_order, photos=None), folder)
    with pytest.raises(ConfigError, match="other photos: the embedded digits"):
        choose_run_folder(birds, None)


def test_run_folder_inside_the_photos_is_refused(plain_order):
    with pytest.raises(ConfigError, match="would be inside the photos") as caught:
        choose_run_folder(plain_order, plain_order.photos / "circle" / "run")
    assert "--out" in caught.value.hint


def test_training_keeps_what_a_run_was_built_for(plain_order, tmp_path):
    recipe = plain_order.recipe
    contract = recipe.contract.model_copy(update={"limit_drop": 0.001, "strict": True})
    before = dataclasses.replace(
        plain_order,
        targets=(targets.find_target("raspberry-pi-4"),),
        recipe=recipe.model_copy(update={"contract": contract}),
        method="int8",
        all_methods=True,
        prefer="latency",
    )
    save_order(before, tmp_path)
    phase1 = recipe.phase1.model_copy(update={"epochs": 7})
    training = dataclasses.replace(plain_order, recipe=recipe.model_copy(update={"phase1": phase1}))
    order = continue_order(training, tmp_path)
    assert (order.targets[0].id, order.method, order.all_methods) == ("raspberry-pi-4", "int8", True)
    assert order.prefer == "latency"
    assert order.recipe.contract == contract and order.recipe.phase1.epochs == 7
    assert continue_order(training, tmp_path / "new") == training


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


@pytest.mark.parametrize(("option", "hint"), [("model", "a .keras file"), ("labels", "one class name on each line")])
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
