"""A budget of time chooses the longest training that fits."""

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.recipe.presets import PRESETS
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.recipe.tables import TrainingTables
from edgetl.core.recipe.time_plan import (
    EFFORTS,
    Pace,
    Speed,
    apply_effort,
    choose_effort,
    describe_effort,
    forecast_s,
    list_efforts,
    parse_budget_s,
)

PHOTOS = (1000, 300)
TUNED = {"0.2": Pace(0.01, 4), "0.35": Pace(0.02, 8), "all": Pace(0.1, 20)}
SPEED = Speed(frozen=Pace(0.01, 5), head=Pace(0.0001, 2), tuned=TUNED, spent_s=10)


def resolve(flags=None, **names):
    return resolve_recipe("default", flags or {}, names=names.get("names"))


@pytest.mark.parametrize(("text", "seconds"), [("", 0), ("90s", 90), ("10m", 600), ("1.5h", 5400)])
def test_budgets_have_a_unit(text, seconds):
    assert parse_budget_s(text) == seconds
    assert resolve({"training": {"time_budget": text}}).training.time_budget == text


@pytest.mark.parametrize("text", ["10", "m", "10 m", "-3m", "1d"])
def test_budgets_without_a_known_unit_are_errors(text):
    with pytest.raises(ConfigError, match="time_budget must be a number and a unit") as error:
        resolve({"training": {"time_budget": text}})
    assert "10m" in error.value.hint


def test_forecast_adds_the_measurement_the_views_and_both_phases():
    effort = EFFORTS[3]
    assert (effort.views, effort.head_epochs, effort.unfreeze, effort.tuned_epochs) == (4, 12, "0.35", 10)
    expected = 10 + (5 + 4300 * 0.01) + (1.5 * 2 + 12 * 1100 * 0.0001) + (1.5 * 8 + 10 * 1100 * 0.02)
    assert forecast_s(effort, SPEED, PHOTOS) == pytest.approx(expected)


def test_forecasts_grow_from_effort_to_effort():
    forecasts = [forecast_s(effort, SPEED, PHOTOS) for effort in EFFORTS]
    assert forecasts == sorted(forecasts)


def test_longer_budgets_choose_longer_trainings_that_fit():
    chosen = [choose_effort(EFFORTS, SPEED, PHOTOS, budget) for budget in (60, 120, 240, 480, 960, 10_000)]
    assert [EFFORTS.index(effort) for effort in chosen] == sorted(EFFORTS.index(effort) for effort in chosen)
    assert chosen[-1] == EFFORTS[-1]
    for effort, budget in zip(chosen[1:], (120, 240, 480, 960, 10_000), strict=True):
        assert forecast_s(effort, SPEED, PHOTOS) <= budget


def test_shortest_training_is_chosen_where_none_fits_and_the_message_says_so():
    effort = choose_effort(EFFORTS, SPEED, PHOTOS, 1)
    assert effort == EFFORTS[0]
    assert "no shorter training is known" in describe_effort(effort, SPEED, PHOTOS, 1)


def test_message_has_the_speed_and_the_choice():
    text = describe_effort(EFFORTS[3], SPEED, PHOTOS, 600)
    assert "10.0 ms in the frozen layers, a training step 20.0 ms" in text
    assert "4 views, 12 epochs of the head and 10 of the base from 0.35, about 294 s" in text
    assert "1 view, 12 epochs of the head and none of the base" in describe_effort(EFFORTS[0], SPEED, PHOTOS, 60)


def test_recipe_of_an_effort_is_otherwise_that_of_the_user():
    tables = resolve({"augment": {"flip": False}}).select(TrainingTables)
    changed = apply_effort(tables, EFFORTS[0])
    assert (changed.augment.views, changed.augment.flip) == (1, False)
    assert (changed.phase1.epochs, changed.phase2.epochs) == (12, 0)
    assert changed.training == tables.training
    assert apply_effort(tables, EFFORTS[3]).phase2 == tables.phase2


def test_default_and_thorough_are_efforts():
    default = resolve().select(TrainingTables)
    assert apply_effort(default, EFFORTS[3]).key() == resolve({"augment": {"flip": True}}).select(TrainingTables).key()
    thorough = PRESETS["thorough"][1]
    assert EFFORTS[-1].views == thorough["augment"]["views"]
    assert (EFFORTS[-1].head_epochs, EFFORTS[-1].tuned_epochs) == (
        thorough["phase1"]["epochs"],
        thorough["phase2"]["epochs"],
    )


def test_base_with_random_weights_is_trained_as_a_whole():
    efforts = list_efforts(resolve({"base": {"weights": "none"}}).select(TrainingTables))
    assert {effort.unfreeze for effort in efforts} == {"all"}
    assert all(effort.tuned_epochs for effort in efforts)


def test_options_that_a_budget_chooses_are_refused_beside_it():
    flags = {"training": {"time_budget": "5m"}, "phase1": {"epochs": 3}}
    names = {("training", "time_budget"): "--time-budget", ("phase1", "epochs"): "--epochs"}
    with pytest.raises(ConfigError, match="--time-budget chooses what --epochs sets") as error:
        resolve_recipe("default", flags, names=names)
    assert error.value.hint == "leave out --time-budget or --epochs"
