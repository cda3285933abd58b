"""The options of a sweep → the orders of its candidates."""

import json
from dataclasses import replace

import pytest

from edgetl.core.errors import ConfigError
from edgetl.pipeline.options import SweepOptions, list_options
from edgetl.pipeline.sweep.plan import choose_sweep_folder, keep_sweep_plan, make_sweep_plan

BASES = {"bases": "mobilenet:0.25,mobilenet_v2:0.35", "weights": "none"}


def test_every_network_has_an_order_that_differs_in_the_network_alone(photos):
    plan = make_sweep_plan(SweepOptions(photos=photos, **BASES, sides="32,64", epochs=2, target="raspberry-pi-4"))
    assert [candidate.name for candidate in plan.orders] == [
        "mobilenet-0.25-32",
        "mobilenet-0.25-64",
        "mobilenet_v2-0.35-32",
        "mobilenet_v2-0.35-64",
    ]
    for candidate, order in plan.orders.items():
        base = order.recipe.base
        assert (base.name, base.alpha, base.side_px) == (candidate.base, candidate.alpha, candidate.side_px)
        assert order.recipe.phase1.epochs == 2 and order.targets[0].id == "raspberry-pi-4" and order.photos == photos


def test_default_networks_are_those_of_the_weights_and_the_target():
    plan = make_sweep_plan(SweepOptions(target="raspberry-pi-zero-2w"))
    assert {candidate.side_px for candidate in plan.orders} == {96, 128}
    assert all(order.recipe.base.weights == "formula" for order in plan.orders.values())


def test_space_is_read_from_a_file(photos, tmp_path):
    path = tmp_path / "space.toml"
    path.write_text('bases = ["mobilenet:0.25"]\nsides = [32]\n', encoding="utf-8")
    plan = make_sweep_plan(SweepOptions(photos=photos, space=path, weights="none"))
    assert [candidate.name for candidate in plan.orders] == ["mobilenet-0.25-32"]
    with pytest.raises(ConfigError, match="--space"):
        make_sweep_plan(SweepOptions(photos=photos, space=path, sides="64", weights="none"))


def test_limits_are_those_of_the_options_or_the_target(photos, tmp_path):
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "target.toml").write_text(
        'schema = 1\nextends = "tflite"\ntitle = "a"\nsummary = "b"\n[limits]\nlatency_ms = 40.0\nmodel_bytes = 9000\n',
        encoding="utf-8",
    )
    options = SweepOptions(photos=photos, **BASES, sides="32", target="slow", target_dir=[tmp_path])
    # The limit of a board does not hold for this machine.
    here, board = make_sweep_plan(options), make_sweep_plan(replace(options, device="pi@a"))
    assert (here.limit_ms, here.limit_bytes) == (None, 9000) and board.limit_ms == 40.0
    own = make_sweep_plan(replace(options, limit_ms=7.5, limit_bytes="2M", budget="90s"))
    assert (own.limit_ms, own.limit_bytes, own.budget_s) == (7.5, 2_000_000, 90)
    assert own.describe_limits() == "7.5 ms and 2000000 bytes"


@pytest.mark.parametrize(
    "wrong",
    [
        {"prefer": "accuracy"},
        {"limit_ms": 0.0},
        {"limit_ms": float("nan")},
        {"budget": "x"},
        {"bases": "mobilenet:0.3"},
    ],
)
def test_wrong_options_are_refused_before_any_work(photos, wrong):
    options = replace(SweepOptions(photos=photos, bases="mobilenet:0.25", sides="32"), **wrong)
    with pytest.raises(ConfigError):
        make_sweep_plan(options)


def test_microcontroller_is_compared_by_what_is_known_of_its_latency(photos):
    options = SweepOptions(photos=photos, **BASES, sides="32", target="arduino-nano-33-ble")
    plan = make_sweep_plan(replace(options, limit_ms=400.0))
    assert (plan.latency.kind, plan.prefer, plan.limit_ms) == ("estimate", "latency", 400.0)
    plan = make_sweep_plan(replace(options, target="esp32-s3"))
    assert (plan.latency.kind, plan.prefer) == ("none", "bytes")
    with pytest.raises(ConfigError, match="nothing is known about the latency"):
        make_sweep_plan(replace(options, target="esp32-s3", limit_ms=400.0))
    with pytest.raises(ConfigError, match="has no Python"):
        make_sweep_plan(replace(options, device="pi@a"))


def test_contract_on_balanced_accuracy_is_refused(photos, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('[contract]\nmeasure = "balanced"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="balanced"):
        make_sweep_plan(SweepOptions(photos=photos, **BASES, sides="32", recipe=str(recipe)))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('[teacher]\nsource = "mobilenet_v2"\n', "without a teacher"),
        ('[training]\ntime_budget = "10m"\n', "time budget"),
    ],
)
def test_training_that_makes_networks_incomparable_is_refused(photos, tmp_path, table, message):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(table, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        make_sweep_plan(SweepOptions(photos=photos, **BASES, sides="32", recipe=str(recipe)))


def test_sweep_has_no_options_that_it_refuses():
    names = {name for name, *_ in list_options(SweepOptions)}
    assert not names & {"teacher", "teacher_side", "time_budget"}


def test_folder_is_named_after_photos_and_target(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = make_sweep_plan(SweepOptions(photos=photos, **BASES, sides="32"))
    assert choose_sweep_folder(plan, None).name == f"sweep-{photos.name}-tflite"
    assert choose_sweep_folder(plan, tmp_path / "x") == tmp_path / "x"
    with pytest.raises(ConfigError, match="inside the photos"):
        choose_sweep_folder(plan, photos / "sweep")


def test_other_networks_continue_a_sweep_and_another_recipe_does_not(photos, tmp_path):
    options = SweepOptions(photos=photos, **BASES, sides="32")
    keep_sweep_plan(make_sweep_plan(options), tmp_path, overwrite=False)
    keep_sweep_plan(make_sweep_plan(replace(options, sides="64", limit_ms=3.0)), tmp_path, overwrite=False)
    longer = make_sweep_plan(replace(options, epochs=3))
    with pytest.raises(ConfigError, match="other recipe"):
        keep_sweep_plan(longer, tmp_path, overwrite=False)
    keep_sweep_plan(longer, tmp_path, overwrite=True)
    assert json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))["recipe"]["phase1"]["epochs"] == 3


def test_budget_of_one_machine_is_refused_on_a_cluster(photos):
    with pytest.raises(ConfigError, match="--budget counts the seconds of one machine"):
        make_sweep_plan(SweepOptions(photos=photos, **BASES, sides="32", budget="30m", cluster="auto"))
