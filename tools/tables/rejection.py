"""Tables about photos of other things: what each score rejects, the answers of a file, and what they cost."""

from collections.abc import Callable, Sequence

from tools.results_files import Results, Row
from tools.tables.markdown import format_bytes, format_number, format_percent, format_table


def format_rejection(rows: Sequence[Row]) -> str:
    """Return what each score rejects of each set, with how well it separates test photos from the set (AUROC)."""
    # In the order of the rows, each once.
    sets = list(dict.fromkeys((row["set"], row["photos"]) for row in rows))
    lines: dict[tuple[str, str], dict[tuple[str, int], Row]] = {}
    for row in rows:
        lines.setdefault((row["file"], row["score"]), {})[row["set"], row["photos"]] = row
    columns = ["file", "score", *(f"{name}, {photos}" for name, photos in sets), "own test photos"]
    return format_table(
        columns,
        [
            [
                file,
                score,
                *(_format_rejected(cells[key]) if key in cells else "" for key in sets),
                format_percent(next(iter(cells.values()))["own_rejected"]),
            ]
            for (file, score), cells in lines.items()
        ],
    )


def format_near(rows: Sequence[Row]) -> str:
    """Return how many photos of a class get a label of a classifier without that class."""
    columns = ["file", "class left out", "photos", "none of these", "unsure", "a label"]
    return format_table(
        columns,
        [
            [
                row["file"],
                row["class"],
                f"{row['photos']}",
                format_percent(1 - row["known"] / row["photos"]),
                format_percent((row["known"] - row["answered"]) / row["photos"]),
                format_percent(row["answered"] / row["photos"]),
            ]
            for row in rows
        ],
    )


def format_answers(rows: Sequence[Row]) -> str:
    """Return the answers of each file to the test photos, with its bounds and calibration errors."""
    columns = [
        "file",
        "test photos",
        "none of these",
        "unsure",
        "a label",
        "wrong labels",
        "limit, bound",
        "wrong without",
        "temperature",
        "ECE: Keras without, with, file",
    ]
    return format_table(
        columns,
        [
            [
                row["file"],
                f"{row['photos']}",
                format_percent(1 - row["known"] / row["photos"]),
                format_percent((row["known"] - row["answered"]) / row["photos"]),
                format_percent(row["answered"] / row["photos"]),
                f"{row['wrong']} ({format_percent(row['wrong'] / max(1, row['answered']))})",
                _format_limit(row),
                format_percent(1 - row["right_without"] / row["photos"]),
                f"{row['temperature']:.3f}",
                _format_errors(row),
            ]
            for row in rows
        ],
    )


def format_features_cost(rows: Sequence[Row]) -> str:
    """Return the bytes and times of the second output and of an answer."""
    columns = ["file", "model", "second output", "reference features", "inference", "with / without", "answer"]
    return format_table(
        columns,
        [
            [
                row["file"],
                format_bytes(row["model_bytes"]),
                f"{row['added_bytes']} bytes",
                f"{format_bytes(row['reference_bytes'])} ({row['reference_rows']} x {row['features']})",
                f"{format_number(row['invoke_ms'])} ms",
                f"{row['ratio']:.4f}",
                f"{row['answer_us']:.0f} µs",
            ]
            for row in rows
        ],
    )


# Name of a results file → the fields that identify a row.
TABLE_KEYS: dict[str, tuple[str, ...]] = {
    "rejection": ("file", "score", "set"),
    "near": ("file", "class"),
    "answers": ("file",),
    "features_cost": ("file",),
}
RENDERERS: dict[str, Callable[[Sequence[Row]], str]] = {
    "rejection": format_rejection,
    "near": format_near,
    "answers": format_answers,
    "features_cost": format_features_cost,
}


def render_rejection(results: Results) -> str:
    """Return the table of scores from its results file."""
    return format_rejection(results.rows)


def render_near(results: Results) -> str:
    """Return the table of classes from its results file."""
    return format_near(results.rows)


def render_answers(results: Results) -> str:
    """Return the table of answers from its results file."""
    return format_answers(results.rows)


def render_features_cost(results: Results) -> str:
    """Return the table of costs from its results file."""
    return format_features_cost(results.rows)


def _format_rejected(row: Row) -> str:
    return f"{format_percent(row['rejected'])} ({100 * row['low']:.1f} … {100 * row['high']:.1f}), {row['auroc']:.4f}"


def _format_limit(row: Row) -> str:
    bound = f"{format_percent(row['error_limit'])}, {format_percent(row['error_bound'])}"
    return bound if row["certified"] else f"not shown ({bound})"


def _format_errors(row: Row) -> str:
    errors = [row.get(name) for name in ("reference_without_temperature", "reference", "artifact")]
    return ", ".join("" if error is None else f"{error:.4f}" for error in errors)
