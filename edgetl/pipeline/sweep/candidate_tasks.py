"""Candidates of a sweep as tasks: a run folder is sent to a machine, which returns its finished stages back.

The machine runs the same stages as one machine does alone. The run folder here then has them, and they are read back.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from edgetl.core.console import Console
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.execution.executor import Executor, Resources, TaskSpec
from edgetl.core.records import Dataset
from edgetl.core.run.run_folder import open_run
from edgetl.core.run.stage_archive import StageFiles, StagesOutcome, pack_stages, unpack_stages
from edgetl.core.storage.files import write_text
from edgetl.core.storage.regular_files import LARGEST_TEXT_BYTES, read_regular
from edgetl.core.sweep.space import SweepCandidate
from edgetl.pipeline.context import Context
from edgetl.pipeline.order import ORDER_FILE, Order, load_order, save_order
from edgetl.pipeline.sweep.candidate_run import Kind, TrainedRun, open_candidate, read_photos

# What a task makes: the trained model with its scores, or the chosen file with its scores.
Work = Literal["model", "file"]
# TensorFlow, a network and a batch; features and pixels are read from the disk.
_MEMORY_BYTES = 1_500_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class CandidateTask:
    """What a machine needs: the content of order.json, what to make, and the finished stages."""

    order: bytes
    work: Work
    stages: Mapping[str, StageFiles]


@dataclass(frozen=True, kw_only=True, slots=True)
class SentCandidate:
    """A candidate whose stages another machine makes, and the folder of its run."""

    candidate: SweepCandidate
    order: Order
    kind: Kind
    work: Work


def run_candidates(context: Context, executor: Executor, sent: list[SentCandidate]) -> Iterator[tuple[int, str]]:
    """Run candidates on other machines, and write their stages into their run folders.

    Args:
        context: of the sweep.
        executor: runs the tasks.
        sent: the candidates.

    Yields:
        Position of a candidate that is finished, and why it failed; "" if it did not.

    Raises:
        EdgetlError: the tasks cannot be run, or the photos cannot be used.
    """
    # A training uses all cores that it finds, so it has a machine for itself.
    resources = Resources(cpus=0, memory_bytes=_MEMORY_BYTES)
    spec = TaskSpec(function=run_candidate, resources=resources, title="trains a network of the sweep")
    for position, outcome in executor.run(spec, (_make_task(context, row) for row in sent)):
        row = sent[position]
        with open_candidate(context, row.order, row.kind, row.candidate.name) as inner:
            unpack_stages(inner.run.root, outcome.stages)
        yield position, outcome.reason


def run_candidate(_shared: None, task: CandidateTask) -> StagesOutcome:
    """Make the stages of a candidate in a temporary run folder. Pixels and features are in the cache of this machine.

    Raises:
        ConfigError, DataError: this machine does not have the photos or the weights.
    """
    console = Console(quiet=True)
    with TemporaryDirectory(prefix="edgetl-") as folder:
        root = Path(folder)
        write_text(root / ORDER_FILE, task.order.decode())
        order = load_order(root)
        with open_run(root / "photos") as run:
            dataset = read_photos(Context(order=order, run=run, console=console))
        with open_run(root / "candidate") as run:
            unpack_stages(run.root, task.stages)
            reason = ""
            try:
                candidate = TrainedRun(Context(order=order, run=run, console=console), dataset)
                _make_stages(candidate, task.work)
            except StageError as error:
                reason = error.message
            stages = pack_stages(run.root)
        # What came with the task is there already.
        stages = {name: files for name, files in stages.items() if files != task.stages.get(name)}
        return StagesOutcome(stages=stages, reason=reason)


def is_finished(context: Context, row: SentCandidate, dataset: Dataset) -> bool:
    """Return whether the stages of a candidate are finished already, by the same photos and recipe.

    Args:
        context: of the sweep.
        row: the candidate.
        dataset: the photos of the order.
    """
    with open_candidate(context, row.order, row.kind, row.candidate.name) as inner:
        try:
            _make_stages(TrainedRun(replace(inner, makes=frozenset()), dataset), row.work)
        except ConfigError:
            return False
    return True


def _make_stages(run: TrainedRun, work: Work) -> None:
    run.judge_model()
    if work == "file":
        run.judge_file(run.choose_file())


def _make_task(context: Context, row: SentCandidate) -> CandidateTask:
    with open_candidate(context, row.order, row.kind, row.candidate.name) as inner:
        # The untrained networks have no order in their folder.
        save_order(row.order, inner.run.root)
        order = read_regular(inner.run.root / ORDER_FILE, LARGEST_TEXT_BYTES)
        return CandidateTask(order=order, work=row.work, stages=pack_stages(inner.run.root))
