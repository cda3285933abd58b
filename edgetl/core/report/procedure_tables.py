"""A verdict on the procedure, for the user. Every title and sentence states that it is not about the delivered file."""

from edgetl.core.evaluation.procedure import JUDGED, ProcedureVerdict
from edgetl.core.html_table import render_table
from edgetl.core.report.changes import describe_drop, format_change
from edgetl.core.verdict_records import MEASURE_TITLES, Comparison, Measure


def tabulate_procedure(verdict: ProcedureVerdict) -> tuple[str, list[str], list[list[str]]]:
    """Tabulate the folds and all of them together: title, columns, rows of cells. Changes are in points."""
    title = f"cross-fit: {JUDGED}; changes in points"
    if verdict.measure != "accuracy":
        title += f", of {MEASURE_TITLES[verdict.measure]}"
    columns = ["fold", "photos", "Keras", verdict.method, "change", "balanced", "broke", "fixed"]
    rows = [_list_cells(f"{fold.fold} of {len(verdict.folds)}", fold, verdict.measure) for fold in verdict.folds]
    return (title, columns, [*rows, _list_cells("all", verdict, verdict.measure)])


def describe_procedure(verdict: ProcedureVerdict) -> list[str]:
    """Describe a verdict on the procedure in sentences, one per line."""
    lines = [
        f"{verdict.outcome} of {JUDGED}: {verdict.method} "
        f"{describe_drop(verdict.drop, MEASURE_TITLES[verdict.measure])} in conversion on all "
        f"{verdict.describe_photos()} (one-sided {verdict.confidence:.0%} bounds of the change "
        f"{format_change(verdict.drop_high, 0)} and {format_change(verdict.drop_low, 0)}), "
        f"{verdict.limit_drop * 100:g} may be lost",
        f"  it predicts {verdict.accuracy:.4f} correctly ({verdict.accuracy_low:.4f} and {verdict.accuracy_high:.4f}), "
        f"Keras {verdict.reference_accuracy:.4f}, balanced accuracy {verdict.balanced_accuracy:.4f}, Keras "
        f"{verdict.reference_balanced_accuracy:.4f}: each photo once, by one of {len(verdict.folds)} files that was "
        "not made from it",
    ]
    if verdict.outcome == "UNDECIDED" and verdict.photos_needed is not None:
        lines.append(f"  about {verdict.photos_needed:,} more photos would decide it, at the rates observed so far")
    return lines


def render_procedure(verdict: ProcedureVerdict) -> str:
    """Render a verdict on the procedure for a notebook."""
    return render_table(*tabulate_procedure(verdict)) + render_table(
        "", [], [[line.strip()] for line in describe_procedure(verdict)]
    )


def _list_cells(name: str, comparison: Comparison, measure: Measure) -> list[str]:
    return [
        name,
        f"{comparison.photos}",
        f"{comparison.reference_accuracy:.4f}",
        f"{comparison.accuracy:.4f}",
        format_change(*comparison.read_accuracy(measure)),
        f"{comparison.balanced_accuracy:.4f}",
        f"{comparison.broke}",
        f"{comparison.fixed}",
    ]
