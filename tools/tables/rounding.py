"""The table of AdaRound: what each int8 method loses, and what it takes."""

from collections.abc import Sequence

from tools.results_files import Results, Row
from tools.tables.markdown import format_bounds, format_number, format_percent, format_points, format_table

_FORMATS = {"tflite": "TFLite", "onnx": "ONNX"}


def render_rounding(results: Results) -> str:
    """Return one row per model, format and method: see `format_rounding`."""
    return format_rounding(results.rows)


def format_rounding(rows: Sequence[Row]) -> str:
    """Return accuracy, drop, broke and fixed photos, agreement and seconds of each file."""
    columns = ["model", "format", "method", "accuracy", "drop, points (bounds)", "broke / fixed"]
    columns += ["agreement with Keras", "s"]
    return format_table(
        columns,
        [
            [
                f"{row['run']}, {row['photos']} {row['part']} photos",
                _FORMATS[row["format"]],
                row["method"],
                f"{row['accuracy']:.4f}",
                f"{format_points(row['drop'])} ({format_bounds(row)})",
                f"{row['broke']} / {row['fixed']}",
                format_percent(row["agreement"]),
                format_number(row["seconds"]),
            ]
            for row in rows
        ],
    )
