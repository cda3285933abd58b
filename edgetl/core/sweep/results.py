"""The results of a sweep: a row for each candidate, the choice, and their values for JSON, tables and the page."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from edgetl.core.microcontroller.latency import round_latency
from edgetl.core.report.tables import Table, format_bytes
from edgetl.core.sweep.front import FrontPoint
from edgetl.core.sweep.space import SweepCandidate

Gate = Literal["latency", "heads", "fine-tuning", "file", "chosen"]
# Gate → what it does, for sentences about progress.
GATES: dict[Gate, str] = {
    "latency": "convert the untrained network, and measure it",
    "heads": "train the head on cached features",
    "fine-tuning": "train in two phases",
    "file": "convert by the methods of the target",
    "chosen": "judge on the test photos",
}
_DISTURBED, _EMULATED = "~", " emulated"


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepRow:
    """What is known about a candidate.

    Attributes:
        candidate: the network.
        gate: the last gate that it has entered.
        reason: why it was left out; "" while it is a candidate, and for the chosen one.
        ms: latency of the int8 file; None before it is measured, and where nothing is known about it.
        estimated: whether it is an estimate: see `latency_source`.
        disturbed: whether other processes disturbed that measurement.
        emulated: whether it is that of an emulated device, and so of no board.
        bytes: size of the file; None before it is converted.
        head: validation accuracy with a trained head on the frozen base, 0..1.
        tuned: validation accuracy after both phases of training, 0..1.
        file: validation accuracy of the file that the target gets, 0..1.
        method: the conversion method of that file.
        run: the run folder of the training, in the folder of the sweep.
        seconds: gate → seconds that it took when it was made.
    """

    candidate: SweepCandidate
    gate: Gate = "latency"
    reason: str = ""
    ms: float | None = None
    estimated: bool = False
    disturbed: bool = False
    emulated: bool = False
    bytes: int | None = None
    head: float | None = None
    tuned: float | None = None
    file: float | None = None
    method: str = ""
    run: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def accuracy(self) -> float | None:
        """The validation accuracy of the last gate that has one, 0..1."""
        return next((value for value in (self.file, self.tuned, self.head) if value is not None), None)

    @property
    def point(self) -> FrontPoint | None:
        """Accuracy and costs; None before they are known. Networks of unknown latency count as equally fast."""
        if self.accuracy is None or self.bytes is None:
            return None
        return FrontPoint(accuracy=self.accuracy, ms=self.ms or 0.0, bytes=self.bytes)


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepChoice:
    """The chosen candidate, and how certain the choice is.

    Attributes:
        name: of the candidate.
        rule: by what it was chosen, in words.
        accuracy: of its file on the validation photos, 0..1.
        optimism: by how much that is too high because the candidate was chosen on these photos, estimated.
        test_accuracy: of its file on the test photos, on which nothing was chosen; with its one-sided bounds.
        outcome: verdict on its conversion.
        bundle: the folder for the device.
        commands: what to type next.
    """

    name: str
    rule: str
    accuracy: float
    optimism: float
    test_accuracy: float
    test_low: float
    test_high: float
    test_photos: int
    outcome: str
    bundle: str
    commands: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepResult:
    """A sweep, finished or not.

    Attributes:
        target: id of the target.
        where: what the latency is, in words: see `latency_source`.
        limits: the limits on latency and bytes, in words; "" for none.
        validation_photos: number of photos that all candidates are compared on.
        detectable: smallest difference of accuracy that the tests find in 80 % of draws, 0..1; None before they ran.
        rows: in the order of the space.
        choice: None before the end.
    """

    target: str
    where: str
    limits: str
    validation_photos: int
    rows: tuple[SweepRow, ...]
    detectable: float | None = None
    choice: SweepChoice | None = None

    def dump(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        rows = [
            {"name": row.candidate.name, **asdict(row.candidate)}
            | {name: value for name, value in asdict(row).items() if name != "candidate"}
            for row in self.rows
        ]
        return asdict(self) | {"rows": rows, "schema": 1}

    def describe(self) -> tuple[str, ...]:
        """Say in sentences how much the differences and the accuracy of the choice mean."""
        lines = []
        if self.detectable is not None:
            lines.append(
                f"with {self.validation_photos} validation photos, differences below about "
                f"{self.detectable * 100:.1f} points mostly stay unseen: equal networks may differ by that"
            )
        choice = self.choice
        if choice is not None:
            lines.append(f"chosen: {choice.name}, {choice.rule}")
            lines.append(
                f"validation accuracy {choice.accuracy:.4f}, of which about {choice.optimism * 100:.2f} points are the "
                "luck of the choice; its epochs were chosen on these photos, too"
            )
            lines.append(
                f"test accuracy {choice.test_accuracy:.4f} ({choice.test_low:.4f} to {choice.test_high:.4f}) on "
                f"{choice.test_photos} photos that nothing was chosen on; conversion: {choice.outcome}"
            )
        return tuple(lines)


def tabulate_sweep(result: SweepResult) -> Table:
    """Tabulate the candidates for a terminal, with the accuracy of the last gate: title, columns, rows.

    Reasons contain names of networks. With a column for each gate, both names have no room on 80 columns.
    """
    columns = ["network", "ms", "size", "accuracy", "result"]
    title = f"networks for {result.target}; ms: {result.where}; accuracy: on validation photos, %"
    rows = [_list_cells(row) for row in result.rows]
    return title, columns, [[*cells[:3], _name_accuracy(cells[3:6]), cells[6]] for cells in rows]


def tabulate_gates(result: SweepResult) -> Table:
    """Tabulate the candidates for a page, with the validation accuracy after each gate: title, columns, rows."""
    columns = ["network", "ms", "size", "head %", "tuned %", "file %", "result"]
    return f"networks for {result.target}, ms: {result.where}", columns, [_list_cells(row) for row in result.rows]


def _name_accuracy(accuracies: Sequence[str]) -> str:
    """Return the last of the accuracies of head, tuned network and file, with what has it."""
    known = [f"{text} {name}" for text, name in zip(accuracies, ("head", "tuned", "file"), strict=True) if text]
    return known[-1] if known else ""


def _list_cells(row: SweepRow) -> list[str]:
    return [
        row.candidate.name,
        _format_latency(row),
        "" if row.bytes is None else format_bytes(row.bytes),
        *("" if value is None else f"{value * 100:.1f}" for value in (row.head, row.tuned, row.file)),
        row.reason or (f"chosen, {row.method}" if row.gate == "chosen" else f"next: {row.gate}"),
    ]


def _format_latency(row: SweepRow) -> str:
    if row.ms is None:
        return ""
    if row.estimated:
        return round_latency(row.ms)
    # Of a slow network, hundredths decide nothing, and take the place of the reason on 80 columns.
    text = f"{row.ms:.2f}" if row.ms < 100 else f"{row.ms:.0f}"
    return f"{_DISTURBED if row.disturbed else ''}{text}{_EMULATED if row.emulated else ''}"


def explain_exceeded(row: SweepRow, limit_ms: float | None, limit_bytes: int | None) -> str:
    """Name the limits that a measured candidate exceeds, in words; "" if it exceeds none."""
    reasons = []
    if limit_ms is not None and row.ms is not None and row.ms > limit_ms:
        latency = f"an estimate of {round_latency(row.ms)} ms" if row.estimated else f"{row.ms:.2f} ms"
        reasons.append(f"{latency}, at most {limit_ms:g} allowed")
    if limit_bytes is not None and row.bytes is not None and row.bytes > limit_bytes:
        reasons.append(f"{row.bytes} bytes, at most {limit_bytes} allowed")
    return "; ".join(reasons)


def order_by_preference(rows: Sequence[SweepRow], prefer: Literal["latency", "bytes"]) -> list[int]:
    """Return the places of measured rows, the fastest or the smallest first; the other cost decides between equals."""

    def cost(place: int) -> tuple[float, float]:
        ms, size = rows[place].ms or 0.0, float(rows[place].bytes or 0)
        return (ms, size) if prefer == "latency" else (size, ms)

    return sorted(range(len(rows)), key=cost)
