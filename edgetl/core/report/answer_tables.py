"""Shares of photos that get a label, for the user's own classes and for photos of other things."""

from collections.abc import Sequence

from edgetl.core.evaluation.quality.proportions import compute_share_bounds
from edgetl.core.html_table import render_table
from edgetl.core.rejection.binomial import compute_upper_bound
from edgetl.core.rejection.conformal import count_photos_needed
from edgetl.core.rejection.records import AnswerRule, ForeignCounts

# The table is the last one that a person reads, and each class has a row.
_LISTED_CLASSES = 10
_NAMED_CLASSES = 5
# A cosine is not lower: no photo is rejected.
_LOWEST_SIMILARITY = -1.0
_NEAR = (
    '"if not trained": the head and the thresholds are without that class, but the base was trained with it: a class '
    "that is really new may get a label more often"
)


def tabulate_answers(rule: AnswerRule) -> tuple[str, list[str], list[list[str]]]:
    """Tabulate how many photos of other things get a label: title, columns, rows of cells."""
    columns = ["photos of", "all", "none of these", "unsure", "a label", "95% interval"]
    own = rule.own
    rows = [["your classes, the test photos", *_list_cells(own.photos, own.known, own.answered)]]
    rows += [[row.title, *_list_cells(row.photos, row.known, row.answered)] for row in (*rule.foreign, *rule.far)]
    rows += [
        [f"{row.title}, if not trained", *_list_cells(row.photos, row.known, row.answered)]
        for row in rule.near[:_LISTED_CLASSES]
    ]
    return ("share of photos that get a label, for your classes and for other things", columns, rows)


def tabulate_hops(rule: AnswerRule) -> tuple[str, list[str], list[list[str]]]:
    """Tabulate the answers to the test photos before and after conversion: title, columns, rows of cells."""
    rows = [
        [hop.name, f"{hop.labels}", f"{hop.unsure}", f"{hop.none}", f"{hop.same}" if index else ""]
        for index, hop in enumerate(rule.hops)
    ]
    photos = rule.hops[0].photos if rule.hops else 0
    columns = ["hop", "a label", "unsure", "none of these", "same answer"]
    return (f"answers to the same {photos} test photos after each hop", columns, rows)


def describe_answers(rule: AnswerRule) -> list[str]:
    """Describe the thresholds and their bounds in sentences, one per line."""
    near = [_NEAR] if rule.near else []
    return [_describe_known(rule), *map(_describe_foreign, rule.foreign), _describe_unsure(rule), *near]


def render_answers(rule: AnswerRule) -> str:
    """Render the thresholds and their effect for a notebook."""
    hops = render_table(*tabulate_hops(rule)) if rule.hops else ""
    sentences = [[line] for line in describe_answers(rule)]
    return render_table(*tabulate_answers(rule)) + hops + render_table("", [], sentences)


def _describe_known(rule: AnswerRule) -> str:
    needed = count_photos_needed(rule.rejected_share)
    too_few = [name for name, value in rule.least_similarities.items() if value <= _LOWEST_SIMILARITY]
    share = f"{rule.rejected_share * 100:g}%"
    if len(too_few) == len(rule.least_similarities):
        return (
            f"no photo is called none of these: {needed} validation photos are needed to reject at most {share} of "
            "photos like yours; add photos, or a higher --reject-own"
        )
    where = ""
    if too_few:
        more = f" and {len(too_few) - _NAMED_CLASSES} more" if len(too_few) > _NAMED_CLASSES else ""
        where = (
            f"; none that is taken for {', '.join(too_few[:_NAMED_CLASSES])}{more}, with fewer than the {needed} "
            "validation photos that are needed"
        )
    return (
        f"of photos like yours, at most {share} are called none of these (in expectation); of the test photos it is "
        f"{rule.own.rejected_share:.1%}{where}"
    )


def _describe_foreign(row: ForeignCounts) -> str:
    rejected = row.photos - row.known
    low, high = compute_share_bounds(rejected, row.photos)
    return (
        f"of {row.photos} photos of other things, {rejected / row.photos:.1%} are called none of these (95% interval "
        f"{low:.1%} … {high:.1%}), {row.known - row.answered} more are unsure, and {row.answered} get a label"
    )


def _describe_unsure(rule: AnswerRule) -> str:
    own, selective = rule.own, rule.selective
    if rule.multi_label:
        return "no answer is unsure: each label has a threshold of its own"
    confidence = f"{selective.confidence:.0%} bound"
    if not selective.certified and not selective.wrong:
        return (
            f"no answer is unsure: none of {selective.photos} validation photos is wrong, so that at most "
            f"{selective.error_bound:.1%} are ({confidence})"
        )
    if not selective.certified:
        return (
            f"no answer is unsure: {selective.photos} validation photos cannot show that at most "
            f"{selective.error_limit:.1%} of the answers are wrong; more photos, or a higher --error-accepted"
        )
    if not selective.threshold:
        return f"no answer is unsure: at most {selective.error_bound:.1%} are wrong ({confidence})"
    bound = compute_upper_bound(own.wrong, own.answered, confidence=selective.confidence)
    return (
        f"of the answers with a probability of at least {selective.threshold:.3f}, at most {selective.error_limit:.1%} "
        f"are wrong ({confidence}); of the test photos {own.answered / own.photos:.1%} get an answer, {own.wrong} of "
        f"{own.answered} wrong ({own.error_share:.1%}, at most {bound:.1%}); without it "
        f"{1 - own.right_without / own.photos:.1%} are wrong"
    )


def _list_cells(photos: int, known: int, answered: int) -> Sequence[str]:
    low, high = compute_share_bounds(answered, photos)
    return [f"{photos}", f"{photos - known}", f"{known - answered}", f"{answered}", f"{low:.3f} … {high:.3f}"]
