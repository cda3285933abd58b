"""The table of recipes: accuracy on test photos, and the gain over the recipe that each is compared with."""

from collections.abc import Sequence

from tools.results_files import Results, Row
from tools.tables.markdown import format_optional, format_percent, format_points, format_table

_CORRUPTIONS = ("blur", "dark", "noise")


def format_recipes(rows: Sequence[Row]) -> str:
    """Return one line for each recipe and data set, gains in percentage points."""
    columns = ["recipe", "photos", "seeds", "accuracy", "gain, one-sided 95 % bound", *_CORRUPTIONS, "seconds"]
    return format_table(
        columns,
        [
            [
                row["recipe"],
                f"{row['data']} ({row['photos']})",
                f"{row['seeds']}",
                format_percent(row["accuracy"]),
                f"{format_points(row['gain'])}, {format_points(row['bound'])}",
                *(format_optional(row, f"{name}_gain", format_points) for name in _CORRUPTIONS),
                format_optional(row, "relative_seconds", lambda value: f"x {value:.1f}"),
            ]
            for row in rows
        ],
    )


def render_recipes(results: Results) -> str:
    """Return the table of a results file."""
    return format_recipes(results.rows)
