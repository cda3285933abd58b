"""The section of the report about a microcontroller: what the file needs, and the boards that it fits into."""

from typing import Any

from edgetl.core.microcontroller.memory_table import BOARD_COLUMNS
from edgetl.core.report_page.facts import RunFacts, TargetFacts


def collect_memory(run: RunFacts, target: TargetFacts) -> dict[str, Any] | None:  # noqa: ARG001  (one form for all sections)
    """Collect the memory and the boards; None for a target that is no microcontroller."""
    result = target.result
    return {"lines": result.memory, "columns": BOARD_COLUMNS, "rows": result.boards} if result.memory else None
