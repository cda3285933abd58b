"""The choice of a file for one target: its methods are tried in order until a file holds the limit.

The files are compared on the validation photos. Only the chosen file is judged on the test photos: a choice made on
them would bias the verdict.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

from edgetl.core import methods
from edgetl.core.device import limits
from edgetl.core.device.targets import Target
from edgetl.core.errors import ConfigError, EdgetlError, StageError
from edgetl.core.evaluation import choice, ladder
from edgetl.core.evaluation.choice import Choice, Preference
from edgetl.core.evaluation.ladder import Attempt, Candidate
from edgetl.core.execution.executor import Executor
from edgetl.core.formats import FormatName
from edgetl.core.records import Artifact
from edgetl.core.run.latencies import read_latencies
from edgetl.core.run.pins import read_pins, write_pin
from edgetl.pipeline.context import Context
from edgetl.pipeline.execution.method_tasks import list_missing, make_files_elsewhere
from edgetl.pipeline.files import Files
from edgetl.pipeline.scores import ModelScores

_HINT = "choose another --method, or none"
_FAILED = "failed: "


class Selection:
    """The ladder of one target.

    Raises:
        ConfigError: the order pins a method that the target does not accept.
    """

    def __init__(self, context: Context, files: Files, scores: ModelScores, target: Target) -> None:
        self._context = context
        self._order = context.order
        self._files = files
        self._scores = scores
        self._target = target
        # Now, so that a method that is not accepted is an error before any stage runs.
        self._plan = self._make_plan()

    @cached_property
    def attempts(self) -> tuple[Attempt, ...]:
        """The methods that were tried: up to the first that holds the limit, or all of them.

        Raises:
            ConfigError: no file was made.
            StageError: the conversion of a pinned method failed, or all failed.
        """
        if self._context.executor is not None and self._order.all_methods:
            self._make_files_elsewhere(self._context.executor)
        return self._try(self._plan)

    def choose(self, method: str = "") -> Artifact:
        """Return the file of a method; without one, the file that the objective of the order or the target chooses.

        Args:
            method: name of the method; "" for the one that the order or `pin` has pinned, if any.

        Raises:
            ConfigError: the target does not accept the method, or no file was made.
        """
        root = self._context.run.root
        method = method or self._order.method or read_pins(root).get(self._target.id, "")
        if not method:
            return self._choose(self.attempts).chosen.artifact
        return self._make(self._find_format(method, accepted=True), method)

    def choose_pinned(self, method: str) -> Artifact:
        """Pin a method and return its file, as `choose` does. A method whose file cannot be made is not pinned.

        Args:
            method: name of the method; "" removes the pin and chooses again.

        Raises:
            ConfigError: the target does not accept the method, or no file was made.
        """
        if not method:
            self.pin("")
        artifact = self.choose(method)
        if method:
            self.pin(method)
        return artifact

    def pin(self, method: str) -> None:
        """Pin a method in the run folder: `choose` returns its file from now on. With "", remove the pin.

        Raises:
            ConfigError: the target does not accept the method.
        """
        if method:
            self._find_format(method, accepted=True)
        write_pin(self._context.run.output, self._target.id, method)

    def unpin(self) -> str:
        """Remove the pin; return the method that was pinned, or ""."""
        method = read_pins(self._context.run.root).get(self._target.id, "")
        self.pin("")
        return method

    def explain(self, chosen: Artifact) -> Choice:
        """Return the attempts with the reason why each was chosen or not.

        Args:
            chosen: what `choose` has returned for the method of the order.

        Raises:
            ConfigError: no file was made.
        """
        return self._choose(self.attempts, pinned=chosen if self._order.method else None)

    def convert(self, method: str) -> Artifact:
        """Return the file of a method, also if the target does not accept the method.

        Raises:
            ConfigError: the method makes no file of a format that the target accepts.
        """
        return self._make(self._find_format(method, accepted=False), method)

    def _make_files_elsewhere(self, executor: Executor) -> None:
        """Let other machines make the files that the ladder then reads back."""
        # What all files share is made here, once.
        self._scores.score_reference("validation")
        plan = [file for file in self._plan if self._is_tried(*file)]
        missing = list_missing(self._context, self._target, plan)
        if missing:
            make_files_elsewhere(self._context, executor, self._target, missing)

    def _is_tried(self, format_name: FormatName, method: str) -> bool:
        try:
            return not self._files.explain_skip(format_name, methods.find_method(method))
        # The ladder has a row with the reason.
        except StageError:
            return False

    def _make_plan(self) -> tuple[tuple[FormatName, str], ...]:
        """List format and method of every file to try, in order of preference."""
        pinned = self._order.method
        if pinned:
            format_name = self._find_format(pinned, accepted=True)
            if not self._order.all_methods:
                return tuple((format_name, variant) for variant in ladder.list_variants(pinned))
        # Pruned and clustered files are made only when pinned. A model made elsewhere is never trained.
        retrainings = {""} if self._order.recipe.external.path else {"", "qat"}
        return tuple(
            (format_name, variant)
            for name in self._target.accepts.methods
            if methods.find_method(name).retraining in retrainings
            for format_name in self._target.accepts.formats
            if format_name in methods.find_method(name).formats
            for variant in ladder.list_variants(name)
        )

    def _try(self, plan: Iterable[tuple[FormatName, str]]) -> tuple[Attempt, ...]:
        attempts: list[Attempt] = []
        for format_name, method in plan:
            if ladder.is_settled(attempts, method, try_all=self._order.all_methods):
                continue
            # Starts a lap: training and decoding belong to no attempt.
            self._context.clock.lap()
            candidate, reason = self._attempt(format_name, method, attempts)
            seconds = self._context.clock.lap()
            attempt = Attempt(method=method, seconds=seconds, reason=reason, candidate=candidate)
            attempts += _shorten_failure(attempt, attempts) if reason else ()
        if not any(attempt.candidate for attempt in attempts):
            raise self._make_error(attempts)
        return tuple(attempts)

    def _make_error(self, attempts: Sequence[Attempt]) -> EdgetlError:
        """Make the error of a climb without a file. It names each reason once."""
        methods_by_reason: dict[str, list[str]] = {}
        for attempt in attempts:
            methods_by_reason.setdefault(attempt.reason, []).append(attempt.method)
        reasons = tuple(f"{', '.join(names)}: {reason}" for reason, names in methods_by_reason.items())
        failed = any(reason.startswith(_FAILED) for reason in methods_by_reason)
        error: type[EdgetlError] = StageError if failed else ConfigError
        return error(f"no file was made for {self._target.id}: {'; '.join(reasons)}", hint=_HINT)

    def _attempt(
        self, format_name: FormatName, method: str, attempts: Sequence[Attempt]
    ) -> tuple[Candidate | None, str]:
        """Make and judge one file; return it, or None if none was made, and the result or reason in words.

        The reason is "" for a method that would make the file of another one.
        """
        try:
            if method == ladder.ONLY_WITHOUT_KERNEL and not self._files.has_float_layers(format_name):
                return None, ""
            # A method that cannot help costs nothing but a line in the ladder.
            skip = self._files.explain_skip(format_name, methods.find_method(method))
            if not skip and not self._order.all_methods:
                skip = ladder.explain_retraining_skip(attempts, method)
            if skip:
                return None, skip
            artifact = self._files.make(format_name, method)
            memory = self._scores.measure_memory(artifact, self._target)
            verdict = self._scores.judge(artifact, "validation", self._target.choose_kernels(format_name))
        except StageError as error:
            # A failure of a library is an attempt without a file, unless the order pins the method.
            if method == self._order.method:
                raise
            return None, f"{_FAILED}{error.message}"
        candidate = Candidate(
            artifact=artifact,
            validation=verdict,
            number=len(ladder.list_candidates(attempts)) + 1,
            strict=self._order.recipe.contract.strict,
            unmet=limits.check_file_limits(artifact, memory, self._target.limits),
        )
        return candidate, ladder.explain_result(candidate)

    def _choose(self, attempts: Sequence[Attempt], pinned: Artifact | None = None) -> Choice:
        devices = read_latencies(self._context.run.root, self._target.id)
        preference = Preference(
            objective=self._order.prefer or self._target.accepts.prefer,
            # Latencies of two devices cannot be compared: those of the device that has measured most files count.
            device_ms=max(devices.values(), key=len, default={}),
        )
        return choice.choose_file(attempts, preference, pinned=pinned)

    def _make(self, format_name: FormatName, method: str) -> Artifact:
        """Return the file of one method; of mixed8, the variant that the objective chooses."""
        variants = ladder.list_variants(method)
        # Only "mixed8" is several files. Which of them is sufficient is found by trying.
        if method not in variants:
            return self._choose(self._try((format_name, variant) for variant in variants)).chosen.artifact
        skip = self._files.explain_skip(format_name, methods.find_method(method))
        if skip:
            raise ConfigError(f"no file was made for {self._target.id}: {method}: {skip}", hint=_HINT)
        return self._files.make(format_name, method)

    def _find_format(self, method: str, *, accepted: bool) -> FormatName:
        """Find the first of the target's formats that the method makes.

        Raises:
            ConfigError: there is none, or, with `accepted`, the target does not accept the method.
        """
        formats, accepts = methods.find_method(method).formats, self._target.accepts
        if accepted and methods.find_family(method) not in accepts.methods:
            raise ConfigError(
                f"target {self._target.id} does not accept {method}",
                where=(self._target.source,),
                hint=f"it accepts {', '.join(accepts.methods)}",
            )
        for format_name in accepts.formats:
            if format_name in formats:
                return format_name
        raise ConfigError(
            f"{method} makes {' and '.join(formats)} files, and target {self._target.id} accepts "
            f"{', '.join(accepts.formats)}",
            where=(self._target.source,),
            hint=f"it accepts {', '.join(accepts.methods)}",
        )


def _shorten_failure(attempt: Attempt, attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """Return the rows for an attempt: one for all variants of mixed8 that fail for the same reason as a method before.

    They need the same ranges, so that they fail alike where the calibrator does.
    """
    if methods.find_family(attempt.method) != methods.MIXED or not attempt.reason.startswith(_FAILED):
        return (attempt,)
    if any(previous.method == methods.MIXED for previous in attempts):
        return ()
    for previous in attempts:
        if previous.reason == attempt.reason:
            return (replace(attempt, method=methods.MIXED, reason=f"{_FAILED}for the reason of {previous.method}"),)
    return (attempt,)
