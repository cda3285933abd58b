"""How good a model is, for the user: sentences, a table of its worst classes, and HTML for notebooks."""

from collections.abc import Sequence

from edgetl.core.evaluation.quality.class_warnings import CLASS_WARNINGS, QualityWarning
from edgetl.core.evaluation.quality.model_quality import ModelQuality, select_worst_classes
from edgetl.core.html_table import render_table

# Hundreds of classes must not fill the screen.
_LISTED_CLASSES = 10


def describe_quality(quality: ModelQuality) -> list[str]:
    """Describe in sentences how good a model is, one per line."""
    outside = sum(row.predicted for row in quality.per_class if row.recall is None)
    lines = [
        f"how good the model is: it predicts {quality.accuracy:.4f} of {quality.photos} {quality.part} photos "
        f"correctly ({_describe_bounds(quality)})",
        f"  balanced accuracy, the mean of the recalls of the classes: {quality.balanced_accuracy:.4f} (bounds "
        f"{quality.balanced_accuracy_low:.4f} and {quality.balanced_accuracy_high:.4f})",
        f"  always predicting {quality.majority_class!r} reaches {quality.majority_accuracy:.4f}, guessing "
        f"{quality.chance_accuracy:.4f}{_describe_validation(quality)}",
    ]
    if outside:
        lines.append(f"  {outside} photos are predicted as classes that have no photos, which counts as wrong")
    return lines


def tabulate_class_quality(quality: ModelQuality) -> tuple[str, list[str], list[list[str]]]:
    """Tabulate the classes with the lowest recall: title, columns, rows of cells."""
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
    facts = [
        ["accuracy", f"{quality.accuracy:.4f} of {quality.photos} {quality.part} photos ({_describe_bounds(quality)})"],
        [
            "balanced accuracy",
            f"{quality.balanced_accuracy:.4f} (bounds {quality.balanced_accuracy_low:.4f} and "
            f"{quality.balanced_accuracy_high:.4f})",
        ],
        [f"always predicting {quality.majority_class!r}", f"{quality.majority_accuracy:.4f}"],
        ["guessing", f"{quality.chance_accuracy:.4f}"],
        *([["validation", _describe_validation(quality)[2:]]] if quality.validation_photos else []),
        *(["warning", line] for line in list_quality_warnings(quality)),
    ]
    return render_table("how good the model is", [], facts) + render_table(*tabulate_class_quality(quality))


def _describe_bounds(quality: ModelQuality) -> str:
    return f"one-sided {quality.confidence:.0%} bounds {quality.accuracy_low:.4f} and {quality.accuracy_high:.4f}"


def _describe_validation(quality: ModelQuality) -> str:
    if not quality.validation_photos:
        return ""
    balanced = quality.validation_balanced_accuracy
    return (
        f"; the same file predicts {quality.validation_accuracy:.4f} of {quality.validation_photos} validation photos"
        + (f", balanced {balanced:.4f}" if balanced is not None else "")
    )
