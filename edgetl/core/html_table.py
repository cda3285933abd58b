"""Tables as HTML for notebooks. All text is escaped: class and file names may come from strangers."""

from collections.abc import Sequence
from html import escape

from edgetl.core.screen.printable import escape_controls


def render_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Render a table; without columns it has no header."""
    header = "".join(f"<th>{_escape_text(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{_escape_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    caption = f"<caption style='text-align:left'>{_escape_text(title)}</caption>" if title else ""
    return (
        f"<table>{caption}"
        + (f"<thead><tr>{header}</tr></thead>" if columns else "")
        + f"<tbody>{body}</tbody></table>"
    )


def _escape_text(text: str) -> str:
    # Characters that change the direction of writing would reorder the text around a name.
    return escape(escape_controls(text))
