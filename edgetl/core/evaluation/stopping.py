"""The rule that ends the climb: counts of paired predictions in; whether a file is likely to hold the limit, out.

The ladder tries one file after the other, and each is a new chance that a bad file looks good on the validation
photos. So the first file whose observed drop is within the limit is an optimistic choice. The rule therefore requires
more, and for more with each file that is tried:

    The k-th file (k = 1, 2, ...) holds if its observed drop is within the limit, and the one-sided upper bound of its
    true drop, at a confidence of 1 - 0.10 / (k (k + 1)), is at most 1.5 times the limit.

The error rates 0.10 / (k (k + 1)) are 0.05, 0.017, 0.008, ... and sum to 0.10 over any number of files. So if every
file truly loses 1.5 times the limit, the climb ends at one of them in at most 10 % of draws of validation photos,
however many are tried. With a strict contract the bound must be within the limit itself.
"""

from edgetl.core.evaluation.balanced.measures import count_pairs
from edgetl.core.evaluation.contract import DropCounts, PairCounts
from edgetl.core.verdict_records import Verdict

# A file that truly loses this many times the limit must rarely end the climb. A factor of 1 would require a PASS, which
# few builds have photos enough for; at a factor of 2 a file that loses twice the limit would pass.
TOLERANCE = 1.5
# Probability that the climb ends at such a file, over all files together.
TOTAL_ERROR = 0.10
# A search for a number of photos ends here.
_MOST_PHOTOS = 1_000_000
_ONE_PHOTO = PairCounts(0, 0, 1)


def compute_bound(verdict: Verdict, number: int) -> float:
    """Compute the upper bound of the true drop of the file that was tried as the `number`-th.

    Args:
        verdict: its verdict on the validation photos.
        number: 1 for the first file.

    Returns:
        The bound, -1..1.

    Raises:
        ValueError: a number below 1.
    """
    return _compute_bound(count_pairs(verdict), number)


def holds_limit(verdict: Verdict, number: int, *, strict: bool) -> bool:
    """Return whether a file is likely to hold the limit on new photos: see the rule above.

    Args:
        verdict: its verdict on the validation photos.
        number: 1 for the first file that was tried.
        strict: whether the bound must be within the limit itself, and the verdict a PASS.
    """
    limit = verdict.limit_drop
    if verdict.drop > limit or verdict.outcome == "FAIL":
        return False
    # A recipe may set a higher confidence than the rule.
    if strict and verdict.outcome != "PASS":
        return False
    return compute_bound(verdict, number) <= (limit if strict else TOLERANCE * limit)


def count_photos_to_hold(limit_drop: float, number: int = 1, counts: DropCounts = _ONE_PHOTO) -> int:
    """Count the validation photos from which a file that changes no prediction holds a limit.

    With fewer, no file ends the climb, whatever it predicts.

    Args:
        limit_drop: the limit, 0..1, 0 excluded.
        number: 1 for the first file that is tried.
        counts: of any file on these photos, with their design effect and the shares of the classes.
    """
    unchanged = counts.without_changes()

    def is_enough(photos: int) -> bool:
        return _compute_bound(unchanged.scale(photos), number) <= TOLERANCE * limit_drop

    too_few, enough = 0, 1
    # The bound falls with the number of photos.
    while enough < _MOST_PHOTOS and not is_enough(enough):
        too_few, enough = enough, 2 * enough
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if is_enough(middle) else (middle, enough)
    return enough


def _compute_bound(counts: DropCounts, number: int) -> float:
    if number < 1:
        raise ValueError(f"files are numbered from 1, not {number}")
    return counts.compute_bounds(1 - TOTAL_ERROR / (number * (number + 1)))[1]
