"""The run folder of a build: a name for every order, and no trained model that is replaced by accident."""

import dataclasses
import fcntl
import json
from pathlib import Path

import pytest

from edgetl.core.device import targets
from edgetl.core.errors import ConfigError
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.pipeline.order import load_order, save_order
from edgetl.pipeline.runs.folders import choose_run_folder, continue_order, open_build, open_training, record_order


def change(order, **tables):
    """Return an order with other recipe values: table → key → value."""
    recipe = order.recipe
    updates = {name: getattr(recipe, name).model_copy(update=values) for name, values in tables.items()}
    return dataclasses.replace(order, recipe=recipe.model_copy(update=updates))


def fill(root: Path, order, *stages: str) -> Path:
    """Make a run folder with an order and finished stages."""
    root.mkdir(parents=True, exist_ok=True)
    (root / ".lock").touch()
    save_order(order, root)
    for name in stages:
        (root / name).mkdir()
        (root / name / f"{name.partition('-')[0]}.json").write_text("{}")
    return root


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# A folder that the user names


def test_other_options_are_shown_and_refused(plain_order, tmp_path):
    fill(tmp_path / "run", plain_order, "train")
    other = change(plain_order, base={"alpha": 0.35}, phase1={"epochs": 10})
    with pytest.raises(ConfigError) as caught:
        choose_run_folder(other, tmp_path / "run")
    assert caught.value.message == "the run folder contains another build: alpha 1 → 0.35, epochs 12 → 10"
    assert caught.value.where == (str(tmp_path / "run"),)
    assert "--overwrite" in caught.value.hint and "--out" in caught.value.hint


def test_other_options_are_accepted_with_overwrite(plain_order, tmp_path):
    fill(tmp_path / "run", plain_order, "train")
    choice = choose_run_folder(change(plain_order, phase1={"epochs": 10}), tmp_path / "run", overwrite=True)
    assert choice.root == tmp_path / "run" and choice.note == f"run folder {tmp_path / 'run'}: epochs 12 → 10"


def test_build_that_never_finished_its_training_is_replaced_freely(plain_order, tmp_path):
    fill(tmp_path / "run", plain_order, "ingest")
    (tmp_path / "run" / ".train.tmp").mkdir()
    assert choose_run_folder(change(plain_order, phase1={"epochs": 10}), tmp_path / "run").note == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"contract": {"limit_drop": 0.001, "strict": True}},
        {"convert": {"calibration_photos": 20}},
        {"retrain": {"epochs": 9}},
    ],
)
def test_options_that_keep_the_trained_model_need_no_overwrite(plain_order, tmp_path, changes):
    fill(tmp_path / "run", plain_order, "train")
    assert choose_run_folder(change(plain_order, **changes), tmp_path / "run").note == ""


def test_options_of_a_finished_retraining_need_overwrite(plain_order, tmp_path):
    fill(tmp_path / "run", plain_order, "train", "retrain-qat")
    with pytest.raises(ConfigError, match="qat-epochs 4 → 9"):
        choose_run_folder(change(plain_order, retrain={"epochs": 9}), tmp_path / "run")


def test_targets_and_methods_can_be_added(plain_order, tmp_path):
    fill(tmp_path / "run", plain_order, "train")
    more = dataclasses.replace(
        plain_order, targets=(*plain_order.targets, targets.find_target("onnx")), method="int8", all_methods=True
    )
    assert choose_run_folder(more, tmp_path / "run").note == ""


def test_other_photos_need_overwrite(plain_order, draw_photos, tmp_path):
    fill(tmp_path / "run", plain_order, "train")
    others = draw_photos(tmp_path / "others", range(2))
    for photos, name in ((others, str(others)), (None, "the embedded digits")):
        with pytest.raises(ConfigError, match=f"photos {plain_order.photos} → {name}"):
            choose_run_folder(dataclasses.replace(plain_order, photos=photos), tmp_path / "run")


def test_order_that_cannot_be_read_is_not_overwritten(plain_order, tmp_path):
    root = fill(tmp_path / "run", plain_order, "train")
    (root / "order.json").write_text("{")
    with pytest.raises(ConfigError, match="its order cannot be read"):
        choose_run_folder(plain_order, root)
    assert choose_run_folder(plain_order, root, overwrite=True).root == root
    # It may have been killed while it started.
    (root / "train" / "train.json").unlink()
    assert choose_run_folder(plain_order, root).root == root


def test_run_folder_inside_the_test_photos_is_refused(plain_order, tmp_path):
    with pytest.raises(ConfigError, match="would be inside the photos"):
        choose_run_folder(dataclasses.replace(plain_order, test=tmp_path), tmp_path / "run")


def test_run_folder_inside_the_photos_is_refused(plain_order):
    with pytest.raises(ConfigError, match="would be inside the photos") as caught:
        choose_run_folder(plain_order, plain_order.photos / "circle" / "run")
    assert "--out" in caught.value.hint


# A folder in edgetl-runs


def test_default_folder_is_named_after_photos_and_network(plain_order, here):
    base = plain_order.recipe.base
    choice = choose_run_folder(plain_order, None)
    assert choice.root == Path("edgetl-runs") / f"shapes-{base.name}-{base.alpha:g}-{base.side_px}"
    assert choice.note == f"run folder {choice.root}"
    assert choose_run_folder(dataclasses.replace(plain_order, photos=None), None).root.name.startswith("digits")


def test_default_folder_of_a_model_made_elsewhere_is_named_after_its_file(plain_order, here):
    order = change(plain_order, external={"path": "/models/my model.keras"})
    assert choose_run_folder(order, None).root.name == "shapes-my_model"


def test_every_order_finds_its_own_default_folder_again(plain_order, here):
    orders = [change(plain_order, phase1={"epochs": epochs}) for epochs in (12, 3, 5)]
    roots = []
    for order in orders:
        roots.append(choose_run_folder(order, None).root)
        fill(roots[-1], order, "train")
    assert [root.name.removeprefix(roots[0].name) for root in roots] == ["", "-2", "-3"]
    assert [choose_run_folder(order, None).root for order in orders] == roots
    note = choose_run_folder(orders[1], None).note
    assert note == f"run folder {roots[1]} ({roots[0]} differs: epochs 12 → 3)"


def test_default_folder_is_the_same_for_another_target(plain_order, here):
    root = fill(choose_run_folder(plain_order, None).root, plain_order, "train")
    other = dataclasses.replace(plain_order, targets=(targets.find_target("onnx"),))
    assert choose_run_folder(other, None).root == root


def test_folders_of_photos_with_the_same_name_have_run_folders_of_their_own(plain_order, here):
    birds, flowers = (dataclasses.replace(plain_order, photos=here / name / "train") for name in ("birds", "flowers"))
    for order in (birds, flowers):
        order.photos.mkdir(parents=True)
        (order.photos / "class").mkdir()
        (order.photos / "other").mkdir()
    root = fill(choose_run_folder(birds, None).root, birds, "train")
    assert choose_run_folder(flowers, None).root.name == f"{root.name}-2"


def test_default_folder_without_a_trained_model_is_used_for_another_order(plain_order, here):
    root = fill(choose_run_folder(plain_order, None).root, plain_order, "ingest")
    other = change(plain_order, phase1={"epochs": 3})
    assert choose_run_folder(other, None).root == root
    # Unless a build trains there now.
    with (root / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert choose_run_folder(other, None).root.name == f"{root.name}-2"


def test_overwrite_replaces_the_first_default_folder(plain_order, here):
    root = fill(choose_run_folder(plain_order, None).root, plain_order, "train")
    assert choose_run_folder(change(plain_order, phase1={"epochs": 3}), None, overwrite=True).root == root


def test_default_folder_with_an_order_that_cannot_be_read_is_left_alone(plain_order, here):
    root = fill(choose_run_folder(plain_order, None).root, plain_order, "train")
    (root / "order.json").write_text("{")
    assert choose_run_folder(plain_order, None).root.name == f"{root.name}-2"


# Opening


def test_opened_build_says_which_folder_it_uses(plain_order, here, capfd):
    with open_build(plain_order, None, overwrite=False, quiet=False) as context:
        root = context.run.root
        assert context.order == plain_order and context.makes is None
    assert f"run folder {root.relative_to(here)}\n" in capfd.readouterr().err


def test_opened_build_in_a_named_folder_says_nothing(plain_order, here, capfd):
    with open_build(plain_order, Path("run"), overwrite=False, quiet=False):
        pass
    assert capfd.readouterr().err == ""


def test_training_keeps_what_a_run_was_built_for(plain_order, tmp_path):
    contract = {"limit_drop": 0.001, "strict": True}
    before = dataclasses.replace(
        change(plain_order, contract=contract, retrain={"epochs": 9}),
        targets=(targets.find_target("raspberry-pi-4"),),
        method="int8",
        all_methods=True,
    )
    # Neither table decides the trained model, and `train` has no options for them.
    fill(tmp_path / "run", before, "train", "retrain-qat")
    with open_training(plain_order, tmp_path / "run", overwrite=False, quiet=True) as context:
        order = context.order
    assert order == load_order(tmp_path / "run")
    assert (order.targets[0].id, order.method, order.all_methods) == ("raspberry-pi-4", "int8", True)
    assert order.recipe == before.recipe
    assert continue_order(plain_order, tmp_path / "new") == plain_order


def test_training_with_other_options_needs_overwrite(plain_order, tmp_path):
    fill(tmp_path / "run", plain_order, "train")
    other = change(plain_order, phase1={"epochs": 7})
    with (
        pytest.raises(ConfigError, match="epochs 12 → 7"),
        open_training(other, tmp_path / "run", overwrite=False, quiet=True),
    ):
        pass
    with open_training(other, tmp_path / "run", overwrite=True, quiet=True):
        assert load_order(tmp_path / "run").recipe.phase1.epochs == 7


# The order in the folder


def test_targets_that_were_built_before_stay_in_the_order(plain_order, tmp_path):
    onnx = dataclasses.replace(plain_order, targets=(targets.find_target("onnx"),))
    fill(tmp_path, plain_order, "train")
    record_order(onnx, tmp_path)
    assert [target.id for target in load_order(tmp_path).targets] == ["onnx", "tflite"]
    record_order(plain_order, tmp_path)
    assert [target.id for target in load_order(tmp_path).targets] == ["tflite", "onnx"]


def test_targets_of_a_replaced_model_do_not_stay_in_the_order(plain_order, tmp_path):
    onnx = dataclasses.replace(plain_order, targets=(targets.find_target("onnx"),))
    fill(tmp_path, plain_order, "train")
    record_order(change(onnx, phase1={"epochs": 3}), tmp_path)
    assert [target.id for target in load_order(tmp_path).targets] == ["onnx"]


def test_targets_that_were_never_built_do_not_stay_in_the_order(plain_order, tmp_path):
    fill(tmp_path, plain_order)
    record_order(dataclasses.replace(plain_order, targets=(targets.find_target("onnx"),)), tmp_path)
    assert [target.id for target in load_order(tmp_path).targets] == ["onnx"]
    assert json.loads((tmp_path / "order.json").read_text())["recipe"] == resolve_recipe("default").tables()
