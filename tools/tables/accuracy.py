"""Tables about accuracy: what conversion costs, the attempts of the ladder, and what pretrained weights gain."""

from collections import defaultdict

from edgetl.core.report.changes import format_change
from tools.results_files import Results, Row
from tools.tables.markdown import (
    format_bounds,
    format_bytes,
    format_number,
    format_optional,
    format_percent,
    format_points,
    format_table,
)

_FORMATS = {"tflite": "TFLite", "onnx": "ONNX"}
_STARTS = {"random": "random weights", "formula": "formula", "imagenet": "ImageNet"}
_BASES = {"mobilenet": "MobileNet", "mobilenet_v2": "MobileNetV2"}


def render_methods(results: Results) -> str:
    """Return one row per conversion method: accuracy, drop, size and latency. The chosen method is bold."""
    columns = ["method", "validation accuracy", "drop, points", "one-sided 95 % bounds"]
    columns += ["broke / fixed", "size", "ms on the host"]
    rows = [
        [
            f"**{row['method']}** (chosen)" if row["chosen"] else row["method"],
            f"{row['accuracy']:.4f}",
            format_points(row["drop"]),
            format_bounds(row),
            f"{row['broke']} / {row['fixed']}",
            format_bytes(row["size_bytes"]),
            format_number(row["latency_ms"]),
        ]
        for row in results.rows
    ]
    return format_table(columns, rows)


def render_ledger(results: Results) -> str:
    """Return the accuracy after each conversion step, on the same photos, and its change; minus is a loss."""
    accuracies = [row["accuracy"] for row in results.rows]
    rows = [
        [
            row["hop"],
            f"{row['accuracy']:.4f}",
            format_change(accuracies[position - 1], row["accuracy"]) if position else "",
            format_change(accuracies[0], row["accuracy"]) if position else "",
            f"{row['broke']}",
            f"{row['fixed']}",
            f"{row['agreement']:.4f}",
        ]
        for position, row in enumerate(results.rows)
    ]
    columns = ["hop", "accuracy", "change, points", "in all, points", "broke", "fixed", "agreement"]
    return format_table(columns, rows)


def render_ladder(results: Results) -> str:
    """Return one row per attempt of the ladder, with both formats side by side. The attempt that passes is bold."""
    columns = ["attempt"]
    for title in _FORMATS.values():
        columns += [f"{title}: s", "drop, points (bounds)", "outcome"]
    rows = []
    for method, attempts in _pair_formats(results.rows, "method").items():
        # One passing format does not end the ladder of the other.
        passed = all(attempt["outcome"] == "PASS" for attempt in attempts)
        cells = [f"**{method}**" if passed else method]
        for attempt in attempts:
            cells += [f"{attempt['seconds']}", _format_drop(attempt), attempt["outcome"]]
        rows.append(cells)
    return format_table(columns, rows)


def render_retraining(results: Results) -> str:
    """Return one row per network and method, with both formats side by side."""
    columns = ["network, Keras accuracy", "method"]
    for title in _FORMATS.values():
        columns += [f"{title}: drop, points (bounds)", "size (after gzip)", "agreement with its model"]
    # Network and method together identify a row of the table.
    networks = [
        {**row, "network": f"{_BASES[row['base']]} {row['alpha']}, {row['keras_accuracy']:.4f} / {row['method']}"}
        for row in results.rows
    ]
    rows = []
    for title, files in _pair_formats(networks, "network").items():
        cells = title.split(" / ")
        for file in files:
            gzip = format_optional(file, "gzip_bytes", lambda size: f" ({format_bytes(size)})")
            agreement = format_optional(file, "agreement", format_percent)
            cells += [_format_drop(file), format_bytes(file["size_bytes"]) + gzip, agreement]
        rows.append(cells)
    return format_table(columns, rows)


def render_transfer(results: Results) -> str:
    """Return the accuracy of the whole fine-tuned network: one row per data set, one column per start."""
    return _render_starts(results, "accuracy")


def render_transfer_head(results: Results) -> str:
    """Return the accuracy of a head on the frozen base: one row per data set, one column per start."""
    return _render_starts(results, "head_accuracy")


def render_pretraining(results: Results) -> str:
    """Return the accuracy with the weights of each pretraining, fine-tuned and as a frozen base."""
    columns = ["pretraining", "photos", "whole network fine-tuned", "head on the frozen base"]
    rows = [
        [
            row["training"],
            row["photos"],
            _format_deviation(row, "accuracy"),
            format_optional(row, "head_accuracy", lambda value: f"{value:.3f}"),
        ]
        for row in results.rows
    ]
    return format_table(columns, rows)


def _pair_formats(rows: list[Row], name: str) -> dict[str, list[Row]]:
    """Group rows by a field; each group has the row of TFLite first, then that of ONNX."""
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    # Formats in the outer loop: the rows of a file may be in any order.
    for format_name in _FORMATS:
        for row in rows:
            if row["format"] == format_name:
                groups[row[name]].append(row)
    return groups


def _format_drop(row: Row) -> str:
    return f"{format_points(row['drop'])} ({format_bounds(row)})"


def _render_starts(results: Results, accuracy: str) -> str:
    data_sets: defaultdict[str, dict[str, Row]] = defaultdict(dict)
    for row in results.rows:
        if accuracy in row:
            data_sets[f"{row['photos']}, {row['epochs']}"][row["start"]] = row
    rows = []
    for title, starts in data_sets.items():
        cells = [_format_deviation(starts.get(start, {}), accuracy) for start in _STARTS]
        rows.append([title, *cells])
    return format_table(["photos, epochs", *_STARTS.values()], rows)


def _format_deviation(row: Row, accuracy: str) -> str:
    deviation = format_optional(row, f"{accuracy}_deviation", lambda value: f" ± {value:.3f}")
    return format_optional(row, accuracy, lambda value: f"{value:.3f}") + deviation
