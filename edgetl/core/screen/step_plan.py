"""The steps of a build and their earlier durations → "step 5 of about 11", and about how long the rest takes.

The plan is a forecast. A build reads finished steps back, and the ladder continues until a file is within the limit. So
steps that were skipped are taken off, and unplanned steps are counted when they begin.
"""

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from statistics import mean

from edgetl.core.screen.progress_line import format_duration

# Variants of mixed8 differ in this number alone, and take similar times. Other steps do not: reference kernels score 50
# times as slowly as fast ones, and the test part has another size than the validation part.
_VARIANT = re.compile(r"-\d+(?=-|$)")


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step that is expected.

    Attributes:
        pattern: name of the stage, with "*" for what the build decides, as in "score-tflite-*-test".
        certain: whether it is run whatever happens before it.
    """

    pattern: str
    certain: bool = True


class StepPlan:
    """Counts the steps of a build, and estimates the time that is left.

    Args:
        planned: expected steps, in order.
        earlier_s: name of a stage → its duration in an earlier build in the same folder.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        planned: Sequence[PlannedStep] = (),
        earlier_s: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._remaining = list(planned)
        self._earlier_s = dict(earlier_s or {})
        self._clock = clock
        self._start_s = clock()
        # Devices are measured in threads.
        self._lock = threading.Lock()
        self._count = 0
        self._current = ""
        self._current_start_s = 0.0
        self._current_certain = True
        self._run_s: dict[str, float] = {}

    def begin(self, name: str) -> None:
        """Count a step that begins, and take the steps off that were planned before it."""
        with self._lock:
            self._count += 1
            position = self._find(name)
            # Unplanned steps belong to a ladder that continues.
            self._current_certain = position is not None and self._remaining[position].certain
            if position is not None:
                del self._remaining[: position + 1]
            self._current, self._current_start_s = name, self._clock()

    def finish(self, name: str) -> None:
        """End a step. One that did not begin was read back: it is taken off."""
        with self._lock:
            if name == self._current:
                self._run_s[name] = self._clock() - self._current_start_s
                self._current = ""
            else:
                position = self._find(name)
                if position is not None:
                    del self._remaining[position]

    def expect_s(self, name: str) -> float:
        """Return how long a step took earlier in this folder, or a similar one in this build; 0.0 if unknown."""
        return self._expect_s(name) or 0.0

    def describe(self, current_left_s: float | None, *, complete: bool = True) -> str:
        """Describe the state as one line: the step, the time since the beginning, and about how long the rest takes.

        Args:
            current_left_s: seconds to the end of the running step; None if unknown.
            complete: whether these seconds are all of the step, and not only those of a part.
        """
        with self._lock:
            now_s = self._clock()
            total = self._count + len(self._remaining)
            certain = self._current_certain and all(step.certain for step in self._remaining)
            parts = [f"step {max(1, self._count)} of {'' if certain else 'about '}{max(1, total)}"]
            parts.append(f"{format_duration(now_s - self._start_s)} elapsed")
            left_s, all_known = self._estimate_left_s(current_left_s)
            # Less than a second is over before it is read.
            if left_s >= 1:
                parts.append(f"{'about' if complete and all_known else 'at least'} {format_duration(left_s)} left")
            return ", ".join(parts)

    def _estimate_left_s(self, current_left_s: float | None) -> tuple[float, bool]:
        """Return the seconds of which something is known, and whether that is all steps."""
        known = [self._expect_s(step.pattern) for step in self._remaining]
        if self._current:
            known.append(current_left_s)
        seconds = [value for value in known if value is not None]
        return sum(seconds), len(seconds) == len(known)

    def _find(self, name: str) -> int | None:
        matches = (index for index, step in enumerate(self._remaining) if fnmatchcase(name, step.pattern))
        return next(matches, None)

    def _expect_s(self, pattern: str) -> float | None:
        durations = [seconds for name, seconds in self._earlier_s.items() if fnmatchcase(name, pattern)]
        if not durations:
            durations = [seconds for name, seconds in self._run_s.items() if _find_kind(name) == _find_kind(pattern)]
        return mean(durations) if durations else None


def _find_kind(name: str) -> str:
    return _VARIANT.sub("", name)
