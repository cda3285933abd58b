"""Check of all verdicts and limits of a build, which decides its exit code."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from edgetl.core.errors import ContractBroken
from edgetl.core.evaluation.quality.model_quality import explain_low_accuracy, explain_low_balanced_accuracy
from edgetl.core.evaluation.verdict import tally_verdict
from edgetl.core.report.changes import describe_drop
from edgetl.core.verdict_records import MEASURE_TITLES, Verdict

_ACCURACY_HINT = (
    "more test photos, another --method (--all-methods compares them), a wider --alpha, or a higher --limit-drop"
)
_QUALITY_HINT = "more or better photos, a longer training, another network, or a lower --min-accuracy"
_ANSWER_HINT = (
    "a lower --error-accepted, a higher --reject-own, more photos, no --no-features, or a target that allows more"
)
_LIMIT_HINT = "another --method, a narrower --alpha or a smaller --side, or a target that allows more"


def check_acceptance(
    verdicts: Mapping[str, Verdict],
    unmet: Mapping[str, str],
    next_files: Mapping[str, str] = MappingProxyType({}),
    *,
    strict: bool,
    min_accuracy: float = 0.0,
) -> None:
    """Check that every contract is satisfied and no other limit is exceeded.

    An undecided verdict satisfies its contract if its observed drop is within the limit, unless `strict`.

    Args:
        verdicts: by the name of their target or device.
        unmet: by the same names, description of another limit that is exceeded; "" if there is none.
        next_files: by the same names, hint that names the next file in the table; "" if there is none.
        strict: whether an undecided verdict is a failure, and the lower bound of the accuracy must reach
            `min_accuracy`.
        min_accuracy: the accuracy that every verdict must reach, 0..1; where the contract holds balanced accuracy,
            that one.

    Raises:
        ContractBroken: names every failure.
    """
    failures = {name: explain_failure(verdict, strict=strict) for name, verdict in verdicts.items()}
    low = {
        name: _explain_low(verdict, min_accuracy, strict=strict) for name, verdict in verdicts.items() if min_accuracy
    }
    hints = [
        hint
        for hint, reasons in ((_ACCURACY_HINT, failures), (_QUALITY_HINT, low), (_LIMIT_HINT, unmet))
        if any(reasons.values())
    ]
    failed_names = [name for name in {**failures, **unmet} if failures.get(name) or unmet.get(name)]
    # The next file is at hand, so its hint comes before those that need a new build.
    hints = [*filter(None, (next_files.get(name) for name in failed_names)), *hints]
    # A dict and not a set: the order of the targets stays.
    for name in dict.fromkeys((*low, *unmet)):
        reasons = (failures.get(name), low.get(name), unmet.get(name))
        failures[name] = "; ".join(reason for reason in reasons if reason)
    # The name of a single target would only repeat what the user has typed.
    broken = [f"{name}: {failure}" if len(failures) > 1 else failure for name, failure in failures.items() if failure]
    if broken:
        raise ContractBroken("; ".join(broken), hint="; ".join(hints))


def check_answer_limits(unmet: Mapping[str, Sequence[str]]) -> None:
    """Check that no limit of accepted predictions is exceeded.

    Args:
        unmet: by the name of their target, descriptions of the limits that are exceeded.

    Raises:
        ContractBroken: names every limit.
    """
    named = {name: "; ".join(filter(None, sentences)) for name, sentences in unmet.items()}
    broken = [f"{name}: {text}" if len(named) > 1 else text for name, text in named.items() if text]
    if broken:
        raise ContractBroken("; ".join(broken), hint=_ANSWER_HINT)


def run_checks(checks: Sequence[Callable[[], None]]) -> None:
    """Run all checks, also those after one that fails.

    Raises:
        ContractBroken: has the messages and the hints of all that fail.
    """
    failures: list[ContractBroken] = []
    for check in checks:
        try:
            check()
        except ContractBroken as error:
            failures.append(error)
    if failures:
        hints = filter(None, (error.hint for error in failures))
        raise ContractBroken("; ".join(error.message for error in failures), hint="; ".join(hints))


def explain_failure(verdict: Verdict, *, strict: bool) -> str:
    """Describe how a verdict breaks its contract; "" if it satisfies it."""
    undecided = verdict.outcome == "UNDECIDED"
    if verdict.outcome == "PASS" or (undecided and not strict and verdict.drop <= verdict.limit_drop):
        return ""
    allowed = (
        f"{verdict.limit_drop * 100:g} allowed" if verdict.drop > 0 else f"{verdict.limit_drop * 100:g} may be lost"
    )
    title = MEASURE_TITLES[verdict.measure]
    loss = f"{verdict.method} {describe_drop(verdict.drop, title)}, {allowed}"
    state = "is undecided" if undecided else "is broken"
    return f"the {title} contract {state}: {loss}" + (", and --strict was given" if strict and undecided else "")


def _explain_low(verdict: Verdict, min_accuracy: float, *, strict: bool) -> str:
    if verdict.measure == "balanced":
        return explain_low_balanced_accuracy(verdict.counts, min_accuracy, verdict.confidence, strict=strict)
    title = verdict.describe_photos() if verdict.labels else ""
    return explain_low_accuracy(tally_verdict(verdict), min_accuracy, verdict.confidence, strict=strict, title=title)
