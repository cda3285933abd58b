"""The stage runner: calls a stage with its arguments, or reads its result back if their fingerprint matches.

A command that only scores or measures must not train. Its context makes stages of some kinds only; where another one is
missing or out of date, the error contains the command that makes it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from edgetl.core.console import Console
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.execution.executor import Executor
from edgetl.core.interrupt import check_interrupt
from edgetl.core.record import Record
from edgetl.core.run.fingerprint import compute_fingerprint
from edgetl.core.run.run_folder import FinishedStage, RunFolder, StageSpec, read_finished_stage
from edgetl.core.run.stage_origin import describe_origin, explain_difference, read_fingerprint, read_origin
from edgetl.core.run.workspace import Workspace
from edgetl.core.screen.step_plan import StepPlan
from edgetl.engines.conversion.worker import WORKER
from edgetl.pipeline.order import Order
from edgetl.pipeline.runs.build_command import format_build_command

P = ParamSpec("P")
R = TypeVar("R", bound=Record)

# Kinds of stages that a command makes: the part of their names before the first "-".
SCORING = frozenset({"score", "verify"})
MEASURING = SCORING | {"bench"}
CONVERTING = SCORING | {"translate", "calibrate", "convert", "features", "memory", "npu", "compress"}
BUNDLING = CONVERTING | {"answers", "bundle"}
# Stages that run conversions, or that conversions follow.
_BEFORE_CONVERSIONS = frozenset({"train", "translate", "calibrate", "convert"})


@dataclass(slots=True)
class StageClock:
    """Adds up the seconds of stages. Each stage counts once, with the seconds that it took when it was made.

    So an attempt of the ladder has the same seconds in a build that reads its stages back.
    """

    _counted: set[str] = field(default_factory=set)
    _lap_seconds: float = 0.0

    def count(self, stage: str, seconds: float) -> None:
        """Add the seconds of a stage to the current lap, unless the stage was counted before."""
        if stage not in self._counted:
            self._counted.add(stage)
            self._lap_seconds += seconds

    def lap(self) -> float:
        """Return the seconds of the current lap, rounded to 0.1 s, and start the next lap."""
        seconds, self._lap_seconds = self._lap_seconds, 0.0
        return round(seconds, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What every part of the pipeline shares.

    Attributes:
        order: what to build.
        run: the locked run folder.
        console: shows the progress.
        clock: adds up the seconds of stages.
        plan: counts the steps, and estimates the time that is left.
        makes: the kinds of stages that are made if they are missing or out of date; None for all. Others are read back.
        failures: fingerprint of a stage → why a library failed in it. Several methods need the same calibration: it is
            not tried again by this command.
        executor: runs the tasks of stages; None for this machine.
    """

    order: Order
    run: RunFolder
    console: Console
    clock: StageClock = field(default_factory=StageClock)
    makes: frozenset[str] | None = None
    plan: StepPlan = field(default_factory=StepPlan)
    failures: dict[str, StageError] = field(default_factory=dict)
    executor: Executor | None = None

    def can_make(self, stage: str) -> bool:
        """Return whether a stage of this name is made if it is missing or out of date."""
        return self.makes is None or stage.partition("-")[0] in self.makes

    def run_stage(
        self,
        spec: StageSpec[R],
        function: Callable[Concatenate[Workspace, P], R],
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> R:
        """Return the record of a stage, read back or made now.

        The fingerprint covers the arguments, the code of the function and of what it imports, and library versions.

        Args:
            spec: name, record type and title of the stage.
            function: the stage: it takes a workspace and the arguments, and returns a record.
            arguments: arguments of the stage after its workspace.
            keywords: further arguments of the stage.

        Raises:
            ConfigError: the stage is missing or out of date, and this context does not make it.
            TypeError: an argument without a key, see `core.run.fingerprint`.
            Interrupted: ^C or SIGTERM was received before the stage, or while it ran.
        """
        return self.run_stage_on(self.console, spec, function, *arguments, **keywords)

    def run_stage_on(
        self,
        console: Console,
        spec: StageSpec[R],
        function: Callable[Concatenate[Workspace, P], R],
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> R:
        """Run a stage as `run_stage` does, with its progress on another console."""

        def make(folder: Path) -> R:
            work = Workspace(folder, console, self.executor)
            if spec.name.partition("-")[0] in _BEFORE_CONVERSIONS:
                # In the background: its imports take seconds.
                WORKER.start()
            # Stages that take no noticeable time have no title.
            if not spec.title:
                return function(work, *arguments, **keywords)
            expected_s = self.plan.expect_s(spec.name)
            self.plan.begin(spec.name)
            with console.step(spec.title, expected_s):
                return function(work, *arguments, **keywords)

        check_interrupt()
        # The name, and not the function: a lazy function must not import its module to compute a fingerprint.
        name = f"{function.__module__}.{function.__name__}"
        fingerprint = compute_fingerprint(spec.name, name, [*arguments, keywords])

        def describe() -> dict[str, Any]:
            return describe_origin(name, arguments)

        if self.can_make(spec.name):
            if fingerprint in self.failures:
                raise self.failures[fingerprint]
            try:
                finished: FinishedStage[R] | None = self.run.stage(spec, fingerprint, make, describe)
            except StageError as error:
                self.failures[fingerprint] = error
                raise
        else:
            finished = self.run.read(spec, fingerprint)
        if finished is None:
            raise self._refuse(spec, fingerprint, describe())
        self.clock.count(spec.name, finished.seconds)
        self.plan.finish(spec.name)
        # Now the stage is kept. A signal in its last seconds does not lose a training.
        check_interrupt()
        return finished.record

    def keep(self, name: str, record: R) -> R:
        """Write a record that is computed on every build as the stage `name`; return it as it was written.

        The fingerprint covers every field, also those that `key()` leaves out, so that the file is up to date.
        """
        # A stage that a signal ended may look like a failed attempt, which must not be written.
        check_interrupt()
        fingerprint = compute_fingerprint(name, f"{__name__}.keep", [record.to_json(Path("/"))])
        return self.run.stage(StageSpec(name=name, record=type(record)), fingerprint, lambda _: record).record

    def read_kept(self, name: str, kind: type[R]) -> R:
        """Read the record that `keep` has written.

        Raises:
            ConfigError: there is none.
        """
        finished = read_finished_stage(self.run.root / name, kind)
        if finished is None:
            raise self.refuse(f"the run folder has no finished stage {name}")
        return finished.record

    def read_stage_files(self, stage: str) -> tuple[str, ...]:
        """Return the sha256 of the files that a finished stage was made from; none if that is not known."""
        return tuple(read_origin(self.run.root / stage).get("files", ()))

    def refuse(self, message: str) -> ConfigError:
        """Make the error for something that only a build makes. Its hint is the command."""
        command = format_build_command(self.order, self.run.root)
        return ConfigError(message, where=(self.run.root,), hint=f"make it with: {command}")

    def _refuse(self, spec: StageSpec[R], fingerprint: str, origin: dict[str, Any]) -> ConfigError:
        folder = self.run.root / spec.name
        if not folder.is_dir():
            return self.refuse(f"the run folder has no finished stage {spec.name}")
        if read_fingerprint(folder) == fingerprint:
            return self.refuse(f"files of stage {spec.name} were changed or deleted")
        rest = "the recipe, the photos or an earlier stage changed"
        reason = explain_difference(read_origin(folder), origin, rest)
        return self.refuse(f"stage {spec.name} is out of date: {reason}")
