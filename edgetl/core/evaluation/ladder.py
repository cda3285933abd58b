"""The ladder: which files are tried when int8 misses the contract, and in words why the next one is.

A target's methods stand in the order of its preference; the first whose drop on the validation photos is within the
limit is taken. One of them, mixed8, is a flight of steps: ever more of the layers that suffer most go on in float.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edgetl.core import methods
from edgetl.core.records import Artifact, LayerError, Verdict

# Operators with weights, of TFLite and of ONNX: those that it pays to leave in float where int8 costs accuracy.
WEIGHTED_OPERATORS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "Conv", "MatMul", "Gemm"})
# Twice as many layers at a time: the fewest that suffice are found within a factor of two, after a handful of files.
_FLIGHT = (1, 2, 4, 8, 16)


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One method's artifact with its verdict on the validation part; `strict` wants that to be a PASS.

    `unmet` says what else its target demands and it does not give.
    """

    artifact: Artifact
    validation: Verdict
    strict: bool = False
    unmet: str = ""

    @property
    def within_limit(self) -> bool:
        """Whether the drop seen on the validation photos is one that the contract allows, and nothing else is unmet."""
        if self.unmet:
            return False
        if self.strict:
            return self.validation.outcome == "PASS"
        return self.validation.outcome != "FAIL" and self.validation.drop <= self.validation.limit_drop


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One step of the ladder: the seconds it took, what came of it, and the file if there is one."""

    method: str
    seconds: float
    told: str
    candidate: Candidate | None


def list_variants(name: str) -> tuple[str, ...]:
    """The methods that a name in a target's list stands for: mixed8 is a flight of them, others are themselves."""
    return tuple(f"{name}-{layers}" for layers in _FLIGHT) if name == methods.MIXED else (name,)


def select_weighted_layers(layers: Sequence[LayerError]) -> tuple[LayerError, ...]:
    """Those with weights, in the same order."""
    return tuple(layer for layer in layers if layer.operator in WEIGHTED_OPERATORS)


def explain_result(candidate: Candidate) -> str:
    """What a verdict on validation photos means for the next step."""
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
