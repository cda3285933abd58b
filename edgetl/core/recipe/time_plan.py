"""A budget of time and the speed of a machine → what phase 2 trains, for how many epochs, and on how many views."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgetl.core.recipe.tables import TrainingTables

# Part of the budget that is planned: forecasts from a few seconds are rough.
_USABLE = 0.85
# Predicting a photo takes about a third of a training step on it: forward, and not backward and the weights.
_PREDICTION = 1 / 3
# A phase compiles its training step, and a validation, which takes about half as long.
_COMPILATIONS = 1.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Effort:
    """How much is trained.

    Attributes:
        views: number of views of each training photo.
        head_epochs: epochs of phase 1.
        unfreeze: what phase 2 trains.
        tuned_epochs: epochs of phase 2; 0 skips it.
    """

    views: int
    head_epochs: int
    unfreeze: str
    tuned_epochs: int


# Unit of a time budget → seconds.
_UNITS_S = {"s": 1, "m": 60, "h": 3600}


def parse_budget_s(text: str) -> float:
    """Return a time budget such as "90s", "10m" or "1h" in seconds; 0 for none."""
    return float(text[:-1]) * _UNITS_S[text[-1]] if text else 0.0


# From the shortest training to the longest. The fourth is that of the preset default, the last that of thorough.
EFFORTS = (
    Effort(views=1, head_epochs=12, unfreeze="0.2", tuned_epochs=0),
    Effort(views=2, head_epochs=12, unfreeze="0.2", tuned_epochs=3),
    Effort(views=3, head_epochs=12, unfreeze="0.35", tuned_epochs=5),
    Effort(views=4, head_epochs=12, unfreeze="0.35", tuned_epochs=10),
    Effort(views=8, head_epochs=24, unfreeze="0.35", tuned_epochs=12),
    Effort(views=12, head_epochs=24, unfreeze="0.35", tuned_epochs=16),
    Effort(views=16, head_epochs=32, unfreeze="0.35", tuned_epochs=20),
)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds for each photo, and before the first one: to convert layers, or to compile a training step."""

    photo_s: float
    setup_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """The speed of a machine.

    Attributes:
        frozen: of the frozen layers.
        head: of the training steps of phase 1.
        tuned: of the training steps of phase 2, by what it trains.
        spent_s: seconds since the training began; the measurement is among them.
    """

    frozen: Pace
    head: Pace
    tuned: Mapping[str, Pace]
    spent_s: float


def list_efforts(recipe: TrainingTables) -> Sequence[Effort]:
    """List the efforts that a recipe allows, the shortest first.

    A base with random weights, or with those learned from drawn images, is trained as a whole.
    """
    if recipe.phase2.unfreeze != "all":
        return EFFORTS
    return [
        Effort(
            views=effort.views,
            head_epochs=effort.head_epochs,
            unfreeze="all",
            tuned_epochs=effort.tuned_epochs,
        )
        for effort in EFFORTS
        if effort.tuned_epochs
    ]


def forecast_s(effort: Effort, speed: Speed, photos: tuple[int, int]) -> float:
    """Forecast the seconds of a training, the measurement included.

    Args:
        effort: how much is trained.
        speed: of the machine.
        photos: number of training and of validation photos.
    """
    training, validation = photos
    seen = training + validation * _PREDICTION
    frozen_s = speed.frozen.setup_s + (training * effort.views + validation) * speed.frozen.photo_s
    phases = [(effort.head_epochs, speed.head)]
    if effort.tuned_epochs:
        phases.append((effort.tuned_epochs, speed.tuned[effort.unfreeze]))
    phases_s = sum(_COMPILATIONS * pace.setup_s + epochs * seen * pace.photo_s for epochs, pace in phases)
    return speed.spent_s + frozen_s + phases_s


def choose_effort(efforts: Sequence[Effort], speed: Speed, photos: tuple[int, int], budget_s: float) -> Effort:
    """Return the longest training that fits into a budget; the shortest if none does."""
    fitting = [effort for effort in efforts if forecast_s(effort, speed, photos) <= budget_s * _USABLE]
    return fitting[-1] if fitting else efforts[0]


def apply_effort(recipe: TrainingTables, effort: Effort) -> TrainingTables:
    """Return the recipe of an effort."""
    return recipe.model_copy(
        update={
            "augment": recipe.augment.model_copy(update={"views": effort.views}),
            "phase1": recipe.phase1.model_copy(update={"epochs": effort.head_epochs}),
            "phase2": recipe.phase2.model_copy(update={"epochs": effort.tuned_epochs, "unfreeze": effort.unfreeze}),
        }
    )


def describe_effort(effort: Effort, speed: Speed, photos: tuple[int, int], budget_s: float) -> str:
    """Say what a budget of time chose, from which speed, and how long it will take."""
    expected_s = forecast_s(effort, speed, photos)
    tuned = f"{effort.tuned_epochs} of the base from {effort.unfreeze}" if effort.tuned_epochs else "none of the base"
    step = f", a training step {speed.tuned[effort.unfreeze].photo_s * 1e3:.1f} ms" if effort.tuned_epochs else ""
    over = "" if expected_s <= budget_s else ", and no shorter training is known"
    return (
        f"time budget {budget_s:.0f} s: a photo takes {speed.frozen.photo_s * 1e3:.1f} ms in the frozen layers{step}; "
        f"{effort.views} view{'' if effort.views == 1 else 's'}, {effort.head_epochs} epochs of the head and {tuned}, "
        f"about {expected_s:.0f} s{over}"
    )
