"""The ladder: the conversion methods of a target in order of preference, tried until one holds the limit.

One entry of the list, mixed8, is expanded to several variants with more and more layers in float. Which of the files is
chosen is decided in `choice`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edgetl.core import methods
from edgetl.core.evaluation import stopping
from edgetl.core.evaluation.balanced.measures import count_pairs
from edgetl.core.evaluation.contract import count_photos
from edgetl.core.records import Artifact, LayerError
from edgetl.core.report.changes import describe_drop
from edgetl.core.verdict_records import Verdict

# Operators with weights, of TFLite and of ONNX. Leaving other operators in float gains no accuracy.
WEIGHTED_OPERATORS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "Conv", "MatMul", "Gemm"})
# Doubling finds the smallest sufficient number of float layers within a factor of two, with five files. With 0, only
# layers that have no int8 kernel are in float.
_FLOAT_LAYERS = (0, 1, 2, 4, 8, 16)
ONLY_WITHOUT_KERNEL = f"{methods.MIXED}-0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An artifact with its verdict on the validation photos.

    Attributes:
        artifact: the converted file.
        validation: its verdict.
        number: 1 for the first file that was tried, 2 for the second, and so on.
        strict: whether the limit must hold with certainty.
        unmet: description of another limit of the target that the file exceeds; "" if there is none.
    """

    artifact: Artifact
    validation: Verdict
    number: int = 1
    strict: bool = False
    unmet: str = ""

    @property
    def within_limit(self) -> bool:
        """Return whether the contract allows the observed drop, and no other limit is exceeded."""
        verdict = self.validation
        return not self.unmet and verdict.outcome != "FAIL" and verdict.drop <= verdict.limit_drop

    @property
    def holds_limit(self) -> bool:
        """Return whether the file ends the climb: it is likely to be within the limits on new photos, too."""
        return self.within_limit and stopping.holds_limit(self.validation, self.number, strict=self.strict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """Result of a method: its duration, its result or why it was not chosen, and the candidate unless it failed."""

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
    """Describe whether a candidate is within the limit, and whether it is likely to hold it."""
    if candidate.unmet:
        return candidate.unmet
    verdict = candidate.validation
    result, limit = describe_drop(verdict.drop), f"{verdict.limit_drop * 100:g}"
    if verdict.outcome == "FAIL":
        return f"{result}, certainly over the limit of {limit}"
    if verdict.drop > verdict.limit_drop:
        return f"{result}, over the limit of {limit}"
    if candidate.holds_limit:
        return f"{result}, within the limit of {limit}"
    bound = f"{stopping.compute_bound(verdict, candidate.number) * 100:+.2f}"
    if candidate.strict:
        return f"{result}, at most {bound}: not certainly within the limit of {limit}"
    return (
        f"{result}, within the limit of {limit}, but its true drop may be {bound}: over "
        f"{stopping.TOLERANCE:g} times the limit"
    )


def list_candidates(attempts: Sequence[Attempt]) -> tuple[Candidate, ...]:
    """List the files of the attempts that made one, in order."""
    return tuple(attempt.candidate for attempt in attempts if attempt.candidate)


def is_settled(attempts: Sequence[Attempt], method: str, *, try_all: bool) -> bool:
    """Return whether an earlier attempt ends the climb, so that `method` need not be tried.

    An attempt that holds the limit ends it, and so does float32 if its observed drop is within the limit: it computes
    what the model computes, and no other file can be nearer. With `try_all`, only further variants of mixed8 are
    skipped, after the first of them that holds the limit.
    """
    candidates = list_candidates(attempts)
    if try_all:
        mixed = [file for file in candidates if methods.find_family(file.artifact.method) == methods.MIXED]
        return methods.find_family(method) == methods.MIXED and any(file.holds_limit for file in mixed)
    return any(file.holds_limit or (file.artifact.method == "float32" and file.within_limit) for file in candidates)


def explain_retraining_skip(attempts: Sequence[Attempt], method: str) -> str:
    """Say why a method that trains is not tried, for want of validation photos; "" if it is.

    With so few photos that no file can hold the limit, an hour of training would end in a comparison of two numbers by
    chance. It is tried all the same as long as no file is within the limit.
    """
    candidates = list_candidates(attempts)
    within_limit = any(candidate.within_limit for candidate in candidates)
    if not methods.find_method(method).retraining or not within_limit:
        return ""
    verdict = candidates[0].validation
    needed = stopping.count_photos_to_hold(verdict.limit_drop, counts=count_pairs(verdict))
    if verdict.decisions >= needed:
        return ""
    return (
        f"not tried: {verdict.photos} validation photos cannot show a drop within {verdict.limit_drop * 100:g} points, "
        f"{count_photos(needed, verdict)} can; --all-methods tries it"
    )
