"""Records → text for the user: the titles, columns and cells of tables, and the verdict in sentences."""

from collections.abc import Mapping, Sequence

from edgetl.core.device.targets import Target
from edgetl.core.evaluation.ladder import Attempt
from edgetl.core.records import Artifact, LayerError, Trained
from edgetl.core.report import changes
from edgetl.core.report.calibration_lines import describe_reliability
from edgetl.core.verdict_records import MEASURE_TITLES, Verdict

# Title, columns, and rows of cells.
Table = tuple[str, list[str], list[list[str]]]

# Hundreds of classes must not fill the screen.
_LISTED_CLASSES = 10
# Mark of a latency that was measured beside other processes.
_DISTURBED = "~"


def format_points(fraction: float) -> str:
    """Format a fraction as percentage points with a sign: "+1.23" for 0.0123."""
    return f"{fraction * 100:+.2f}"


def format_bytes(count: int) -> str:
    """Format a number of bytes in decimal kB or MB."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def tabulate_target(target: Target) -> list[list[str]]:
    """List all values of a target with their keys in target.toml, and the files of its payload."""
    rows = [["id", target.id], ["title", target.title], ["summary", target.summary], ["source", str(target.source)]]
    for name in ("device", "accepts", "limits", "runtime"):
        table = getattr(target, name)
        values = table.model_dump(mode="json").items() if table is not None else ()
        # None is a limit or a fact that the target does not have.
        rows += [[f"{name}.{key}", _format_value(value)] for key, value in values if value is not None]
    return [*rows, ["payload", " ".join(file.name for file in target.payload)]]


def _format_value(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_format_value(entry)}" for key, entry in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def tabulate_phases(trained: Trained) -> Table:
    """Tabulate the results of the training phases."""
    rows = [
        [
            phase.name.replace("_", "-"),
            f"{phase.first_epoch}-{phase.last_epoch}",
            f"{phase.best_epoch}",
            f"{phase.learning_rate:g}",
            f"{phase.trainable_parameters:,}",
            f"{phase.validation_accuracy:.4f}",
            f"{phase.seconds:.0f}",
            phase.note or ("kept" if phase.accepted else "discarded"),
        ]
        for phase in trained.phases
    ]
    columns = ["phase", "epochs", "best", "rate", "trainable", "accuracy", "s", ""]
    network = f"{trained.base}, {trained.parameters:,} parameters, on {trained.backend} {trained.device}"
    balanced = "balanced " if any(phase.class_weighted for phase in trained.phases) else ""
    return (f"{network}: {balanced}accuracy on validation photos", columns, rows)


def tabulate_methods(
    pairs: Sequence[tuple[Artifact, Verdict]], chosen: str, device_ms: Mapping[str, Mapping[str, float]] | None = None
) -> Table:
    """Tabulate the converted files with their verdicts on the validation photos.

    Args:
        pairs: artifacts with their verdicts.
        chosen: method of the chosen artifact.
        device_ms: name of a device → sha256 of a file → its latency there. Each device has a column of its own.
    """
    digests = {artifact.sha256 for artifact, _ in pairs}
    devices = {name: measured for name, measured in (device_ms or {}).items() if digests & measured.keys()}
    rows = [
        [
            artifact.method,
            f"{verdict.accuracy:.4f}",
            f"{verdict.balanced_accuracy:.4f}",
            format_points(verdict.drop),
            f"{format_points(verdict.drop_low)} … {format_points(verdict.drop_high)}",
            format_bytes(artifact.bytes),
            f"{verdict.host_ms:.2f}{_DISTURBED if verdict.host_disturbed else ''}",
            *(
                f"{measured[artifact.sha256]:.2f}" if artifact.sha256 in measured else ""
                for measured in devices.values()
            ),
            "← chosen" if artifact.method == chosen else "",
        ]
        for artifact, verdict in pairs
    ]
    # All methods are compared on the same photos.
    photos = pairs[0][1].describe_photos("validation") if pairs else "0 validation photos"
    columns = [
        "method",
        "accuracy",
        "balanced",
        "drop",
        "its bounds",
        "size",
        "host ms",
        *(f"{name} ms" for name in devices),
        "",
    ]
    # Units are in the title: the columns have to fit a terminal of 80.
    drop = f"drop{_name_measure(pairs[0][1])}" if pairs else "drop"
    units = f"{drop} in points, host ms on one thread of this machine, not the device"
    if any(verdict.host_disturbed for _, verdict in pairs):
        units += f"; {_DISTURBED} other processes disturbed it"
    return (f"methods on {photos}: {units}", columns, rows)


def tabulate_attempts(attempts: Sequence[Attempt]) -> Table:
    """Tabulate the attempts of the ladder: the duration of each, and why it was chosen or not.

    Args:
        attempts: attempts, in order, with the reasons of `choice.choose_file`.
    """
    rows = [[attempt.method, f"{attempt.seconds:.0f}", attempt.reason] for attempt in attempts]
    holding = [attempt.candidate is not None and attempt.candidate.holds_limit for attempt in attempts]
    # The ladder ends at the first file that holds the limit, unless all methods were requested.
    rule = "all methods were requested" if any(holding[:-1]) else "tried in order until one holds the limit"
    return (f"the choice on validation photos: {rule}", ["method", "s", "chosen, or why not"], rows)


def tabulate_layers(layers: Sequence[LayerError], format_title: str, most: int = 20) -> Table:
    """Tabulate the layers with the largest int8 error, in quantization steps of their output (rounding alone: 0.29).

    Args:
        layers: all layers, largest error first.
        format_title: title of the file format.
        most: number of layers in the table.
    """
    rows = [
        [
            f"{rank}",
            layer.operator,
            shorten_layer_name(layer.name),
            f"{layer.error_steps:.2f}",
            f"{layer.saturated:.2%}",
        ]
        for rank, layer in enumerate(layers[:most], 1)
    ]
    title = f"int8 error of the layers of the {format_title} file: the largest {len(rows)} of {len(layers)}"
    return (title, ["", "operator", "layer", "error, steps", "saturated"], rows)


def shorten_layer_name(name: str) -> str:
    """Return the first of the layer names that the converter joined, without the name of the model."""
    return name.partition(";")[0].removeprefix("classifier_1/").removeprefix("classifier/")


def tabulate_weights(artifacts: Sequence[Artifact]) -> Table:
    """Tabulate size and distinct weights of all files, for a comparison of pruned and clustered ones with the rest."""
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
    """Tabulate the ledger: accuracy after each hop, and the predictions that the hop changed.

    The changes of accuracy, from the hop before and in all, are in points, and minus is a loss.
    """
    photos = changes.describe_hop_photos(verdict.hops, verdict.part) if verdict.hops else f"0 {verdict.part} photos"
    title = f"ledger: accuracy on the same {photos}; changes{_name_measure(verdict)} in points"
    # A terminal has no room for the last column, the agreement. The verdict has that of all hops together.
    rows = [cells[:-1] for cells in changes.list_hop_cells(verdict.hops, verdict.measure)]
    return (title, [*changes.HOP_COLUMNS[:-1]], rows)


def _name_measure(verdict: Verdict) -> str:
    return "" if verdict.measure == "accuracy" else f" of {MEASURE_TITLES[verdict.measure]}"


def tabulate_classes(verdict: Verdict) -> Table:
    """Tabulate the recall of classes before and after conversion: the ten with the largest loss, largest first."""
    # Equal losses are sorted by name, so that the table is the same for every build.
    losses = sorted(verdict.per_class, key=lambda change: (change.accuracy - change.reference_accuracy, change.name))
    rows = [
        [
            change.name,
            f"{change.photos}",
            f"{change.reference_accuracy:.4f}",
            f"{change.accuracy:.4f}",
            format_points(change.accuracy - change.reference_accuracy),
        ]
        for change in losses[:_LISTED_CLASSES]
    ]
    thing, title = ("label", "right decisions by label") if verdict.labels else ("class", "recall by class")
    return (f"{title}, before and after conversion", [thing, "photos", "Keras", verdict.method, "change"], rows)


def describe_verdict(verdict: Verdict) -> list[str]:
    """Describe a verdict in sentences, one per line."""
    lines = [
        f"{verdict.outcome}: {verdict.method} predicts {verdict.accuracy:.4f} of "
        f"{verdict.describe_photos(verdict.part)} correctly, Keras {verdict.reference_accuracy:.4f}; balanced accuracy "
        f"{verdict.balanced_accuracy:.4f}, Keras {verdict.reference_balanced_accuracy:.4f}",
        f"  it {changes.describe_drop(verdict.drop, MEASURE_TITLES[verdict.measure])} in conversion (one-sided "
        f"{verdict.confidence:.0%} bounds of the change {changes.format_change(verdict.drop_high, 0)} and "
        f"{changes.format_change(verdict.drop_low, 0)}), {verdict.limit_drop * 100:g} may be lost; "
        f"broke {verdict.broke}, fixed {verdict.fixed}, agreement {verdict.agreement:.4f}",
        f"  {_describe_worst_class(verdict)}",
    ]
    if verdict.labels:
        of_group = ", or one group of photos," if verdict.groups else ""
        lines.append(
            f"  decisions about one photo{of_group} are not independent: the variance is {verdict.design_effect:.2f} "
            "times that of as many independent decisions"
        )
    elif verdict.groups:
        lines.append(
            f"  photos of one group are not independent: the bounds are those of {verdict.groups} groups, with a "
            f"variance {verdict.design_effect:.2f} times that of as many independent photos"
        )
    if verdict.outcome == "UNDECIDED":
        needed = verdict.photos_needed
        more = "no number of photos" if needed is None else f"about {needed:,} more test photos"
        shares = "" if verdict.measure == "accuracy" else " and in the same shares of the classes"
        lines.append(f"  {more} would decide it, at the rates observed so far{shares}")
    if verdict.not_judged:
        lines.append(f"  {verdict.not_judged}")
    return [*lines, *describe_reliability(verdict)]


def _describe_worst_class(verdict: Verdict) -> str:
    never_right = [count for count in verdict.counts if count.photos and not count.correct]
    if never_right:
        # A class that the model never finds cannot be lost in conversion: that would sound like a good result.
        more = f" and {len(never_right) - 1} more" if len(never_right) > 1 else ""
        predicted = any(count.predicted for count in never_right)
        return f"{never_right[0].name}{more} never predicted{' correctly' if predicted else ''}"
    worst = next(change for change in verdict.per_class if change.name == verdict.worst_class)
    change = worst.accuracy - worst.reference_accuracy
    thing = "label" if verdict.labels else "class"
    return f"worst {thing} {worst.name} {format_points(change)} points" if change < 0 else f"no {thing} lost"
