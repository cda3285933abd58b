"""The stage runner: calls a stage with its arguments, or reads its result back if their fingerprint matches."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from edgetl.core.console import Console
from edgetl.core.interrupt import check_interrupt
from edgetl.core.record import Record
from edgetl.core.run.fingerprint import compute_fingerprint
from edgetl.core.run.run_folder import RunFolder, StageSpec
from edgetl.core.run.workspace import Workspace
from edgetl.core.screen.step_plan import StepPlan
from edgetl.pipeline.order import Order

P = ParamSpec("P")
R = TypeVar("R", bound=Record)


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
    """

    order: Order
    run: RunFolder
    console: Console
    clock: StageClock = field(default_factory=StageClock)
    plan: StepPlan = field(default_factory=StepPlan)

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
            work = Workspace(folder, console)
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
        finished = self.run.stage(spec, compute_fingerprint(spec.name, name, [*arguments, keywords]), make)
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
