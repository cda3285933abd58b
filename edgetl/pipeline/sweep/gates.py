"""The gates of a sweep, the cheap ones first: measure, heads, fine-tuning, files, one verdict on the test photos."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from edgetl.core.errors import StageError
from edgetl.core.records import Artifact, Dataset
from edgetl.core.screen.progress_line import format_duration
from edgetl.core.storage.files import write_json
from edgetl.core.sweep.front import explain_beaten
from edgetl.core.sweep.gate_costs import dump_sweep
from edgetl.core.sweep.paired_tests import PairedTests, estimate_detectable_difference, make_paired_tests
from edgetl.core.sweep.results import GATES, Gate, SweepResult, SweepRow, explain_exceeded, order_by_preference
from edgetl.core.sweep.space import SweepCandidate
from edgetl.pipeline.context import Context, StageClock
from edgetl.pipeline.order import Order
from edgetl.pipeline.sweep.candidate_run import (
    Kind,
    TrainedRun,
    measure_untrained,
    number_decisions,
    open_candidate,
    read_photos,
)
from edgetl.pipeline.sweep.candidate_tasks import SentCandidate, Work, is_finished, run_candidates
from edgetl.pipeline.sweep.plan import SweepPlan

RESULT_FILE = "sweep.json"
# The files of the last few are made: each takes a conversion or several.
_FINALISTS = 3


@dataclass(eq=False)
class SweepGates:
    """The gates of one sweep, and what is known about its candidates so far. It is written after each of them.

    Attributes:
        context: of the folder of the sweep.
        plan: what is compared.
        rows: of the candidates.
        correct: candidate → which decisions about the validation photos it makes rightly, by the last gate.
        detectable: see `SweepResult`.
    """

    context: Context
    plan: SweepPlan
    rows: dict[SweepCandidate, SweepRow] = field(default_factory=dict)
    correct: dict[SweepCandidate, NDArray[np.bool_]] = field(default_factory=dict)
    detectable: float | None = None
    _datasets: dict[int, Dataset] = field(default_factory=dict)
    # Two gates use the same run folder: a training of the first, which the second reads back, counts once.
    _clocks: dict[tuple[SweepCandidate, Kind], StageClock] = field(default_factory=dict)
    # Gate and candidate → why another machine failed in it.
    _failures: dict[tuple[Gate, SweepCandidate], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows = {candidate: SweepRow(candidate=candidate) for candidate in self.plan.orders}

    def measure(self) -> None:
        """Measure every candidate untrained. What exceeds a limit is not trained.

        Raises:
            StageError: no candidate is within the limits, or all failed.
        """
        for candidate in self._go("latency", list(self.rows)):
            unmet = ""
            with self._open(candidate, "untrained", "latency") as context:
                costs = measure_untrained(context, self.read_dataset(candidate), self.plan.device)
                names = ("ms", "estimated", "disturbed", "emulated", "bytes", "method")
                self._set(candidate, **{name: getattr(costs, name) for name in names})
                unmet = costs.unmet
            row = self.rows[candidate]
            if row.emulated:
                self.context.console.warn(f"{self.plan.device} is emulated: its milliseconds are those of no board")
            if not row.reason:
                exceeded = explain_exceeded(row, self.plan.limit_ms, self.plan.limit_bytes) or unmet
                self._set(candidate, reason=f"not trained: {exceeded}" if exceeded else "")
        self._require("no network is within the limits")

    def train_heads(self) -> None:
        """Train a head on the frozen base of each candidate that is left. Those that another one beats end here.

        Raises:
            StageError: all failed.
        """
        self._run_elsewhere("heads", self.list_left())
        for candidate in self._go("heads", self.list_left()):
            with self._open(candidate, "heads", "heads") as context:
                self._keep_correct(candidate, self._make_run(context, "heads", candidate), "head")
        left = self._require("no head could be trained")
        points = [point for candidate in left if (point := self.rows[candidate].point)]
        names = [candidate.name for candidate in left]
        for place, candidate in enumerate(left):
            self._set(candidate, reason=explain_beaten(names, points, place))

    def fine_tune(self) -> None:
        """Train the front in two phases, the most accurate head first, while the budget lasts.

        The seconds of a training that is read back count as when it was made: a continued sweep ends as one that was
        not interrupted.

        Raises:
            StageError: all failed.
        """
        order = sorted(self.list_left(), key=lambda candidate: -(self.rows[candidate].head or 0.0))
        used_s = 0.0
        self._run_elsewhere("fine-tuning", order)
        for number, candidate in enumerate(self._go("fine-tuning", order)):
            budget_s = self.plan.budget_s
            # One is trained whatever it takes: without any there is no result.
            if number and budget_s is not None and used_s >= budget_s:
                self._set(candidate, reason=f"not fine-tuned: the budget of {format_duration(budget_s)} was used")
                continue
            with self._open(candidate, "tuned", "fine-tuning") as context:
                self._keep_correct(candidate, self._make_run(context, "fine-tuning", candidate), "tuned")
            used_s += self.rows[candidate].seconds.get("fine-tuning", 0.0)
        self._require("no network could be trained")

    def make_files(self) -> dict[SweepCandidate, Artifact]:
        """Convert the last few: in order of preference, those that are not certainly worse than another one.

        Raises:
            StageError: no file could be made, or none is within the limits.
        """
        left = self.list_left()
        tests, clusters = self.make_tests(left), number_decisions(self.read_dataset(left[0]))
        independent = len(np.unique(clusters)) if clusters is not None else tests.correct.shape[1]
        differing = [float((a != b).mean()) for a, b in combinations(tests.correct, 2)]
        if differing:
            self.detectable = estimate_detectable_difference(float(np.mean(differing)), independent, len(differing))
        for worse, better in tests.find_worse().items():
            self._set(left[worse], reason=f"certainly less accurate than {left[better].name}")
        preference = order_by_preference([self.rows[candidate] for candidate in left], self.plan.prefer)
        equal = [left[place] for place in preference if not self.rows[left[place]].reason]
        for candidate in equal[_FINALISTS:]:
            self._set(candidate, reason=f"{_FINALISTS} networks that are not certainly worse are preferred")
        artifacts: dict[SweepCandidate, Artifact] = {}
        self._run_elsewhere("file", equal[:_FINALISTS])
        for candidate in self._go("file", equal[:_FINALISTS]):
            with self._open(candidate, "tuned", "file") as context:
                run = self._make_run(context, "file", candidate)
                artifact = run.choose_file()
                correct, scores = run.judge_file(artifact)
                self.correct[candidate] = correct
                artifacts[candidate] = artifact
                # On a device, the latency of another method is not known yet. An estimate is that of all methods.
                measured_here = self.plan.latency.kind == "host"
                same = artifact.method == self.rows[candidate].method or not measured_here
                ms = self.rows[candidate].ms if same else scores.invoke_ms
                self._set(candidate, ms=ms, bytes=artifact.bytes, file=float(correct.mean()), method=artifact.method)
            row = self.rows[candidate]
            if not row.reason:
                exceeded = explain_exceeded(row, self.plan.limit_ms, self.plan.limit_bytes)
                self._set(candidate, reason=f"{row.method}: {exceeded}" if exceeded else "")
        self._require("no file is within the limits")
        return artifacts

    def make_tests(self, candidates: Sequence[SweepCandidate]) -> PairedTests:
        """Return the tests of candidates on the validation photos, by the last gate of each."""
        correct = np.stack([self.correct[candidate] for candidate in candidates])
        return make_paired_tests(correct, number_decisions(self.read_dataset(candidates[0])))

    def read_dataset(self, candidate: SweepCandidate) -> Dataset:
        """Return the photos, decoded for the side of a candidate; once for each side."""
        side = candidate.side_px
        if side not in self._datasets:
            order = self.plan.orders[candidate]
            with open_candidate(self.context, order, "photos", f"{side}") as context:
                self._datasets[side] = read_photos(replace(context, console=self.context.console))
        return self._datasets[side]

    def make_result(self) -> SweepResult:
        """Return what is known so far."""
        datasets = list(self._datasets.values())
        return SweepResult(
            target=self.plan.target.id,
            where=self.plan.latency.title,
            limits=self.plan.describe_limits(),
            validation_photos=len(datasets[0].validation) if datasets else 0,
            rows=tuple(self.rows.values()),
            detectable=self.detectable,
        )

    def set_row(self, candidate: SweepCandidate, row: SweepRow) -> None:
        """Replace a row, and write the result so far."""
        self.rows[candidate] = row
        write_json(self.context.run.root / RESULT_FILE, dump_sweep(self.make_result()))

    def list_left(self) -> list[SweepCandidate]:
        """List the candidates that go on."""
        return [candidate for candidate, row in self.rows.items() if not row.reason]

    def _set(self, candidate: SweepCandidate, **changes: object) -> None:
        self.set_row(candidate, replace(self.rows[candidate], **changes))  # type: ignore[arg-type]

    def _keep_correct(self, candidate: SweepCandidate, run: TrainedRun, name: str) -> None:
        self.correct[candidate] = run.judge_model()
        self._set(candidate, **{name: float(self.correct[candidate].mean())})

    def _require(self, message: str) -> list[SweepCandidate]:
        """Return the candidates that are left; without any, the error has their reasons."""
        left = self.list_left()
        if not left:
            reasons = [f"{candidate.name}: {row.reason}" for candidate, row in self.rows.items()]
            hint = "allow more with --limit-ms or --limit-bytes, or compare others with --bases and --sides"
            raise StageError(message, where=reasons, hint=hint)
        return left

    def _go(self, gate: Gate, candidates: Sequence[SweepCandidate]) -> Iterator[SweepCandidate]:
        """Yield the candidates of a gate, each with a line: what runs, the best so far, and the time left."""
        start = time.monotonic()
        for number, candidate in enumerate(candidates, 1):
            line = f"gate {list(GATES).index(gate) + 1} of {len(GATES)}, {GATES[gate]}: {number} of {len(candidates)}"
            line += f", {candidate.name}"
            best = max(self.rows.values(), key=lambda row: row.accuracy or 0.0)
            if best.accuracy is not None:
                line += f"; best so far {best.candidate.name} with {best.accuracy * 100:.1f} %"
            if number > 1:
                left_s = (time.monotonic() - start) / (number - 1) * (len(candidates) - number + 1)
                line += f"; about {format_duration(left_s)} left in this gate"
            self.context.console.say(line)
            self._set(candidate, gate=gate)
            yield candidate

    def _run_elsewhere(self, gate: Gate, candidates: Sequence[SweepCandidate]) -> None:
        """Run the stages of a gate on the cluster, if there is one. What is finished is then read back here."""
        executor = self.context.executor
        if executor is None:
            return
        rows = [self._describe(gate, candidate) for candidate in candidates]
        sent = [row for row in rows if not is_finished(self.context, row, self.read_dataset(row.candidate))]
        if sent:
            self.context.console.say(f"{GATES[gate]}: {len(sent)} networks on the cluster")
        for number, (position, reason) in enumerate(run_candidates(self.context, executor, sent), 1):
            candidate = sent[position].candidate
            self._failures[gate, candidate] = reason
            outcome = f"failed: {reason}" if reason else "finished"
            self.context.console.say(f"{candidate.name}: {outcome}, {number} of {len(sent)}")

    def _make_run(self, context: Context, gate: Gate, candidate: SweepCandidate) -> TrainedRun:
        """Return the run of a candidate, which the cluster has trained if there is one.

        Raises:
            StageError: the cluster failed in this gate.
        """
        if reason := self._failures.get((gate, candidate)):
            raise StageError(reason)
        # What the cluster has trained is never trained here without a word. A file that could not be made is tried
        # again, as by every command that continues.
        if self.context.executor is not None and gate != "file":
            context = replace(context, makes=frozenset())
        return TrainedRun(context, self.read_dataset(candidate))

    def _describe(self, gate: Gate, candidate: SweepCandidate) -> SentCandidate:
        kind: Kind = "heads" if gate == "heads" else "tuned"
        work: Work = "file" if gate == "file" else "model"
        return SentCandidate(candidate=candidate, order=self._make_order(candidate, kind), kind=kind, work=work)

    def _make_order(self, candidate: SweepCandidate, kind: Kind) -> Order:
        """Return the order of a candidate; of its head, without the second phase."""
        order: Order = self.plan.orders[candidate]
        if kind != "heads":
            return order
        phase2 = order.recipe.phase2.model_copy(update={"epochs": 0})
        return replace(order, recipe=order.recipe.model_copy(update={"phase2": phase2}))

    @contextmanager
    def _open(self, candidate: SweepCandidate, kind: Kind, gate: Gate) -> Iterator[Context]:
        """Yield the context of a candidate. A failure of a stage is the reason of its row, and its seconds are kept."""
        clock = self._clocks.setdefault((candidate, kind), StageClock())
        with open_candidate(self.context, self._make_order(candidate, kind), kind, candidate.name) as opened:
            context = replace(opened, clock=clock)
            try:
                yield context
            except StageError as error:
                self._set(candidate, reason=f"failed: {error.message}")
            seconds = {**self.rows[candidate].seconds, gate: context.clock.lap()}
            run = str(context.run.root) if kind == "tuned" else self.rows[candidate].run
            self._set(candidate, seconds=seconds, run=run)
