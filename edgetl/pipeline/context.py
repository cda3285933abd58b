"""The stage runner: calls a stage with its arguments, or reads its result back if a fingerprint over them matches."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from edgetl.core.console import Console
from edgetl.core.record import Record
from edgetl.core.run.fingerprint import compute_fingerprint
from edgetl.core.run.run_folder import RunFolder, StageSpec
from edgetl.core.run.workspace import Workspace
from edgetl.pipeline.order import Order

P = ParamSpec("P")
R = TypeVar("R", bound=Record)


@dataclass(slots=True)
class StageClock:
    """Adds up what stages took when they were made, in this process or an earlier one; each stage counts once."""

    _counted: set[str] = field(default_factory=set)
    _lap_seconds: float = 0.0

    def count(self, stage: str, seconds: float) -> None:
        """Add a stage, unless it was added before."""
        if stage not in self._counted:
            self._counted.add(stage)
            self._lap_seconds += seconds

    def lap(self) -> float:
        """Return the seconds of the stages since the last call, and start the next lap."""
        seconds, self._lap_seconds = self._lap_seconds, 0.0
        return round(seconds, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """The order, the run folder and the console: what every part of the pipeline shares."""

    order: Order
    run: RunFolder
    console: Console
    clock: StageClock = field(default_factory=StageClock)

    def run_stage(
        self,
        spec: StageSpec[R],
        function: Callable[Concatenate[Workspace, P], R],
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> R:
        """Return the record of a stage, read back or made now.

        Its fingerprint covers the arguments, the function's code and the libraries that it imports.

        Args:
            spec: name, record type and title of the stage.
            function: the stage, from `pipeline.stages`.
            arguments: arguments of the stage after its workspace.
            keywords: further arguments of the stage.
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
            if not spec.title:
                return function(work, *arguments, **keywords)
            with console.step(spec.title):
                return function(work, *arguments, **keywords)

        name = f"{function.__module__}.{function.__name__}"
        finished = self.run.stage(spec, compute_fingerprint(spec.name, name, [*arguments, keywords]), make)
        self.clock.count(spec.name, finished.seconds)
        return finished.record

    def keep(self, name: str, record: R) -> R:
        """Keep a record that is computed on every build, as the stage `name`."""
        fingerprint = compute_fingerprint(name, __name__ + ".keep", [record.to_json(Path("/"))])
        return self.run.stage(StageSpec(name=name, record=type(record)), fingerprint, lambda _: record).record
