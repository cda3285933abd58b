"""Changes of accuracy as cells and words. The sign is always that of the accuracy: minus is a loss."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetl.core.verdict_records import LedgerHop, Measure

HOP_COLUMNS = ("hop", "accuracy", "balanced", "change", "in all", "broke", "fixed", "agreement")


def format_change(before: float, after: float) -> str:
    """Format a change of accuracy in points, with its sign: "-0.61" is a loss."""
    points = f"{(after - before) * 100:+.2f}"
    # Neither a gain nor a loss has no sign.
    return points.lstrip("+-") if float(points) == 0 else points


def describe_drop(drop: float, title: str = "accuracy") -> str:
    """Describe a drop in accuracy: "loses 0.61 points", "gains 3.85 points" for a negative one.

    Args:
        drop: the drop, -1..1.
        title: what drops; another measure than accuracy is named.
    """
    points = f"{abs(drop) * 100:.2f}"
    if float(points) == 0:
        return f"loses no {title}"
    return f"{'loses' if drop > 0 else 'gains'} {points} points" + (f" of {title}" if title != "accuracy" else "")


def describe_hop_photos(hops: Sequence["LedgerHop"], name: str = "") -> str:
    """Describe the photos of a ledger: "661 test photos", or "661 test photos, 200 of them after the last hop".

    Args:
        hops: the hops, in order; at least one.
        name: of the part of the photos, such as "test".
    """
    photos, last = hops[0].describe_photos(name), hops[-1].photos
    return photos if last == hops[0].photos else f"{photos}, {last} of them after the last hop"


def list_hop_cells(hops: Sequence["LedgerHop"], measure: "Measure" = "accuracy") -> list[list[str]]:
    """List the cells of a ledger in the order of `HOP_COLUMNS`.

    The column "change" compares with the hop before, and "in all" with the first hop. The first hop has neither. A hop
    with fewer photos than the first has no change in all.

    Args:
        hops: the hops, in order.
        measure: what changes, accuracy or balanced accuracy.
    """
    accuracies = [hop.read_accuracy(measure) for hop in hops]
    return [
        [
            hop.name,
            f"{hop.accuracy:.4f}",
            f"{hop.balanced_accuracy:.4f}",
            format_change(*accuracies[position]) if position else "",
            format_change(accuracies[0][1], accuracies[position][1])
            if position and hop.photos == hops[0].photos
            else "",
            f"{hop.broke}",
            f"{hop.fixed}",
            f"{hop.agreement:.4f}",
        ]
        for position, hop in enumerate(hops)
    ]
