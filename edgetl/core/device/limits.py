"""The limits of a target other than accuracy. Each check returns "" or a sentence that names the exceeded limit."""

from collections.abc import Sequence

from edgetl.core.device.measurement import Measurement
from edgetl.core.device.target_schema import LimitsTable
from edgetl.core.evaluation.quality.proportions import compute_share_bounds
from edgetl.core.microcontroller.fit import advise_network, count_flash_bytes
from edgetl.core.microcontroller.memory import MemoryUse
from edgetl.core.records import Artifact
from edgetl.core.rejection.binomial import compute_upper_bound
from edgetl.core.rejection.records import AnswerRule, ForeignCounts


def check_file_limits(artifact: Artifact, memory: Sequence[MemoryUse], limits: LimitsTable) -> str:
    """Compare the size of a file, and what it needs on a microcontroller, with the limits."""
    return check_model_bytes(artifact, limits) or check_memory(memory, artifact, limits)


def check_model_bytes(artifact: Artifact, limits: LimitsTable) -> str:
    """Compare the size of the model file with `model_bytes`. The rest of the bundle does not count."""
    allowed = limits.model_bytes
    if allowed is None or artifact.bytes <= allowed:
        return ""
    return f"{artifact.method} takes {artifact.bytes} bytes, {allowed} allowed"


def check_memory(memory: Sequence[MemoryUse], artifact: Artifact, limits: LimitsTable) -> str:
    """Compare arena and flash with `arena_bytes` and `flash_bytes`; the sentence names what would fit.

    Args:
        memory: what the file needs on a microcontroller; empty for other devices.
        artifact: the file.
        limits: of the target.
    """
    for use in memory:
        flash_bytes = count_flash_bytes(artifact)
        rows = (("arena", use.arena_bytes, limits.arena_bytes), ("flash", flash_bytes, limits.flash_bytes))
        for name, needed, allowed in rows:
            if allowed is not None and needed > allowed:
                advice = advise_network(limits.arena_bytes, limits.flash_bytes, artifact.features)
                return f"{artifact.method} takes {needed} bytes of {name}, {allowed} allowed; {advice}"
    return ""


def check_latency(measurement: Measurement, limits: LimitsTable) -> str:
    """Compare the median latency on the best number of threads with `latency_ms`; an INVALID measurement passes."""
    allowed = limits.latency_ms
    median = measurement.best.steady.p50
    # The latency of a throttled board is not that of the board.
    if allowed is None or not measurement.valid or median.ms <= allowed:
        return ""
    interval = f"{median.low_ms:.3f} … {median.high_ms:.3f}"
    return f"{measurement.method} takes {median.ms:.3f} ms ({interval}), {allowed:g} allowed"


def check_foreign_accepted(answers: Sequence[AnswerRule], limits: LimitsTable) -> str:
    """Compare the share of photos of other things that get a label with `foreign_accepted`.

    The photos are those of --foreign, and without them the drawn images and the shuffled patches, each for itself. The
    upper bound of the 95 % interval must be within the limit.
    """
    allowed = limits.foreign_accepted
    if allowed is None:
        return ""
    if not answers:
        return _describe_missing("foreign_accepted", allowed)
    (rule,) = answers
    worst = max(rule.foreign or rule.far, key=_bound_label_share)
    bound = _bound_label_share(worst)
    if bound <= allowed:
        return ""
    return (
        f"foreign_accepted: {worst.answered} of {worst.photos} photos get a label ({worst.title}), at most {bound:.2%} "
        f"by the 95% interval, {allowed:.2%} allowed"
    )


def check_error_accepted(answers: Sequence[AnswerRule], limits: LimitsTable) -> str:
    """Compare the share of wrong answers to the test photos with `error_accepted`, by its one-sided 95 % bound.

    The test photos have set no threshold, so that the bound is that of new photos of the same kind.
    """
    allowed = limits.error_accepted
    if allowed is None:
        return ""
    if not answers:
        return _describe_missing("error_accepted", allowed)
    (rule,) = answers
    if rule.multi_label:
        return "error_accepted: it is for one class a photo, and a photo may have several labels here"
    own, confidence = rule.own, rule.selective.confidence
    bound = compute_upper_bound(own.wrong, own.answered, confidence=confidence)
    if bound <= allowed:
        return ""
    return (
        f"error_accepted: {own.wrong} of {own.answered} answers to test photos are wrong, at most {bound:.2%} by the "
        f"{confidence:.0%} bound, {allowed:.2%} allowed"
    )


def _bound_label_share(row: ForeignCounts) -> float:
    return compute_share_bounds(row.answered, row.photos)[1]


def _describe_missing(name: str, allowed: float) -> str:
    return f"{name}: the file has no features, so that it gives every photo a label, {allowed:.2%} allowed"


def check_answers(answers: Sequence[AnswerRule], limits: LimitsTable) -> tuple[str, ...]:
    """Return a sentence for each limit of the answers that is exceeded."""
    return tuple(filter(None, (check_foreign_accepted(answers, limits), check_error_accepted(answers, limits))))
