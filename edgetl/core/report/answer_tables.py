"""What a file says about the user's own photos and about photos of other things, for the user."""

from edgetl.core.evaluation.quality.proportions import compute_wilson_bounds
from edgetl.core.html_table import render_table
from edgetl.core.rejection.records import AnswerRule

_CONFIDENCE = 0.95
# The table is the last one that a person reads, and each class has a row.
_LISTED_CLASSES = 10


def tabulate_answers(rule: AnswerRule) -> tuple[str, list[str], list[list[str]]]:
    """Tabulate how many photos of other things get a label: title, columns, rows of cells."""
    columns = ["photos of", "photos", "none of these", "unsure", "a label", "its 95 % bounds"]
    own = rule.own
    rows = [["your classes, test photos", *_list_cells(own.photos, own.known, own.answered)]]
    rows += [[row.title, *_list_cells(row.photos, row.known, row.answered)] for row in rule.far]
    rows += [
        [f"{row.title}, if it were not a class", *_list_cells(row.photos, row.known, row.answered)]
        for row in rule.near[:_LISTED_CLASSES]
    ]
    return ("what the device says about things that it does not know", columns, rows)


def describe_answers(rule: AnswerRule) -> list[str]:
    """Describe the thresholds and their bounds in sentences, one per line."""
    own, selective = rule.own, rule.selective
    lines = [
        f"of photos like yours, at most {rule.rejected_share:.0%} are called none of these (in expectation); of the "
        f"test photos it is {own.rejected_share:.1%}"
    ]
    if not selective.certified:
        return [
            *lines,
            f"no answer is unsure: {selective.photos} validation photos cannot show that at most "
            f"{selective.error_limit:.1%} of the answers are wrong; more photos, or a higher --error-accepted",
        ]
    if not selective.threshold:
        return [*lines, f"no answer is unsure: at most {selective.error_bound:.1%} are wrong ({_CONFIDENCE:.0%} bound)"]
    return [
        *lines,
        f"of the answers with a probability of at least {selective.threshold:.3f}, at most {selective.error_limit:.1%} "
        f"are wrong ({selective.confidence:.0%} bound); of the test photos {own.answered / own.photos:.1%} get an "
        f"answer, {own.wrong} of {own.answered} wrong ({own.error_share:.1%}); without it "
        f"{1 - own.right_without / own.photos:.1%} are wrong",
    ]


def render_answers(rule: AnswerRule) -> str:
    """Render the thresholds and their effect for a notebook."""
    return render_table(*tabulate_answers(rule)) + render_table("", [], [[line] for line in describe_answers(rule)])


def _list_cells(photos: int, known: int, answered: int) -> list[str]:
    low, high = compute_wilson_bounds(answered, photos, confidence=_CONFIDENCE) if photos else (0.0, 1.0)
    return [
        f"{photos}",
        f"{photos - known}",
        f"{known - answered}",
        f"{answered}",
        f"{low:.3f} … {high:.3f}",
    ]
