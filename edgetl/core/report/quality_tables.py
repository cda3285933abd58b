"""How good a model is, for the user: sentences, a table of its worst classes, and HTML for notebooks."""

from collections.abc import Sequence

from edgetl.core.evaluation.quality.class_warnings import CLASS_WARNINGS, QualityWarning
from edgetl.core.evaluation.quality.model_quality import ModelQuality, select_worst_classes
from edgetl.core.html_table import render_table

# Hundreds of classes must not fill the screen.
_LISTED_CLASSES = 10


def describe_quality(quality: ModelQuality) -> list[str]:
    """Describe in sentences how good a model is, one per line."""
    if quality.labels:
        return [
            f"how good the model is: {quality.accuracy:.4f} of its decisions about {len(quality.labels)} labels of "
            f"{quality.photos} {quality.part} photos are right ({_describe_bounds(quality)})",
            f"  balanced accuracy, the mean of those of the labels: {quality.balanced_accuracy:.4f}",
            f"  deciding each label as it is on most photos reaches {quality.majority_accuracy:.4f}"
            f"{_describe_validation(quality)}",
        ]
    outside = sum(row.predicted for row in quality.per_class if row.recall is None)
    lines = [
        f"how good the model is: it predicts {quality.accuracy:.4f} of {quality.photos} {quality.part} photos "
        f"correctly ({_describe_bounds(quality)})",
        f"  balanced accuracy, the mean of the recalls of the classes: {quality.balanced_accuracy:.4f}"
        f"{_describe_balanced_bounds(quality)}",
        f"  always predicting {quality.majority_class!r} reaches {quality.majority_accuracy:.4f}, guessing "
        f"{quality.chance_accuracy:.4f}{_describe_validation(quality)}",
    ]
    if outside:
        lines.append(f"  {outside} photos are predicted as classes that have no photos, which counts as wrong")
    return lines


def tabulate_class_quality(quality: ModelQuality) -> tuple[str, list[str], list[list[str]]]:
    """Tabulate the classes with the lowest recall: title, columns, rows of cells."""
    if quality.labels:
        return _tabulate_labels(quality)
    worst = select_worst_classes(quality, _LISTED_CLASSES)
    rows = [
        [
            row.name,
            f"{row.photos}",
            f"{row.recall:.4f}",
            f"{row.recall_low:.3f} … {row.recall_high:.3f}",
            f"{row.predicted}",
        ]
        for row in worst
    ]
    title = f"the model by class, {quality.part} photos"
    # A model made elsewhere may predict further classes, which have no photos.
    judged = sum(row.recall is not None for row in quality.per_class)
    if len(worst) < judged:
        title += f": the {len(worst)} of {judged} classes with the lowest recall"
    return (title, ["class", "photos", "recall", f"its {quality.confidence:.0%} bounds", "predicted"], rows)


def _tabulate_labels(quality: ModelQuality) -> tuple[str, list[str], list[list[str]]]:
    """Tabulate the labels with the lowest balanced accuracy."""
    # Labels that no photo has, or all have, come last: nothing is known of them.
    unknown = [row for row in quality.labels if row.balanced_accuracy is None]
    known = sorted(quality.labels, key=lambda row: (row.balanced_accuracy or 0.0, row.name))
    worst = [*(row for row in known if row not in unknown), *unknown]
    rows = [
        [
            row.name,
            f"{row.photos}",
            _format_known(row.precision),
            _format_known(row.recall),
            f"{row.recall_low:.2f} … {row.recall_high:.2f}" if row.recall is not None else "",
            _format_known(row.balanced_accuracy),
            f"{row.threshold:.3f}",
        ]
        for row in worst[:_LISTED_CLASSES]
    ]
    title = f"the model by label, {quality.part} photos"
    if len(rows) < len(worst):
        title += f": the {len(rows)} of {len(worst)} labels with the lowest balanced accuracy"
    columns = ["label", "photos", "precision", "recall", f"{quality.confidence:.0%} bounds", "balanced", "threshold"]
    return (title, columns, rows)


def _format_known(fraction: float | None) -> str:
    return "" if fraction is None else f"{fraction:.3f}"


def list_quality_warnings(quality: ModelQuality, *, without_classes: bool = False) -> list[str]:
    """List the warnings about a model, each with what to do.

    Args:
        quality: of the model.
        without_classes: whether those about classes are left out, where its verdict has them.
    """
    class_kinds = CLASS_WARNINGS if without_classes else ()
    return list_warning_lines([warning for warning in quality.warnings if warning.kind not in class_kinds])


def list_warning_lines(warnings: Sequence[QualityWarning]) -> list[str]:
    """List warnings, each with what to do."""
    return [f"{warning.message}; {warning.hint}" for warning in warnings]


def render_quality(quality: ModelQuality) -> str:
    """Render how good a model is for a notebook: facts, warnings, and the classes with the lowest recall."""
    judged = f"decisions about {len(quality.labels)} labels of " if quality.labels else ""
    majority = "each label as on most photos" if quality.labels else f"always predicting {quality.majority_class!r}"
    facts = [
        [
            "accuracy",
            f"{quality.accuracy:.4f} of {judged}{quality.photos} {quality.part} photos ({_describe_bounds(quality)})",
        ],
        ["balanced accuracy", f"{quality.balanced_accuracy:.4f}{_describe_balanced_bounds(quality)}"],
        [majority, f"{quality.majority_accuracy:.4f}"],
        ["guessing", f"{quality.chance_accuracy:.4f}"],
        *([["validation", _describe_validation(quality)[2:]]] if quality.validation_photos else []),
        *(["warning", line] for line in list_quality_warnings(quality)),
    ]
    return render_table("how good the model is", [], facts) + render_table(*tabulate_class_quality(quality))


def _describe_bounds(quality: ModelQuality) -> str:
    return f"one-sided {quality.confidence:.0%} bounds {quality.accuracy_low:.4f} and {quality.accuracy_high:.4f}"


def _describe_balanced_bounds(quality: ModelQuality) -> str:
    low, high = quality.balanced_accuracy_low, quality.balanced_accuracy_high
    return "" if low is None or high is None else f" (bounds {low:.4f} and {high:.4f})"


def _describe_validation(quality: ModelQuality) -> str:
    if not quality.validation_photos:
        return ""
    if quality.labels:
        return f"; of those about validation photos, {quality.validation_accuracy:.4f} are right"
    balanced = quality.validation_balanced_accuracy
    return (
        f"; the same file predicts {quality.validation_accuracy:.4f} of {quality.validation_photos} validation photos"
        + (f", balanced {balanced:.4f}" if balanced is not None else "")
    )
