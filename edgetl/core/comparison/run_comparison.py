"""Finished runs → their comparison: a row for each run and target, and the difference of each from the first run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgetl.core.comparison.pair import PairedDifference, compare_pair, correct_confidence
from edgetl.core.comparison.shared_photos import RunPredictions
from edgetl.core.report_page.facts import RunFacts, TargetFacts
from edgetl.core.verdict_records import Outcome


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparedRun:
    """A run to compare.

    Attributes:
        name: as the user typed it.
        facts: of the run.
        targets: of its targets.
        recipe: name of an option or of a fact → its value, as text.
    """

    name: str
    facts: RunFacts
    targets: tuple[TargetFacts, ...]
    recipe: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonRow:
    """The results of a run for one target. Accuracies are on its own test photos, bounds one-sided at `confidence`."""

    run: str
    target: str
    network: str
    method: str
    photos: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    confidence: float
    reference_accuracy: float
    bytes: int
    host_ms: float
    host_disturbed: bool
    device_ms: dict[str, float]
    outcome: Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPair:
    """The difference of a row from the row that is its base line."""

    base: ComparisonRow
    candidate: ComparisonRow
    difference: PairedDifference

    @property
    def title(self) -> str:
        """Name both runs, with what is compared."""
        if self.base.target == self.candidate.target:
            return f"{self.candidate.run} against {self.base.run}, {self.base.target}"
        return f"{self.candidate.run}, {self.candidate.target} against {self.base.run}, {self.base.target}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunComparison:
    """Several runs, compared.

    Attributes:
        rows: of each run and target, in the order of the runs.
        pairs: of each run but the first, and each of its targets, with the first run.
        differences: name of an option or fact → its value in each run, for those that are not the same in all.
        confidence: with which all intervals of the pairs together contain the true differences.
    """

    rows: tuple[ComparisonRow, ...]
    pairs: tuple[RunPair, ...]
    differences: dict[str, tuple[str, ...]]
    confidence: float

    def dump(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "rows": [asdict(row) for row in self.rows],
            "pairs": [
                {
                    "base": {"run": pair.base.run, "target": pair.base.target},
                    "candidate": {"run": pair.candidate.run, "target": pair.candidate.target},
                    "outcome": pair.difference.outcome,
                    **asdict(pair.difference),
                }
                for pair in self.pairs
            ],
            "differences": {name: list(values) for name, values in self.differences.items()},
            "confidence": self.confidence,
        }

    @property
    def has_intervals(self) -> bool:
        """Whether any two runs are comparable."""
        return any(not pair.difference.reason for pair in self.pairs)

    def describe_intervals(self) -> str:
        """Say what the intervals mean."""
        count = sum(not pair.difference.reason for pair in self.pairs)
        if count == 1:
            return f"With a confidence of {self.confidence:.0%}, the interval contains the true difference."
        return (
            f"With a confidence of {self.confidence:.0%}, all {count} intervals together contain the true differences: "
            "they are corrected for their number (Bonferroni)."
        )


def compare_runs(runs: Sequence[ComparedRun]) -> RunComparison:
    """Compare runs with the first one.

    A target is compared with the same target of the first run, or with the first target of that run if it has no such
    target. The confidence is that of the verdict on the first run.

    Args:
        runs: at least two.
    """
    base = runs[0]
    base_rows = {target.result.target: (_make_row(base, target), target) for target in base.targets}
    jobs = []
    for run in runs[1:]:
        for target in run.targets:
            base_row = base_rows.get(target.result.target, next(iter(base_rows.values())))
            jobs.append((base_row, (_make_row(run, target), target), run))
    confidence = base.targets[0].result.verdict.confidence
    bound_confidence = correct_confidence(confidence, len(jobs))
    pairs = tuple(
        RunPair(
            base=base_row,
            candidate=row,
            difference=compare_pair(
                _read_predictions(base, base_facts), _read_predictions(run, facts), bound_confidence
            ),
        )
        for (base_row, base_facts), (row, facts), run in jobs
    )
    return RunComparison(
        rows=(*(row for row, _ in base_rows.values()), *(row for _, (row, _), _ in jobs)),
        pairs=pairs,
        differences=list_differing_values([run.recipe for run in runs]),
        confidence=confidence,
    )


def list_differing_values(recipes: Sequence[Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    """List what is not the same in all runs: name → its value in each, "" where a run has no such value."""
    names = dict.fromkeys(name for recipe in recipes for name in recipe)
    rows = {name: tuple(recipe.get(name, "") for recipe in recipes) for name in names}
    return {name: values for name, values in rows.items() if len(set(values)) > 1}


def _make_row(run: ComparedRun, target: TargetFacts) -> ComparisonRow:
    result, trained = target.result, run.facts.trained
    width = f" {trained.alpha:g}" if trained.alpha != 1 else ""
    return ComparisonRow(
        run=run.name,
        target=result.target,
        network=f"{trained.base}{width}, {trained.input.size}",
        method=result.method,
        photos=result.verdict.photos,
        accuracy=result.quality.accuracy,
        accuracy_low=result.quality.accuracy_low,
        accuracy_high=result.quality.accuracy_high,
        confidence=result.quality.confidence,
        reference_accuracy=result.verdict.reference_accuracy,
        bytes=result.bytes,
        host_ms=result.verdict.host_ms,
        host_disturbed=result.verdict.host_disturbed,
        device_ms={
            device: files[result.sha256] for device, files in result.device_ms.items() if result.sha256 in files
        },
        outcome=result.verdict.outcome,
    )


def _read_predictions(run: ComparedRun, target: TargetFacts) -> RunPredictions:
    return RunPredictions(
        name=run.name,
        classes=run.facts.classes,
        photos=target.photos,
        scores=target.artifact,
        thresholds=target.result.verdict.thresholds,
    )
