"""Quantization errors of the layers: where an int8 file computes something else than its float model."""

from typing import Any

from edgetl.core.methods import find_method
from edgetl.core.report.tables import shorten_layer_name
from edgetl.core.report_page.facts import RunFacts, TargetFacts

_MOST = 20
# 1 / sqrt(12): rounding to the nearest step. Source: Widrow (1956), A study of rough amplitude quantization.
ROUNDING_STEPS = 0.2887
# A value outside of the range is clipped to its end: more than one in a thousand is no outlier any more.
_SATURATED = 0.001


def collect_layers(run: RunFacts, target: TargetFacts) -> dict[str, Any] | None:  # noqa: ARG001  (one form for all)
    """Collect the layers with the largest errors; None where no int8 file was calibrated."""
    if not target.layers:
        return None
    rows = target.layers[:_MOST]
    return {
        "format": target.result.format_title,
        # A method that trains sets ranges of its own.
        "other_method": "" if find_method(target.result.method).uses_shared_ranges else target.result.method,
        "total": len(target.layers),
        "highest": max(row.error_steps for row in rows),
        "rounding": ROUNDING_STEPS,
        "rows": [
            {
                "operator": row.operator,
                "name": shorten_layer_name(row.name),
                "error": row.error_steps,
                "saturated": row.saturated,
                "is_saturated": row.saturated > _SATURATED,
            }
            for row in rows
        ],
    }
