"""Rows of a sweep → the seconds of each gate, and the seconds of later gates that it has spared, estimated."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgetl.core.screen.progress_line import format_duration
from edgetl.core.sweep.results import GATES, Gate, SweepResult, SweepRow

# Gate → the training that networks which end in it do not have. The gates after that one would cost more.
_NEXT_TRAINING: dict[Gate, Gate] = {"latency": "heads", "heads": "fine-tuning"}


@dataclass(frozen=True, kw_only=True, slots=True)
class GateCost:
    """What a gate costs and spares.

    Attributes:
        gate: the gate.
        seconds: of all networks that have entered it.
        ended: number of networks that it has ended, failures left out.
        spared_s: seconds that the next training of these networks would have taken, estimated from its seconds per
            millisecond of latency for the others; None where no gate is spared, or there is nothing to estimate from.
    """

    gate: Gate
    seconds: float
    ended: int = 0
    spared_s: float | None = None


def estimate_gate_costs(rows: Sequence[SweepRow]) -> tuple[GateCost, ...]:
    """Return the costs of the gates that have run, in their order."""
    costs = []
    for gate in GATES:
        seconds = [row.seconds[gate] for row in rows if gate in row.seconds]
        if seconds:
            ended = [row for row in rows if row.gate == gate and row.reason and not row.reason.startswith("failed")]
            spared_s = _estimate_training(_NEXT_TRAINING[gate], ended, rows) if gate in _NEXT_TRAINING else None
            costs.append(GateCost(gate=gate, seconds=round(sum(seconds), 1), ended=len(ended), spared_s=spared_s))
    return tuple(costs)


def describe_gate_costs(costs: Iterable[GateCost]) -> str:
    """Describe the costs in a sentence; "" for none."""
    parts = []
    for cost in costs:
        spared = "" if not cost.spared_s else f" (spared about {format_duration(cost.spared_s)} of training)"
        parts.append(f"{cost.gate} {format_duration(cost.seconds)}{spared}")
    return f"time of the gates: {', '.join(parts)}" if parts else ""


def dump_sweep(result: SweepResult) -> dict[str, Any]:
    """Return plain values for JSON: those of the result, and the costs of its gates."""
    return result.dump() | {"gates": [asdict(cost) for cost in estimate_gate_costs(result.rows)]}


def _estimate_training(gate: Gate, ended: Sequence[SweepRow], rows: Sequence[SweepRow]) -> float | None:
    """Return the seconds of a training for networks that did not have it: a slower network trains longer, too."""
    rates = [row.seconds[gate] / row.ms for row in rows if row.ms and row.seconds.get(gate)]
    if not rates:
        return None
    return round(statistics.median(rates) * sum(row.ms or 0.0 for row in ended), 1)
