"""Findings → suspects.csv: the photos that a build may leave out, for people to edit and give back with --exclude."""

from collections.abc import Sequence

from edgetl.core.inspection.findings import Inspection, Problem
from edgetl.core.inspection.photo_findings import describe_photo_labels, describe_suspect
from edgetl.core.records import Photo
from edgetl.core.report.csv_cells import guard_path, guard_text, quote_cell

SUSPECTS_FILE = "suspects.csv"
# A photo of an odd shape or size is a good one for most models: it is shown, and not suspected.
_SUSPECTED: tuple[Problem, ...] = ("blurred", "dark", "overexposed", "low information")
COLUMNS = ("path", "label", "suggested", "score", "reason")


def list_suspects(inspection: Inspection, photos: Sequence[Photo]) -> list[tuple[str, str, str, str, str]]:
    """List the suspects with path, label, suggested label, score and reason; likely wrong labels first.

    The score is the probability of the label, 0..1, for likely wrong labels; "" for bad photos. A photo is in the list
    once, with its first reason.

    Args:
        inspection: the findings.
        photos: in the order of their rows.
    """
    classes = inspection.classes
    rows: dict[int, tuple[str, str, str, str]] = {}
    for suspect in inspection.suspects:
        label, suggested = describe_suspect(classes, photos[suspect.row], suspect)
        rows.setdefault(suspect.row, (label, suggested, f"{suspect.score:.4f}", "the label is likely wrong"))
    for bad in inspection.bad_photos:
        if bad.problem in _SUSPECTED:
            label = describe_photo_labels(classes, photos[bad.row])
            rows.setdefault(bad.row, (label, "", "", f"{bad.problem}: {bad.detail}"))
    return [(photos[row].path, *rest) for row, rest in rows.items()]


def format_suspects(inspection: Inspection, photos: Sequence[Photo], excluded: Sequence[str] = ()) -> str:
    """Format suspects.csv: a line for each suspect. Cells are safe in spreadsheets: see `core.report.csv_cells`.

    Args:
        inspection: the findings.
        photos: in the order of their rows.
        excluded: paths that this inspection has left out already: a build with this file must not bring them back.
    """
    suspects = [*list_suspects(inspection, photos), *((path, "", "", "", "excluded before") for path in excluded)]
    lines = [COLUMNS, *((guard_path(path), *map(guard_text, rest)) for path, *rest in suspects)]
    return "".join(",".join(map(quote_cell, line)) + "\n" for line in lines)
