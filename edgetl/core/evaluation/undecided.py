"""An UNDECIDED verdict → what would decide it: more test photos, another limit, or a verdict on the procedure."""

import math
from dataclasses import dataclass
from pathlib import Path

from edgetl.core.evaluation.balanced.measures import count_classes
from edgetl.core.evaluation.contract import decide_outcome
from edgetl.core.verdict_records import Verdict

# Limits are suggested in steps of a hundredth of a point.
_LIMIT_STEPS = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoSource:
    """Where further test photos can come from.

    Attributes:
        folder: path or URL; photos that are added to its class folders become test photos. None if none can be added.
        fraction: of the added photos, 0..1.
        takes_test_option: whether `--test DIR` can bring test photos only.
        trains: whether `--cross-fit` can train the model again.
    """

    folder: Path | str | None
    fraction: float
    takes_test_option: bool
    trains: bool


def advise_on_undecided(verdict: Verdict, source: PhotoSource) -> list[str]:
    """List in words what would decide an UNDECIDED verdict, one option a line; nothing for a decided one."""
    if verdict.outcome != "UNDECIDED":
        return []
    needed, ways = verdict.photos_needed, []
    if needed is not None and verdict.measure == "balanced":
        ways.append(_advise_on_classes(verdict))
    if needed is not None and source.folder is not None:
        added = _round_up(math.ceil(needed / source.fraction))
        share = "all" if source.fraction == 1 else f"about {source.fraction:g}"
        place = "with their labels to" if verdict.labels else "to the class folders in"
        ways.append(f"add about {added:,} photos {place} {source.folder}: {share} of them become test photos")
    if needed is not None and source.takes_test_option:
        where = "with the same labels" if verdict.labels else "in the same class folders"
        ways.append(f"bring about {verdict.photos + needed:,} test photos with --test DIR, {where}")
    passing, failing = find_deciding_limits(verdict)
    method = f"--method {verdict.method} "
    if passing is not None:
        ways.append(f"with the photos at hand, {method}--limit-drop {passing:g} or more is a PASS")
    if failing is not None:
        ways.append(f"with the photos at hand, {method}--limit-drop {failing:g} or less is a FAIL")
    if source.trains:
        ways.append("--cross-fit 5 trains five times and judges the procedure, not this file, on all photos")
    return ways


def find_deciding_limits(verdict: Verdict) -> tuple[float | None, float | None]:
    """Find the limits that decide with the photos at hand.

    Returns:
        The smallest limit that gives a PASS and the largest one that gives a FAIL, in steps of 0.0001; None where there
        is none between 0 and 1.
    """
    passing = math.ceil(verdict.drop_high * _LIMIT_STEPS)
    # The products are rounded: a step more where the limit is still below the bound.
    passing += passing / _LIMIT_STEPS < verdict.drop_high
    failing = math.floor(verdict.drop_low * _LIMIT_STEPS)
    failing -= failing / _LIMIT_STEPS >= verdict.drop_low
    return (
        passing / _LIMIT_STEPS if 0 < passing < _LIMIT_STEPS else None,
        failing / _LIMIT_STEPS if 0 < failing < _LIMIT_STEPS else None,
    )


def _advise_on_classes(verdict: Verdict) -> str:
    """Say which class needs photos, and how many of each class would decide a verdict on balanced accuracy."""
    rarest = min(verdict.per_class, key=lambda change: (change.photos, change.name))
    line = f"above all add photos of {rarest.name}: {rarest.photos} of {verdict.photos} test photos are of it"
    counts = count_classes(verdict).spread_evenly()
    # As many photos, spread evenly, may already be more than are needed.
    counts = counts.scale(rarest.photos * len(verdict.per_class))
    decision = decide_outcome(counts, verdict.limit_drop, confidence=verdict.confidence)
    if decision.photos_needed is None:
        return line
    each = _round_up(math.ceil((counts.photos + decision.photos_needed) / len(verdict.per_class)))
    return f"{line}, and about {each:,} of each class would decide it"


def _round_up(count: int) -> int:
    """Round up to two significant figures, as the number of needed photos is."""
    step: int = 10 ** max(0, len(str(count)) - 2)
    return -(-count // step) * step
