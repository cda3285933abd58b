"""The Pareto front: the candidates that no other one beats in accuracy, latency and bytes at once."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class FrontPoint:
    """What a candidate reaches and costs: its accuracy 0..1, its latency in ms, and the bytes of its file."""

    accuracy: float
    ms: float
    bytes: int

    def beats(self, point: "FrontPoint") -> bool:
        """Return whether this one is at least as good in everything, and better in something."""
        no_worse = self.accuracy >= point.accuracy and self.ms <= point.ms and self.bytes <= point.bytes
        return no_worse and self != point


def find_front(points: Sequence[FrontPoint]) -> list[int]:
    """Return the places of the points that no other one beats, in their order. Of equal points, all are returned."""
    return [place for place, point in enumerate(points) if not any(rival.beats(point) for rival in points)]


def explain_beaten(names: Sequence[str], points: Sequence[FrontPoint], place: int) -> str:
    """Name the most accurate candidate that beats a point, in words; "" for a point of the front."""
    rivals = [index for index, rival in enumerate(points) if rival.beats(points[place])]
    if not rivals:
        return ""
    best = max(rivals, key=lambda index: points[index].accuracy)
    # Where nothing is known about latencies, all are 0.
    what = "accuracy, ms and bytes" if points[place].ms else "accuracy and bytes"
    return f"{names[best]} is no worse in {what}"
