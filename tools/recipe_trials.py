"""Recipes to compare, the result of one training by a recipe, and paired judgements of two recipes."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetl.core.errors import ConfigError
from edgetl.core.recipe.tables import Tables

# The photos as they are, beside those with a corruption.
TEST = "test"
# One-sided.
_CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialPlan:
    """What is trained.

    Attributes:
        data: name of the photos.
        recipe: name of the recipe.
        seed: of the training. It does not change the parts.
    """

    data: str
    recipe: str
    seed: int

    def locate(self, folder: Path) -> Path:
        """Return the file of the result."""
        return folder / f"{self.data}.{self.recipe}.{self.seed}.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """The result of one training.

    Attributes:
        plan: what was trained.
        validation_accuracy: of the saved model, 0..1.
        training_s: duration of the training without decoding, in seconds.
        correct: name of the photos, "test" or a corruption → sha256 of a test photo → whether it is predicted right.
        machine: where it was measured.
    """

    plan: TrialPlan
    validation_accuracy: float
    training_s: float
    correct: Mapping[str, Mapping[str, bool]]
    machine: str

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        plan = {"data": self.plan.data, "recipe": self.plan.recipe, "seed": self.plan.seed}
        values: dict[str, Any] = {
            **plan,
            "validation_accuracy": self.validation_accuracy,
            "training_s": self.training_s,
            "machine": self.machine,
            "correct": {
                name: {sha256: int(right) for sha256, right in photos.items()} for name, photos in self.correct.items()
            },
        }
        path.write_text(json.dumps(values), encoding="utf-8")


def read_trial(path: Path) -> Trial:
    """Read a trial.

    Raises:
        ConfigError: it is not the result of a trial.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Trial(
            plan=TrialPlan(data=values["data"], recipe=values["recipe"], seed=values["seed"]),
            validation_accuracy=values["validation_accuracy"],
            training_s=values["training_s"],
            correct={
                name: {sha256: bool(right) for sha256, right in photos.items()}
                for name, photos in values["correct"].items()
            },
            machine=values["machine"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"not the result of a trial: {error!r}", where=(path,), hint="remove it") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedGain:
    """How much better one recipe is than another on the same test photos with the same seeds.

    Attributes:
        photos: number of different test photos.
        trials: number of pairs of trainings.
        before, after: mean accuracy of both recipes, each photo of each pair counting once.
        gain: their difference.
        bound: one-sided lower 95 % bound of the gain on further photos of the same kind.
    """

    photos: int
    trials: int
    before: float
    after: float
    gain: float
    bound: float


def pair_trials(before: Iterable[Trial], after: Iterable[Trial]) -> list[tuple[Trial, Trial]]:
    """Return the trials of both recipes with the same photos and seed."""
    others = {(trial.plan.data, trial.plan.seed): trial for trial in after}
    return [(trial, others[key]) for trial in before if (key := (trial.plan.data, trial.plan.seed)) in others]


def judge_gain(pairs: Sequence[tuple[Trial, Trial]], name: str = TEST) -> PairedGain:
    """Judge pairs of trials. A photo is one observation, however many seeds it was predicted with.

    Args:
        pairs: trials of both recipes, with the same data and seed; at least one.
        name: of the photos: "test" or a corruption.

    Raises:
        ConfigError: the trials of a pair have different test photos.

    Source: the standard error of a mean of clusters, Cameron and Miller, "A Practitioner's Guide to Cluster-Robust
    Inference", 2015; a cluster is a photo.
    """
    differences: dict[tuple[str, str], list[float]] = defaultdict(list)
    rights: list[tuple[float, float]] = []
    for before, after in pairs:
        if before.correct[name].keys() != after.correct[name].keys():
            raise ConfigError(f"{before.plan} and {after.plan} have different test photos", hint="measure both again")
        for sha256, right in before.correct[name].items():
            differences[before.plan.data, sha256].append(float(after.correct[name][sha256]) - float(right))
            rights.append((float(right), float(after.correct[name][sha256])))
    accuracies = np.mean(rights, axis=0)
    gain = float(accuracies[1] - accuracies[0])
    return PairedGain(
        photos=len(differences),
        trials=len(pairs),
        before=float(accuracies[0]),
        after=float(accuracies[1]),
        gain=gain,
        bound=gain - NormalDist().inv_cdf(_CONFIDENCE) * _estimate_error(list(differences.values()), gain),
    )


def _estimate_error(clusters: Sequence[Sequence[float]], mean: float) -> float:
    """Return the standard error of the mean of all values of the clusters."""
    count = len(clusters)
    if count < 2:
        return math.inf
    residuals: NDArray[np.float64] = np.array([sum(cluster) - len(cluster) * mean for cluster in clusters])
    values = sum(len(cluster) for cluster in clusters)
    return float(math.sqrt(count / (count - 1) * float(residuals @ residuals)) / values)


def merge_tables(below: Tables, above: Tables) -> Tables:
    """Merge the tables of recipes key by key; those of `above` take precedence."""
    return {table: {**below.get(table, {}), **above.get(table, {})} for table in (*below, *above)}
