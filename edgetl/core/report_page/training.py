"""The training: its phases, and the loss and accuracy of each epoch."""

from typing import Any

from edgetl.core.report.tables import tabulate_phases
from edgetl.core.report_page.facts import RunFacts, TargetFacts


def collect_training(run: RunFacts, target: TargetFacts) -> dict[str, Any] | None:  # noqa: ARG001  (one form for all)
    """Collect phases and curves; None for a model made elsewhere, which is not trained here."""
    if not run.trained.phases:
        return None
    title, columns, rows = tabulate_phases(run.trained)
    return {
        "title": title,
        "columns": columns,
        "rows": rows,
        "epochs": [epoch.number for epoch in run.epochs],
        "curves": {
            "loss": ([epoch.loss for epoch in run.epochs], [epoch.validation_loss for epoch in run.epochs]),
            "accuracy": ([epoch.accuracy for epoch in run.epochs], [epoch.validation_accuracy for epoch in run.epochs]),
        },
        # The first epochs of all phases but the first.
        "borders": [phase.first_epoch for phase in run.trained.phases[1:]],
        "best": run.trained.phases[-1].best_epoch
        if run.trained.phases[-1].accepted
        else run.trained.phases[0].best_epoch,
    }
