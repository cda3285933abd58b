"""Whether verdicts and limits are satisfied: what decides the exit code of a build."""

from collections.abc import Mapping

from edgetl.core.errors import ContractBroken
from edgetl.core.records import Verdict

_ACCURACY_HINT = "more test photos, another --method, a wider --alpha, or a higher --limit-drop"
_LIMIT_HINT = "another --method, a narrower --alpha or a smaller --side, or a target that allows more"


def check_acceptance(verdicts: Mapping[str, Verdict], unmet: Mapping[str, str], *, strict: bool) -> None:
    """Check that every contract is satisfied and no other limit is exceeded.

    An undecided verdict satisfies its contract if its observed drop is within the limit, unless `strict`.

    Args:
        verdicts: by the name of their target or device.
        unmet: by the same names, the limit that is exceeded, in words; "" if there is none.
        strict: whether an undecided verdict is a failure.

    Raises:
        ContractBroken: names every failure.
    """
    failures = {name: explain_failure(verdict, strict=strict) for name, verdict in verdicts.items()}
    hints = [
        hint
        for hint, failed in ((_ACCURACY_HINT, any(failures.values())), (_LIMIT_HINT, any(unmet.values())))
        if failed
    ]
    for name, limit in unmet.items():
        failures[name] = "; ".join(failure for failure in (failures.get(name), limit) if failure)
    broken = [f"{name}: {failure}" if len(failures) > 1 else failure for name, failure in failures.items() if failure]
    if broken:
        raise ContractBroken("; ".join(broken), hint="; ".join(hints))


def explain_failure(verdict: Verdict, *, strict: bool) -> str:
    """Say how a verdict breaks its contract; "" if it does not."""
    undecided = verdict.outcome == "UNDECIDED"
    if verdict.outcome == "PASS" or (undecided and not strict and verdict.drop <= verdict.limit_drop):
        return ""
    loss = f"{verdict.method} loses {verdict.drop * 100:.2f} points, {verdict.limit_drop * 100:g} allowed"
    state = "is undecided" if undecided else "is broken"
    return f"the accuracy contract {state}: {loss}" + (", and --strict was given" if strict and undecided else "")
