"""Robustness: accuracy on corrupted photos, where `edgetl report --robustness` has measured it."""

from typing import Any

from edgetl.core.report_page.facts import RunFacts, TargetFacts
from edgetl.core.robustness.records import Robustness, name_robustness_stage
from edgetl.core.robustness.results import describe_robustness, to_points
from edgetl.core.run.run_folder import read_finished_stage


def collect_robustness(run: RunFacts, target: TargetFacts) -> dict[str, Any] | None:
    """Collect the accuracy for each corruption; None where it was not measured for this file."""
    finished = read_finished_stage(run.root / name_robustness_stage(target.result.target), Robustness)
    if finished is None or finished.record.artifact_sha256 != target.result.sha256:
        return None
    return show_robustness(finished.record)


def show_robustness(robustness: Robustness) -> dict[str, Any]:
    """Return the values of the section."""
    sentences = describe_robustness(robustness)
    return {
        "method": robustness.method,
        "photos": robustness.photos,
        "total": robustness.total,
        "confidence": 2 * robustness.confidence - 1,
        "sentences": [f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences],
        "rows": [
            {
                "name": result.name,
                "severity": result.severity,
                "keras": result.comparison.reference_accuracy,
                "file": result.comparison.accuracy,
                "points": to_points(-result.drop),
                "low": to_points(-result.drop_high),
                "high": to_points(-result.drop_low),
                # The interval excludes zero: the file is worse than Keras there, or better.
                "is_loss": result.drop_low > 0,
            }
            for result in robustness.results
        ],
    }
