"""Records → what a person reads: the titles, columns and cells of tables, and the verdict in sentences."""

from collections.abc import Sequence

from edgetl.core.device.benchmark import LatencyStatistics, Measurement
from edgetl.core.device.targets import Target
from edgetl.core.evaluation.ladder import Attempt
from edgetl.core.records import Artifact, Dataset, LayerError, Trained, Verdict

Table = tuple[str, list[str], list[list[str]]]


def format_points(fraction: float) -> str:
    """A fraction as percentage points with their sign: 0.0123 is "+1.23"."""
    return f"{fraction * 100:+.2f}"


def format_bytes(count: int) -> str:
    """Bytes as people say them: decimal kB and MB."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def tabulate_target(target: Target) -> list[list[str]]:
    """List every fact of a target by its key in target.toml, with the files of its payload."""
    rows = [["id", target.id], ["title", target.title], ["summary", target.summary], ["source", str(target.source)]]
    for name in ("device", "accepts", "limits", "runtime"):
        table = getattr(target, name)
        values = table.model_dump(mode="json").items() if table is not None else ()
        rows += [[f"{name}.{key}", _format_value(value)] for key, value in values if value is not None]
    return [*rows, ["payload", " ".join(file.name for file in target.payload)]]


def _format_value(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_format_value(entry)}" for key, entry in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def tabulate_left_out(dataset: Dataset) -> Table:
    """What is not used and why, alike reasons together; of each the first three by name."""
    groups: dict[str, list[str]] = {}
    for left in dataset.left_out:
        groups.setdefault(_kind(left.reason), []).append(left.path)
    rows = [
        [reason, f"{len(paths)}", ", ".join(paths[:3]) + (", …" if len(paths) > 3 else "")]
        for reason, paths in sorted(groups.items())
    ]
    count = len(dataset.left_out)
    title = "one file is left out" if count == 1 else f"{count} files are left out"
    return (title, ["why", "files", "which"], rows)


def _kind(reason: str) -> str:
    """The reason without the other photo's name, so that a thousand copies make one row."""
    for start in ("same photo as", "near duplicate of"):
        if reason.startswith(start):
            tail = reason.rsplit(" in ", 1)[-1] if start.startswith("near") else "another, counted once"
            return f"near duplicate of a photo in {tail}" if start.startswith("near") else f"same photo as {tail}"
    return reason


def tabulate_phases(trained: Trained) -> Table:
    """What each phase of training reached."""
    rows = [
        [
            phase.name.replace("_", "-"),
            f"{phase.first_epoch} to {phase.last_epoch}",
            f"{phase.best_epoch}",
            f"{phase.learning_rate:g}",
            f"{phase.trainable_parameters:,}",
            f"{phase.validation_accuracy:.4f}",
            f"{phase.seconds:.0f}",
            phase.note or ("kept" if phase.kept else "thrown away"),
        ]
        for phase in trained.phases
    ]
    columns = ["phase", "epochs", "best", "rate", "trainable", "validation accuracy", "s", ""]
    return (f"{trained.base}, {trained.parameters:,} parameters, on {trained.backend} {trained.device}", columns, rows)


def tabulate_methods(pairs: Sequence[tuple[Artifact, Verdict]], chosen: str) -> Table:
    """Every method that was tried, scored on the validation photos."""
    rows = [
        [
            artifact.method,
            f"{verdict.accuracy:.4f}",
            format_points(verdict.drop),
            f"{format_points(verdict.drop_low)} … {format_points(verdict.drop_high)}",
            f"{verdict.broke}/{verdict.fixed}",
            format_bytes(artifact.bytes),
            f"{verdict.host_ms:.2f}",
            "← chosen" if artifact.method == chosen else "",
        ]
        for artifact, verdict in pairs
    ]
    photos = pairs[0][1].photos if pairs else 0
    columns = ["method", "accuracy", "drop, points", "its bounds", "broke/fixed", "size", "host ms", ""]
    return (f"methods on {photos} validation photos (host ms: one thread here, not the device)", columns, rows)


def tabulate_attempts(rungs: Sequence[Attempt], chosen: str) -> Table:
    """Every step that was tried, what it cost, and what came of it: why the next one was taken, or all of them."""
    rows = [
        [rung.method, f"{rung.seconds:.0f}", rung.reason + (" ← chosen" if rung.method == chosen else "")]
        for rung in rungs
    ]
    within = [rung.candidate is not None and rung.candidate.within_limit for rung in rungs]
    why = "all steps were asked for" if any(within[:-1]) else "each step was taken because those above it did not do"
    return (f"the ladder: {why}", ["step", "s", "on validation photos"], rows)


def tabulate_layers(found: Sequence[LayerError], form: str, most: int = 20) -> Table:
    """The layers that int8 hurts most, in steps of their own output (rounding alone: 0.29)."""
    rows = [
        [f"{place}", layer.operator, _shortened(layer.name), f"{layer.error_steps:.2f}", f"{layer.saturated:.2%}"]
        for place, layer in enumerate(found[:most], 1)
    ]
    title = f"what int8 does to the layers of the {form} file: the worst {len(rows)} of {len(found)}"
    return (title, ["", "operator", "layer", "error, steps", "saturated"], rows)


def _shortened(name: str) -> str:
    """The first of the names that the converter strung together, without the model's own."""
    return name.partition(";")[0].removeprefix("classifier_1/").removeprefix("classifier/")


def tabulate_weights(artifacts: Sequence[Artifact]) -> Table:
    """What pruning and clustering left in the files, beside the others."""
    rows = [
        [
            artifact.method,
            format_bytes(artifact.bytes),
            format_bytes(artifact.gzip_bytes),
            f"{artifact.sparsity:.1%}",
            f"{artifact.distinct_weights}",
        ]
        for artifact in artifacts
    ]
    columns = ["method", "size", "as gzip", "zero weights", "most values in a channel"]
    return ("weights in the files", columns, rows)


def tabulate_ledger(verdict: Verdict) -> Table:
    """Hop by hop, where the answers changed."""
    rows = [
        [
            hop.name,
            f"{hop.accuracy:.4f}",
            f"{hop.broke}",
            f"{hop.fixed}",
            f"{hop.agreement:.4f}",
            f"{hop.worst_difference:.2g}",
        ]
        for hop in verdict.hops
    ]
    photos = verdict.hops[0].photos if verdict.hops else 0
    columns = ["hop", "accuracy", "broke", "fixed", "agreement", "largest difference"]
    return (f"ledger: the same {photos} {verdict.part} photos after each hop", columns, rows)


def tabulate_classes(verdict: Verdict) -> Table:
    """Each class before and after, the largest loss first; the ten that lost most where there are many."""
    losses = sorted(verdict.per_class, key=lambda change: (change.accuracy - change.reference_accuracy, change.name))
    rows = [
        [
            change.name,
            f"{change.photos}",
            f"{change.reference_accuracy:.4f}",
            f"{change.accuracy:.4f}",
            format_points(change.accuracy - change.reference_accuracy),
        ]
        for change in losses[:10]
    ]
    return ("class by class", ["class", "photos", "Keras", verdict.method, "change"], rows)


def describe_verdict(verdict: Verdict) -> list[str]:
    """The verdict in sentences."""
    lines = [
        f"{verdict.outcome}: {verdict.method} answers {verdict.accuracy:.4f} of {verdict.photos} {verdict.part} photos "
        f"right, Keras {verdict.reference_accuracy:.4f}",
        f"  drop {format_points(verdict.drop)} points (one-sided {verdict.confidence:.0%} bounds "
        f"{format_points(verdict.drop_low)} and {format_points(verdict.drop_high)}), "
        f"limit {verdict.limit_drop * 100:g}; "
        f"broke {verdict.broke}, fixed {verdict.fixed}, agreement {verdict.agreement:.4f}",
        f"  calibration error {verdict.reference_calibration_error:.4f} before, {verdict.calibration_error:.4f} after; "
        f"{_worst(verdict)}",
    ]
    if verdict.outcome == "UNDECIDED":
        needed = verdict.photos_needed
        more = "no number of photos" if needed is None else f"about {needed:,} more test photos"
        lines.append(f"  {more} would decide it if the rates seen so far held")
    return lines


def _worst(verdict: Verdict) -> str:
    worst = next(change for change in verdict.per_class if change.name == verdict.worst_class)
    change = worst.accuracy - worst.reference_accuracy
    return f"worst class {worst.name} {format_points(change)} points" if change < 0 else "no class lost"


def tabulate_measurements(measured: Sequence[tuple[str, Measurement]]) -> Table:
    """Where it was measured, side by side; only figures that are valid and of a device are compared."""
    medians = {where: m.best.steady.p50.ms for where, m in measured if m.valid and where != "host"}
    fastest = min(medians, key=lambda where: medians[where]) if len(medians) > 1 else ""
    rows = [
        [
            where,
            measure.board.name,
            f"{measure.best_threads} of {measure.board.cores}",
            f"{measure.best.load_ms:.1f}",
            f"{measure.best.first_ms:.2f}",
            _median(measure.best.steady),
            f"{measure.best.steady.p90.ms:.2f}",
            f"{measure.best.steady.p99.ms:.2f}",
            _median(measure.photo.total),
            format_bytes(measure.memory.peak_bytes) if measure.memory.peak_bytes is not None else "unknown",
            "INVALID" if not measure.valid else "← fastest" if where == fastest else "",
        ]
        for where, measure in measured
    ]
    columns = [
        "where",
        "board",
        "threads",
        "load",
        "first",
        "invoke, median",
        "p90",
        "p99",
        "whole photo",
        "memory",
        "",
    ]
    hosts = [where for where, _ in measured] == ["host"]
    return (f"milliseconds on the {'host, not device' if hosts else 'devices'}", columns, rows)


def tabulate_photo_times(measure: Measurement) -> Table:
    """Where a photo's time goes."""
    photo = measure.photo
    steps = {
        "decode": photo.decode,
        "preprocess": photo.preprocess,
        "invoke": photo.invoke,
        "postprocess": photo.postprocess,
        "in all": photo.total,
    }
    rows = [
        [name, f"{times.p50.ms:.3f}", f"{times.p90.ms:.3f}", f"{times.p99.ms:.3f}", f"{times.runs}"]
        for name, times in steps.items()
    ]
    return (f"one photo on {measure.board.name}, ms", ["step", "median", "p90", "p99", "runs"], rows)


def list_doubts(where: str, measure: Measurement) -> list[str]:
    """Why a measure is INVALID, and what could not be watched, in sentences; empty where there is nothing to say."""
    lines = [] if measure.valid else [f"{where}: INVALID, not to be compared: {'; '.join(measure.reasons)}"]
    if measure.unwatched:
        lines.append(f"{where}: not watched: {', '.join(measure.unwatched)}")
    return lines


def _median(times: LatencyStatistics) -> str:
    return f"{times.p50.ms:.2f} ({times.p50.low_ms:.2f} … {times.p50.high_ms:.2f})"
