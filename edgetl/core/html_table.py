"""Tables as HTML for notebooks. All text is escaped: class and file names may come from strangers."""

from collections.abc import Sequence
from html import escape


def render_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Render a table; without columns it has no header."""
    header = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    caption = f"<caption style='text-align:left'>{escape(title)}</caption>" if title else ""
    return (
        f"<table>{caption}"
        + (f"<thead><tr>{header}</tr></thead>" if columns else "")
        + f"<tbody>{body}</tbody></table>"
    )
