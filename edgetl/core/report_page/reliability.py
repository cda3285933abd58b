"""Reliability: how often predictions of a stated probability are right, before and after conversion."""

from typing import Any

from edgetl.core.report_page.facts import RunFacts, TargetFacts

# The file has the name of its method.
_TITLES = {"reference without temperature": "Keras without temperature", "reference": "Keras"}


def collect_reliability(run: RunFacts, target: TargetFacts) -> dict[str, Any] | None:  # noqa: ARG001  (one form for all)
    """Collect the tables of the models; None where the verdict has none."""
    verdict = target.result.verdict
    if not verdict.reliability:
        return None
    return {
        "temperature": verdict.temperature,
        "method": verdict.method,
        "models": [
            {
                "title": _TITLES.get(row.title, verdict.method),
                "error": row.calibration_error,
                "bins": [(entry.probability, entry.accuracy, entry.photos) for entry in row.bins],
            }
            for row in verdict.reliability
        ],
    }
