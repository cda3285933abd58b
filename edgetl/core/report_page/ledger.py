"""The ledger as a flow: the accuracy after each step from Keras to the device, and where each point was lost."""

from typing import Any

from edgetl.core.report.changes import describe_hop_photos, format_change
from edgetl.core.report_page.facts import RunFacts, TargetFacts
from edgetl.core.verdict_records import MEASURE_TITLES

# Smaller changes are shown as 0.00 points.
_VISIBLE = 0.00005


def collect_ledger(run: RunFacts, target: TargetFacts) -> dict[str, Any] | None:  # noqa: ARG001  (one form for all)
    """Collect the stops and the hops between them; None where the verdict has no ledger."""
    verdict = target.result.verdict
    if not verdict.hops:
        return None
    pairs = [hop.read_accuracy(verdict.measure) for hop in verdict.hops]
    changes = [None, *(after - before for before, after in pairs[1:])]
    # A hop with fewer photos is a check of the kernels, not the accuracy of the file.
    complete = [pair[1] for pair, hop in zip(pairs, verdict.hops, strict=True) if hop.photos == verdict.hops[0].photos]
    losses = [change for change in changes if change is not None and change < -_VISIBLE]
    return {
        "photos": describe_hop_photos(verdict.hops, "test"),
        "measure": MEASURE_TITLES[verdict.measure],
        "stops": [
            {
                "name": hop.name,
                "accuracy": accuracy,
                "change": None if change is None else format_change(0, change),
                "kind": "" if change is None or abs(change) < _VISIBLE else "loss" if change < 0 else "gain",
                "is_worst": change is not None and bool(losses) and change == min(losses),
                "broke": hop.broke,
                "fixed": hop.fixed,
                "agreement": hop.agreement,
            }
            for hop, (_, accuracy), change in zip(verdict.hops, pairs, changes, strict=True)
        ],
        "total": format_change(complete[0], complete[-1]),
    }
