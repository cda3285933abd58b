"""The ladder: each method that was tried, what it loses on the validation photos, and why it was chosen or not."""

from typing import Any

from edgetl.core.report.changes import format_change
from edgetl.core.report.tables import format_bytes
from edgetl.core.report_page.facts import RunFacts, TargetFacts
from edgetl.core.run.build_results import AttemptResult
from edgetl.core.verdict_records import MEASURE_TITLES


def collect_ladder(run: RunFacts, target: TargetFacts) -> dict[str, Any]:  # noqa: ARG001  (one form for all sections)
    """Collect the attempts, in the order in which they were made."""
    verdicts = [attempt.validation for attempt in target.result.attempts if attempt.validation]
    return {
        "rows": [_describe_attempt(attempt, target.result.sha256) for attempt in target.result.attempts],
        "photos": verdicts[0].describe_photos("validation") if verdicts else "no photos",
        "measure": MEASURE_TITLES[target.result.verdict.measure],
        "confidence": target.result.verdict.confidence,
        "limit": target.result.verdict.limit_drop * 100,
    }


def _describe_attempt(attempt: AttemptResult, chosen: str) -> dict[str, Any]:
    verdict = attempt.validation
    row: dict[str, Any] = {
        "method": attempt.method,
        "seconds": f"{attempt.seconds:.0f}",
        "reason": attempt.reason,
        "chosen": bool(attempt.sha256) and attempt.sha256 == chosen,
        "drawn": None,
    }
    if verdict is None:
        return row
    return row | {
        # In points: the change of the accuracy, its lower and its upper bound. A loss is negative.
        "drawn": [-100 * verdict.drop, -100 * verdict.drop_high, -100 * verdict.drop_low],
        "outcome": verdict.outcome,
        "accuracy": verdict.accuracy,
        "change": format_change(verdict.drop, 0),
        "bounds": f"{format_change(verdict.drop_high, 0)} … {format_change(verdict.drop_low, 0)}",
        "size": format_bytes(attempt.bytes),
        "host_ms": f"{verdict.host_ms:.2f}{'~' if verdict.host_disturbed else ''}" if verdict.host_ms else "",
        "disturbed": verdict.host_disturbed,
    }
