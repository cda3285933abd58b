"""Changes of accuracy as cells and words. The sign is always that of the accuracy: minus is a loss."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetl.core.verdict_records import LedgerHop

HOP_COLUMNS = ("hop", "accuracy", "change", "in all", "broke", "fixed", "agreement")


def format_change(before: float, after: float) -> str:
    """Format a change of accuracy in points, with its sign: "-0.61" is a loss."""
    points = f"{(after - before) * 100:+.2f}"
    # Neither a gain nor a loss has no sign.
    return points.lstrip("+-") if float(points) == 0 else points


def describe_drop(drop: float) -> str:
    """Describe a drop in accuracy: "loses 0.61 points", "gains 3.85 points" for a negative one."""
    points = f"{abs(drop) * 100:.2f}"
    if float(points) == 0:
        return "loses no accuracy"
    return f"{'loses' if drop > 0 else 'gains'} {points} points"


def list_hop_cells(hops: Sequence["LedgerHop"]) -> list[list[str]]:
    """List the cells of a ledger in the order of `HOP_COLUMNS`.

    The column "change" compares with the hop before, and "in all" with the first hop. The first hop has neither.
    """
    return [
        [
            hop.name,
            f"{hop.accuracy:.4f}",
            format_change(hop.reference_accuracy, hop.accuracy) if position else "",
            format_change(hops[0].accuracy, hop.accuracy) if position else "",
            f"{hop.broke}",
            f"{hop.fixed}",
            f"{hop.agreement:.4f}",
        ]
        for position, hop in enumerate(hops)
    ]
