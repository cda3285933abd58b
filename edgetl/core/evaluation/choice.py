"""Attempts of the ladder and an objective in; the chosen file, and a reason in words for every attempt, out.

A file is chosen from the best of three groups that is not empty:

1. the files that hold the limit: see `stopping`;
2. the files whose observed drop is within the limit;
3. all files. Then the one that exceeds the limit least is chosen, whatever the objective is; of equal ones, that with
   the smallest product of bytes and latency.

"accuracy" chooses the file that predicts most photos correctly, "bytes" the smallest, "latency" the fastest.
"balanced" first leaves out the files that are certainly less accurate than the most accurate one, and then chooses the
smallest product of bytes and latency: a file of half the size may take twice as long. In the second group no file is
shown to hold the limit, and "balanced" chooses as "accuracy" does. Order of preference breaks ties only. Products and
latencies within 10 % of the least are ties. Where other processes disturbed the measurement of a file, only "latency"
compares latencies, and products are bytes.

Two files are compared on the same photos: a photo that both predict correctly, or neither, does not distinguish them.
Where the contract holds balanced accuracy, that is compared instead of the number of photos.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgetl.core.evaluation import ladder
from edgetl.core.evaluation.balanced.measures import compare_files, list_differences
from edgetl.core.evaluation.ladder import Attempt, Candidate
from edgetl.core.evaluation.objective import OBJECTIVES, Objective
from edgetl.core.records import Artifact
from edgetl.core.verdict_records import Verdict

# Two measurements of one file differ by as much.
_TIE = 1.1
# Probability that any file is left out that is as accurate as the best, over all files together.
_ERROR = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Preference:
    """What a file is chosen by.

    Attributes:
        objective: see above.
        device_ms: sha256 of a file → its latency on a device, milliseconds. The latencies of the host are compared
            unless every file of the group has one.
    """

    objective: Objective
    device_ms: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The chosen file.

    Attributes:
        chosen: the file.
        attempts: all attempts; each has the reason why it was chosen or not.
        next_method: method of the file that would be chosen if the chosen one did not exist and that is within the
            limit; "" if there is none.
    """

    chosen: Candidate
    attempts: tuple[Attempt, ...]
    next_method: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Group:
    """The files among which the objective decides, in order of preference, and what they have in common."""

    files: tuple[Candidate, ...]
    title: str
    objective: Objective
    latencies: dict[str, float]
    disturbed: bool

    def compute_cost(self, file: Candidate) -> float:
        return file.artifact.bytes * (1.0 if self.disturbed else self.latencies[file.artifact.sha256])


def choose_file(attempts: Sequence[Attempt], preference: Preference, *, pinned: Artifact | None = None) -> Choice:
    """Choose a file.

    Args:
        attempts: at least one of them has a candidate, in order of preference.
        preference: what the file is chosen by.
        pinned: the file that --method names; None to choose by the preference.
    """
    candidates = ladder.list_candidates(attempts)
    group = _form_group(candidates, preference)
    chosen, title = _select(group), group.title
    if pinned is not None:
        chosen = next(file for file in candidates if _identify(file.artifact) == _identify(pinned))
        title = "--method names it"
    explained = tuple(
        replace(attempt, reason=_explain(attempt, chosen, title if len(candidates) > 1 else "", group))
        for attempt in attempts
    )
    rest = [file for file in candidates if file.within_limit and file is not chosen]
    next_method = _select(_form_group(rest, preference)).artifact.method if rest else ""
    return Choice(chosen=chosen, attempts=explained, next_method=next_method)


def _identify(artifact: Artifact) -> tuple[str, str]:
    # Two methods can make the same bytes, so the sha256 does not identify a file.
    return artifact.format, artifact.method


def count_differences(first: Verdict, second: Verdict) -> tuple[int, int]:
    """Count the photos, or the decisions about labels, that only one of two files predicts correctly.

    See `measures.list_differences`.
    """
    only_first, only_second = list_differences(first, second)
    return len(only_first), len(only_second)


def _form_group(candidates: Sequence[Candidate], preference: Preference) -> _Group:
    """Form the best group that is not empty: see above."""
    objective = preference.objective
    holding = tuple(file for file in candidates if file.holds_limit)
    within = tuple(file for file in candidates if file.within_limit)
    if holding:
        files, title = holding, OBJECTIVES[objective]
    elif within:
        objective = "accuracy" if objective == "balanced" else objective
        # The result that follows has the reason why the file does not hold the limit.
        files, title = within, f"{OBJECTIVES[objective]} within the limit"
    else:
        # A file within the other limits of the target is nearer, whatever its accuracy.
        excess = {id(file): (file.unmet != "", file.validation.drop) for file in candidates}
        files = tuple(file for file in candidates if excess[id(file)] == min(excess.values()))
        title = "no file is within the limits, and this one exceeds them least"
    digests = [file.artifact.sha256 for file in files]
    measured = all(digest in preference.device_ms for digest in digests)
    latencies = (
        {digest: preference.device_ms[digest] for digest in digests}
        if measured
        else {file.artifact.sha256: file.validation.host_ms for file in files}
    )
    disturbed = not measured and any(file.validation.host_disturbed for file in files)
    return _Group(files=files, title=title, objective=objective, latencies=latencies, disturbed=disturbed)


def _select(group: _Group) -> Candidate:
    """Select a file of a group by the objective, and the first of equal ones."""
    files = group.files
    if not files[0].within_limit:
        return _find_least_cost(files, group)
    if group.objective == "bytes":
        return min(files, key=lambda file: file.artifact.bytes)
    if group.objective == "latency":
        least_ms = min(group.latencies.values())
        return next(file for file in files if group.latencies[file.artifact.sha256] <= _TIE * least_ms)
    if group.objective == "accuracy":
        most = max(map(_count_gain, files))
        files = tuple(file for file in files if _count_gain(file) == most)
    else:
        files = tuple(file for file in files if not _is_certainly_worse(file, group))
    return _find_least_cost(files, group)


def _find_least_cost(files: Sequence[Candidate], group: _Group) -> Candidate:
    """Find the file with the smallest product of bytes and latency; of ties, the first in order of preference."""
    least = min(map(group.compute_cost, files))
    return next(file for file in files if group.compute_cost(file) <= _TIE * least)


def _count_gain(file: Candidate) -> float:
    """Count the photos that the file predicts correctly, less those of the reference; or its gain, in points.

    The gain of balanced accuracy is rounded: two files with the same recalls must be equal.
    """
    verdict = file.validation
    if verdict.measure == "accuracy":
        return verdict.fixed - verdict.broke
    return round(-verdict.drop * 100, 6)


def _find_most_accurate(group: _Group) -> Candidate:
    return max(group.files, key=_count_gain)


def _is_certainly_worse(file: Candidate, group: _Group) -> bool:
    """Return whether a file is less accurate than the best of its group, at a confidence corrected for their number."""
    best = _find_most_accurate(group)
    if file is best:
        return False
    confidence = 1 - _ERROR / (len(group.files) - 1)
    low, _ = compare_files(best.validation, file.validation).compute_bounds(confidence)
    return low > 0


def _explain(attempt: Attempt, chosen: Candidate, title: str, group: _Group) -> str:
    """Say why an attempt was chosen, or why not.

    Args:
        attempt: the attempt.
        chosen: the chosen file.
        title: what distinguishes the chosen file; "" if it is the only one.
        group: the files among which the objective decides.
    """
    file = attempt.candidate
    if file is None:
        return attempt.reason
    result = ladder.explain_result(file)
    if file is chosen:
        return f"chosen: {title}; {result}" if title else f"chosen: {result}"
    if file not in group.files or not file.within_limit or chosen not in group.files:
        return result
    return f"{_compare_accuracy(file, chosen, group)}{_compare_cost(file, chosen, group)}"


def _compare_accuracy(file: Candidate, chosen: Candidate, group: _Group) -> str:
    if group.objective == "balanced" and _is_certainly_worse(file, group):
        best = _find_most_accurate(group)
        lost, won = count_differences(best.validation, file.validation)
        things = "labels" if file.validation.labels else "photos"
        return f"certainly less accurate than {best.artifact.method} (right on {lost} {things} less and {won} more)"
    difference = _count_gain(file) - _count_gain(chosen)
    if difference == 0:
        return "as accurate"
    if file.validation.measure == "balanced":
        return f"{abs(difference):.2f} points {'better' if difference > 0 else 'worse'} in balanced accuracy"
    thing = "label" if file.validation.labels else "photo"
    photos = f"{abs(difference)} {thing if abs(difference) == 1 else f'{thing}s'}"
    return f"right on {photos} {'more' if difference > 0 else 'fewer'}"


def _compare_cost(file: Candidate, chosen: Candidate, group: _Group) -> str:
    """Describe size and latency of a file relative to the chosen one, as in ", and 1.9 times as large"."""
    latencies = [group.latencies[candidate.artifact.sha256] for candidate in (file, chosen)]
    ratios = {("as large", "smaller"): file.artifact.bytes / chosen.artifact.bytes}
    if not group.disturbed or group.objective == "latency":
        ratios["as slow", "as fast"] = latencies[0] / latencies[1]
    worse = [f"{ratio:.1f} times {word}" for (word, _), ratio in ratios.items() if ratio > _TIE]
    better = [f"{1 / ratio:.1f} times {word}" for (_, word), ratio in ratios.items() if ratio < 1 / _TIE]
    if not worse and not better:
        # Where accuracy decides and differs, the order does not matter.
        is_tie = group.objective != "accuracy" or _count_gain(file) == _count_gain(chosen)
        cost = f", about as {'large' if group.disturbed else 'large and as fast'}"
        return f"{cost}, and later in the order of preference" if is_tie else cost
    return "".join([f", and {' and '.join(worse)}" if worse else "", f", but {' and '.join(better)}" if better else ""])
