"""A finished run and one of its targets → the names and values that a tool such as MLflow stores about it."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetl.core.recipe.tables import Tables
from edgetl.core.report_page.facts import RunFacts, TargetFacts
from edgetl.core.report_page.glance import describe_outcome

# In MLflow, names of metrics have letters, digits, underscores, dashes, dots, spaces, colons and slashes.
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """What is stored about a run and one of its targets.

    Attributes:
        name: shown in lists.
        key: hash of all that the results follow from; equal for the same results.
        description: what the build decided, in sentences.
        tags: facts to search for.
        parameters: table.key of the recipe, and other options → value.
        metrics: numbers.
        epochs: numbers of each epoch of the training, from 1.
        files: files to store.
        texts: file name → content.
    """

    name: str
    key: str
    description: str
    tags: dict[str, str]
    parameters: dict[str, str]
    metrics: dict[str, float]
    epochs: dict[int, dict[str, float]] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    texts: dict[str, str] = field(default_factory=dict)


def make_tracked_run(
    run: RunFacts, target: TargetFacts, recipe: Tables, options: Mapping[str, str], files: tuple[Path, ...] = ()
) -> TrackedRun:
    """Collect what is stored.

    Args:
        run: what is known of the run.
        target: what is known of its target.
        recipe: of the run.
        options: further options of the build → value.
        files: files of the run to store.
    """
    result, trained = target.result, run.trained
    facts = [result.target, result.sha256, trained.sha256, run.dataset.sha256, recipe]
    several = len(run.results.targets) > 1
    ledger = [hop.model_dump(mode="json") for hop in result.verdict.hops]
    return TrackedRun(
        name=f"{run.root.absolute().name}, {result.target}" if several else run.root.absolute().name,
        # Paths, latencies and the time of the build are no part of it: they may change while the results do not.
        key=hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest(),
        description=" ".join(describe_outcome(result.verdict)),
        tags={
            "edgetl.verdict": result.verdict.outcome,
            "edgetl.method": result.method,
            "edgetl.target": result.target,
            "edgetl.format": result.format,
            "edgetl.run": str(run.root.absolute()),
            "edgetl.photos_sha256": run.dataset.sha256,
            "edgetl.model_sha256": trained.sha256,
            "edgetl.file_sha256": result.sha256,
            **{f"edgetl.version.{name}": version for name, version in run.results.versions.items()},
        },
        parameters={**options, **flatten_tables(recipe)},
        metrics=list_metrics(run, target),
        epochs={
            epoch.number: {
                "training.loss": epoch.loss,
                "training.accuracy": epoch.accuracy,
                "training.validation_loss": epoch.validation_loss,
                "training.validation_accuracy": epoch.validation_accuracy,
            }
            for epoch in run.epochs
        },
        files=files,
        texts={
            "ledger.json": f"{json.dumps(ledger, indent=1)}\n",
            "verdict.json": f"{json.dumps(result.verdict.model_dump(mode='json'), indent=1, ensure_ascii=False)}\n",
        },
    )


def flatten_tables(recipe: Tables) -> dict[str, str]:
    """Return table.key → value as text, of all tables."""
    return {f"{table}.{key}": format_parameter(value) for table, keys in recipe.items() for key, value in keys.items()}


def format_parameter(value: Any) -> str:
    """Format a value as text: a path or a name as it is, all others as in JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def list_metrics(run: RunFacts, target: TargetFacts) -> dict[str, float]:
    """List the numbers of a target, those that were not measured left out."""
    result, verdict, quality = target.result, target.result.verdict, target.result.quality
    metrics: dict[str, float | None] = {
        "test.photos": verdict.photos,
        "test.accuracy": verdict.accuracy,
        "test.accuracy_low": quality.accuracy_low,
        "test.accuracy_high": quality.accuracy_high,
        "test.balanced_accuracy": verdict.balanced_accuracy,
        "test.keras_accuracy": verdict.reference_accuracy,
        "test.keras_balanced_accuracy": verdict.reference_balanced_accuracy,
        "test.drop": verdict.drop,
        "test.drop_low": verdict.drop_low,
        "test.drop_high": verdict.drop_high,
        "test.broke": verdict.broke,
        "test.fixed": verdict.fixed,
        "test.agreement": verdict.agreement,
        "test.calibration_error": verdict.calibration_error,
        "test.keras_calibration_error": verdict.reference_calibration_error,
        "validation.accuracy": quality.validation_accuracy,
        "file.bytes": result.bytes,
        "file.gzip_bytes": result.gzip_bytes,
        "bundle.bytes": result.bundle_bytes,
        "model.parameters": run.trained.parameters,
        "training.seconds": sum(phase.seconds for phase in run.trained.phases) or None,
        "host.ms": verdict.host_ms or None,
    }
    for device, files in result.device_ms.items():
        metrics[f"device.{_FORBIDDEN.sub('_', device)}.ms"] = files.get(result.sha256)
    return {name: float(value) for name, value in metrics.items() if value is not None}
