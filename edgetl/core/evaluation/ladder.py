"""The ladder: the conversion methods of a target in order of preference, tried until one is within the limit.

One entry of the list, mixed8, is expanded to several variants with more and more layers in float.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edgetl.core import methods
from edgetl.core.records import Artifact, LayerError
from edgetl.core.verdict_records import Verdict

# Operators with weights, of TFLite and of ONNX. Leaving other operators in float gains no accuracy.
WEIGHTED_OPERATORS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "Conv", "MatMul", "Gemm"})
# Doubling finds the smallest sufficient number of float layers within a factor of two, with five files.
_FLOAT_LAYERS = (1, 2, 4, 8, 16)


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An artifact with its verdict on the validation photos.

    Attributes:
        artifact: the converted file.
        validation: its verdict.
        strict: whether only a PASS counts as within the limit.
        unmet: description of another limit of the target that the file exceeds; "" if there is none.
    """

    artifact: Artifact
    validation: Verdict
    strict: bool = False
    unmet: str = ""

    @property
    def within_limit(self) -> bool:
        """Return whether the contract allows the observed drop, and no other limit is exceeded."""
        if self.unmet:
            return False
        if self.strict:
            return self.validation.outcome == "PASS"
        return self.validation.outcome != "FAIL" and self.validation.drop <= self.validation.limit_drop


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """Result of a method: its duration, the reason to continue or to stop, and the candidate unless it failed."""

    method: str
    seconds: float
    reason: str
    candidate: Candidate | None


def list_variants(method: str) -> tuple[str, ...]:
    """Expand a method in a target's list: the variants of mixed8, or the method itself."""
    return tuple(f"{method}-{layers}" for layers in _FLOAT_LAYERS) if method == methods.MIXED else (method,)


def select_weighted_layers(layers: Sequence[LayerError]) -> tuple[LayerError, ...]:
    """Select the layers with weights, in the same order."""
    return tuple(layer for layer in layers if layer.operator in WEIGHTED_OPERATORS)


def explain_result(candidate: Candidate) -> str:
    """Describe whether a candidate is within the limit, and why not."""
    if candidate.unmet:
        return candidate.unmet
    verdict = candidate.validation
    drop, limit = f"{verdict.drop * 100:+.2f}", f"{verdict.limit_drop * 100:g}"
    if verdict.outcome == "FAIL":
        return f"loses {drop} points, certainly over the limit of {limit}"
    if verdict.drop > verdict.limit_drop:
        return f"loses {drop} points, over the limit of {limit}"
    if candidate.strict and verdict.outcome != "PASS":
        return f"loses {drop} points, at most {verdict.drop_high * 100:+.2f}: not certainly within the limit of {limit}"
    return f"loses {drop} points, within the limit of {limit}"


def select_best(attempts: Sequence[Attempt]) -> Artifact:
    """Select the first file within the limit, else the one that exceeds it least.

    Args:
        attempts: at least one of them has a candidate.
    """
    candidates = [attempt.candidate for attempt in attempts if attempt.candidate]
    within = (candidate for candidate in candidates if candidate.within_limit)
    # A file within the other limits of the target is preferred, whatever its accuracy.
    nearest = min(candidates, key=lambda candidate: (candidate.unmet != "", candidate.validation.drop))
    return next(within, nearest).artifact


def is_settled(attempts: Sequence[Attempt], method: str, *, try_all: bool) -> bool:
    """Return whether an earlier attempt is within the limit, so that `method` need not be tried.

    With `try_all`, only further variants of mixed8 are skipped, after the first of them that is within the limit.
    """
    mixed = methods.find_family(method) == methods.MIXED
    decisive = [
        attempt
        for attempt in attempts
        if not try_all or (mixed and methods.find_family(attempt.method) == methods.MIXED)
    ]
    return any(attempt.candidate and attempt.candidate.within_limit for attempt in decisive)
