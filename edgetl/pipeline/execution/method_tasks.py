"""Conversion methods of a build as tasks: the trained model is sent to a machine, which returns the stages of a file.

The machine makes the same stages as one machine does alone. The ladder then reads them back from the run folder here.
Without --all-methods it ends at the first file that holds the limit, so that one method waits for the one before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.core import methods
from edgetl.core.console import Console
from edgetl.core.device.targets import Target
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.execution.executor import Executor, Resources, TaskSpec
from edgetl.core.formats import FormatName
from edgetl.core.run.run_folder import open_run
from edgetl.core.run.stage_archive import StageFiles, StagesOutcome, pack_stages, unpack_stages
from edgetl.core.screen.step_plan import StepPlan
from edgetl.core.storage.files import write_text
from edgetl.core.storage.regular_files import LARGEST_TEXT_BYTES, read_regular
from edgetl.pipeline.context import CONVERTING, Context, StageClock
from edgetl.pipeline.files import Files
from edgetl.pipeline.model import Model
from edgetl.pipeline.order import ORDER_FILE, load_order
from edgetl.pipeline.scores import ModelScores

# Kinds of stages that files are made from: the part of their names before the first "-".
_SOURCES = frozenset({"inspect", "train", "translate", "calibrate", "retrain"})
# What a machine makes. It trains no model: one that is out of date there is an error.
_MADE = CONVERTING | {"ingest", "retrain"}
# TensorFlow, a network and a converter.
_MEMORY_BYTES = 3_000_000_000


# Format and method of a file.
PlannedFile = tuple[FormatName, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodTask:
    """One file of a target: the content of order.json, the target, and what the file is made from."""

    order: bytes
    target: str
    format: FormatName
    method: str
    stages: Mapping[str, StageFiles]


def make_files_elsewhere(context: Context, executor: Executor, target: Target, files: Sequence[PlannedFile]) -> None:
    """Make files of a target on other machines, and write their stages into the run folder.

    A file that cannot be made leaves the stages before it, and is tried again here.

    Args:
        context: of the build, whose model is trained, and whose order is in its run folder.
        executor: runs the tasks.
        target: decides the kernels.
        files: format and method of each.

    Raises:
        EdgetlError: the tasks cannot be run, or a machine does not have the photos.
    """
    root, console = context.run.root, context.console
    order = read_regular(root / ORDER_FILE, LARGEST_TEXT_BYTES)
    sources = {name: content for name, content in pack_stages(root).items() if _is_source(name)}
    tasks = [
        MethodTask(order=order, target=target.id, format=format_name, method=method, stages=sources)
        for format_name, method in files
    ]
    spec = TaskSpec(
        function=make_file,
        # A conversion uses all cores that it finds, so it has a machine for itself.
        resources=Resources(cpus=0, memory_bytes=_MEMORY_BYTES),
        title="makes a file of the model",
    )
    console.say(f"{len(tasks)} files for {target.id} on the cluster")
    for number, (position, outcome) in enumerate(executor.run(spec, tasks), 1):
        unpack_stages(root, outcome.stages)
        result = f"failed: {outcome.reason}" if outcome.reason else "finished"
        console.say(f"{tasks[position].method} {tasks[position].format}: {result}, {number} of {len(tasks)}")


def make_file(_shared: None, task: MethodTask) -> StagesOutcome:
    """Make and judge a file in a temporary run folder. Pixels are in the cache of this machine.

    Raises:
        ConfigError: the trained model is out of date by the photos or the packages of this machine.
        DataError: this machine does not have the photos.
    """
    with TemporaryDirectory(prefix="edgetl-") as folder:
        root = Path(folder)
        write_text(root / ORDER_FILE, task.order.decode())
        order = load_order(root)
        with open_run(root / "run") as run:
            unpack_stages(run.root, task.stages)
            context = Context(order=order, run=run, console=Console(quiet=True), makes=_MADE)
            model = Model(context)
            files = Files(context, model)
            scores = ModelScores(context, model, files)
            # Its errors are raised here, and are no reason of one file: without the model, no file can be made.
            _ = model.trained
            reason = ""
            try:
                _make_stages(files, scores, order.find_target(task.target), (task.format, task.method))
            except StageError as error:
                reason = error.message
            stages = pack_stages(run.root)
        made = {name: content for name, content in stages.items() if content != task.stages.get(name)}
        # The run folder here has one of its own, with the folder of the photos here.
        made.pop("ingest", None)
        return StagesOutcome(stages=made, reason=reason)


def list_missing(context: Context, target: Target, plan: Sequence[PlannedFile]) -> list[PlannedFile]:
    """List the files of a ladder with --all-methods that are not finished, and do not depend on each other.

    Variants of mixed8 do: the first that holds the limit is the last.

    Args:
        context: of the build.
        target: decides the kernels.
        plan: format and method of each file.
    """
    read = replace(context, makes=frozenset(), console=Console(quiet=True), clock=StageClock(), plan=StepPlan())
    model = Model(read)
    files = Files(read, model)
    scores = ModelScores(read, model, files)
    missing = []
    for file in plan:
        if methods.find_family(file[1]) == methods.MIXED:
            continue
        try:
            _make_stages(files, scores, target, file)
        except (ConfigError, StageError):
            missing.append(file)
    return missing


def _make_stages(files: Files, scores: ModelScores, target: Target, file: PlannedFile) -> None:
    format_name, method = file
    artifact = files.make(format_name, method)
    scores.measure_memory(artifact, target)
    scores.judge(artifact, "validation", target.choose_kernels(format_name))


def _is_source(stage: str) -> bool:
    return stage.partition("-")[0] in _SOURCES or stage == "score-keras-validation"
