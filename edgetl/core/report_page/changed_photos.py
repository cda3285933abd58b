"""Every photo that broke or was fixed in the conversion: label, predictions and probabilities of both models."""

from typing import Any

import numpy as np

from edgetl.core.evaluation.details.label_details import ABSENT_PRESENT
from edgetl.core.report_page.facts import RunFacts, TargetFacts

# Of each kind. More would fill the page; the verdict in the run folder lists all.
_MOST, _SIDE = 100, 96
_TITLES = {
    "broke": "Broke: only Keras predicts them correctly",
    "fixed": "Fixed: only the file predicts them correctly",
    "differs": "Wrong before and after, with another prediction",
}


def collect_changed_photos(run: RunFacts, target: TargetFacts) -> dict[str, Any]:
    """Collect the photos whose prediction changed, by kind; of each kind, the most confident predictions first."""
    changes = list_changed_photos(target)
    kinds = []
    for kind, title in _TITLES.items():
        rows = [change for change in changes if change["kind"] == kind]
        photos = [_show_change(run, target, change) for change in rows[:_MOST]]
        kinds.append({"name": kind, "title": title, "total": len(rows), "photos": photos})
    return {
        "kinds": [kind for kind in kinds if kind["total"]],
        "method": target.result.method,
        "decisions": target.result.verdict.decisions,
        "has_labels": target.has_labels,
        "file": f"verify-{target.result.format}-{target.result.method}-test/verify.json",
    }


def list_changed_photos(target: TargetFacts) -> list[dict[str, Any]]:
    """List every decision that differs between Keras and the file: kind, row, column and probability.

    `column` is the label of which the decision is, where a photo may have several, else the predicted class. The most
    confident predictions of the file are first; of equal ones, the first photo.
    """
    reference, artifact, truth = target.reference_decisions, target.decisions, target.truth
    changes = []
    for place in np.argwhere(reference != artifact):
        index = tuple(place.tolist())
        before, after = int(reference[index]), int(artifact[index])
        column = index[1] if target.has_labels else after
        kind = "broke" if before == truth[index] else "fixed" if after == truth[index] else "differs"
        score = float(target.artifact[index[0], column])
        changes.append(
            {
                "kind": kind,
                "row": index[0],
                "column": column,
                "before": before,
                "after": after,
                # A decision against a label is the more confident, the lower its score is.
                "confidence": 1 - score if target.has_labels and not after else score,
            }
        )
    return sorted(changes, key=lambda change: (-change["confidence"], change["row"], change["column"]))


def _show_change(run: RunFacts, target: TargetFacts, change: dict[str, Any]) -> dict[str, Any]:
    row, column = change["row"], change["column"]
    if target.has_labels:
        names = [ABSENT_PRESENT[change[key]] for key in ("before", "after")]
        label, columns = run.classes[column], (column, column)
    else:
        names = [run.classes[change[key]] for key in ("before", "after")]
        label, columns = "", (change["before"], change["after"])
    models = (("Keras", target.reference), (target.result.method, target.artifact))
    return {
        "shown": run.show(row, _SIDE),
        "label": label,
        "predictions": [
            {
                "model": model,
                "name": name,
                # What this model thinks of its own prediction, and of that of the other one.
                "score": float(scores[row, own]),
                "right": change["kind"] == right,
            }
            for (model, scores), name, own, right in zip(models, names, columns, ("broke", "fixed"), strict=True)
        ],
    }
