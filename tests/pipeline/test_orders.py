"""asked.py: flags → an order and its run folder; what they do together is in test_cli.py."""

import dataclasses
import os
from pathlib import Path

import pytest

from edgetl.cli import orders
from edgetl.core.device import targets
from edgetl.core.errors import ConfigError, DataError


def given(**flags):
    return {"photos": None, "recipe": None, **flags}


def test_without_flags_the_digits_for_any_board():
    order = orders.order(given())
    assert order.photos is None and [target.id for target in order.targets] == ["tflite"]
    assert order.recipe == orders.recipe.resolve("digits") and not order.method and not order.all_methods


def test_photos_take_the_default_recipe_and_flags_change_it(photos):
    order = orders.order(given(photos=photos, alpha=0.5, target=["tflite", "onnx"], method="int8", all_methods=True))
    assert order.photos == photos and order.recipe == orders.recipe.resolve("default", {"base": {"alpha": 0.5}})
    assert [target.id for target in order.targets] == ["tflite", "onnx"]
    assert order.method == "int8" and order.all_methods


def test_the_strictest_limit_of_all_targets_holds_unless_a_flag_says_another(photos, tmp_path):
    for name, limit in (("even", 0.03), ("strict", 0.005)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "target.toml").write_text(
            f'schema = 1\ntitle = "T"\nsummary = "S"\nextends = "tflite"\n[limits]\naccuracy_drop = {limit}\n',
            encoding="utf-8",
        )
    both = {"photos": photos, "target": ["even", "strict"], "target_dir": [tmp_path]}
    assert orders.order(given(**both)).recipe.contract.limit_drop == 0.005
    assert orders.laxer(orders.order(given(**both))) == []
    flagged = orders.order(given(**both, limit_drop=0.02))
    assert flagged.recipe.contract.limit_drop == 0.02
    assert orders.laxer(flagged) == [
        "target strict allows a drop of 0.5 points, and the recipe, which holds, 2: "
        "--limit-drop 0.005 keeps to the target"
    ]


@pytest.mark.parametrize(
    ("flags", "error", "says"),
    [
        ({"method": "int9"}, ConfigError, "int9"),
        ({"target": ["tflite", "tflite"]}, ConfigError, "given twice"),
        ({"target": ["raspberry-pi-6"]}, ConfigError, "raspberry-pi-6"),
    ],
)
def test_what_nothing_can_be_made_of(flags, error, says):
    with pytest.raises(error, match=says):
        orders.order(given(**flags))


def test_photos_that_are_not_there(tmp_path):
    with pytest.raises(DataError):
        orders.order(given(photos=tmp_path / "nowhere"))


def test_a_model_of_ones_own_needs_photos(built):
    with pytest.raises(ConfigError, match="needs photos of your own"):
        orders.order(given(model=built.trained.path))


def test_the_run_folder_is_named_after_photos_and_network(order, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    base = order.recipe.base
    named = orders.run_folder(order, None)
    assert named.parent.name == "edgetl-runs"
    for part in (order.photos.name, base.name, f"{base.alpha:g}", str(base.side_px)):
        assert part in named.name
    assert orders.run_folder(dataclasses.replace(order, photos=None), None).name.startswith("digits")


def test_photos_of_the_same_name_do_not_share_a_run(order, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one, other = (dataclasses.replace(order, photos=tmp_path / name / "train") for name in ("birds", "flowers"))
    folder = orders.run_folder(one, None)
    folder.mkdir(parents=True)
    one.save(folder)
    assert orders.run_folder(one, None) == folder
    with pytest.raises(ConfigError, match=r"the run folder is that of other photos: .*birds/train") as caught:
        orders.run_folder(other, None)
    assert "--out" in caught.value.hint
    assert orders.run_folder(other, folder) == folder, "who names a folder means it"
    dataclasses.replace(order, photos=None).save(folder)
    with pytest.raises(ConfigError, match="other photos: the embedded digits"):
        orders.run_folder(one, None)


@pytest.mark.parametrize("flag", ["photos", "model", "labels", "weights", "out", "target_dir"])
def test_names_that_are_not_utf8(flag):
    name = os.fsdecode(b"\xff")
    value = {"weights": name, "target_dir": [Path(name)]}.get(flag, Path(name))
    with pytest.raises(ConfigError, match=f"--{flag.replace('_', '-')} is not UTF-8"):
        orders.order(given(**{flag: value}))


def test_a_training_leaves_what_a_run_was_built_for(order, tmp_path):
    contract = order.recipe.contract.model_copy(update={"limit_drop": 0.001, "strict": True})
    built = dataclasses.replace(
        order,
        targets=(targets.find_target("raspberry-pi-4"),),
        recipe=order.recipe.model_copy(update={"contract": contract}),
        method="int8",
        all_methods=True,
    )
    built.save(tmp_path)
    phase1 = order.recipe.phase1.model_copy(update={"epochs": 7})
    wanted = dataclasses.replace(order, recipe=order.recipe.model_copy(update={"phase1": phase1}))
    kept = orders.continued(wanted, tmp_path)
    assert (kept.targets[0].id, kept.method, kept.all_methods) == ("raspberry-pi-4", "int8", True)
    assert kept.recipe.contract == contract and kept.recipe.phase1.epochs == 7
    assert orders.continued(wanted, tmp_path / "new") == wanted
