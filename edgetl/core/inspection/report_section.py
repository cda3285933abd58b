"""Findings about the photos of a run → the first section of its report: the most important ones, with thumbnails."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from edgetl.core.inspection.findings import BadPhoto, ConfusedPair, Suspect
from edgetl.core.inspection.photo_findings import PhotoFindings, describe_pair, describe_photo_labels, describe_suspect
from edgetl.core.inspection.tables import format_gain
from edgetl.core.report_page.facts import RunFacts, TargetFacts

# What is shown of each kind: the page of the inspection has more.
_SUSPECTS, _NEIGHBOURS, _BAD, _GROUPS, _IN_GROUP, _PAIRS = 12, 3, 6, 4, 4, 3


def list_shown_rows(findings: PhotoFindings) -> list[int]:
    """List the rows of the photos that the section may show, each once."""
    rows = [row for suspect in findings.suspects[:_SUSPECTS] for row in (suspect.row, *_list_near(suspect))]
    rows += [bad.row for _, _, shown in _group_bad_photos(findings.bad_photos) for bad in shown]
    rows += [row for group in findings.groups[:_GROUPS] for row in group[:_IN_GROUP]]
    rows += [row for pair in _select_pairs(findings) for row in pair.between]
    return sorted(set(rows))


def collect_inspection(run: RunFacts, target: TargetFacts) -> dict[str, Any] | None:  # noqa: ARG001  (one form for all)
    """Collect the findings; None for facts without any."""
    if run.findings is None:
        return None
    findings, classes = run.findings, run.classes

    def show(row: int, side_px: int) -> dict[str, str]:
        photo = findings.photos[row]
        uri = run.inspected_thumbnails.make(row, side_px)
        return {"uri": uri, "path": photo.path, "label": describe_photo_labels(classes, photo)}

    def describe(suspect: Suspect) -> dict[str, str]:
        words = describe_suspect(classes, findings.photos[suspect.row], suspect)
        return dict(zip(("label", "suggested"), words, strict=True))

    curve = findings.inspected[0].curves[:1] if findings.inspected else ()
    return {
        "total": len(findings.photos),
        "is_known": bool(findings.built or findings.inspected),
        "is_inspected": bool(findings.inspected),
        "multi_label": run.dataset.multi_label,
        "judged": findings.built[0].judged if findings.built else len(findings.photos) * len(findings.inspected),
        "link": findings.link,
        "command": run.commands.get("inspect", ""),
        "suspects_total": len(findings.suspects),
        "suspects": [
            {
                "shown": show(suspect.row, 96),
                **describe(suspect),
                "score": suspect.score,
                "neighbours": [show(row, 48) for row in _list_near(suspect)],
            }
            for suspect in findings.suspects[:_SUSPECTS]
        ],
        "bad": [
            {
                "problem": problem,
                "total": total,
                "detail": shown[0].detail,
                "photos": [show(bad.row, 72) for bad in shown],
            }
            for problem, total, shown in _group_bad_photos(findings.bad_photos)
        ],
        "groups_total": len(findings.groups),
        "repeated": sum(map(len, findings.groups)),
        "groups": [[show(row, 72) for row in group[:_IN_GROUP]] for group in findings.groups[:_GROUPS]],
        "pairs": [describe_pair(classes, pair, show) for pair in _select_pairs(findings)],
        "shortcuts": [shortcut.model_dump() for shortcut in findings.shortcuts if shortcut.is_shortcut],
        "more": [
            {"photos": row.more, "now": row.accuracies[-1], "gain": format_gain(row.gain_low, row.gain_high, row.gain)}
            for row in curve
        ],
    }


def _select_pairs(findings: PhotoFindings) -> list[ConfusedPair]:
    """Select the pairs with the most photos; of two classes once, because the photos between them are the same."""
    pairs: dict[frozenset[int], ConfusedPair] = {}
    for pair in findings.pairs:
        pairs.setdefault(frozenset((pair.label, pair.predicted)), pair)
    return list(pairs.values())[:_PAIRS]


def _list_near(suspect: Suspect) -> tuple[int, ...]:
    return suspect.neighbours[:_NEIGHBOURS]


def _group_bad_photos(bad_photos: Sequence[BadPhoto]) -> list[tuple[str, int, list[BadPhoto]]]:
    """Group by the problem: its name, the number of photos, and those that are shown."""
    rows = groupby(sorted(bad_photos, key=lambda bad: bad.problem), key=lambda bad: bad.problem)
    groups = [(problem, list(found)) for problem, found in rows]
    return [(problem, len(found), found[:_BAD]) for problem, found in groups]
