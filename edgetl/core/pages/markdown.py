"""Text of strangers → Markdown, as text: a name makes no link, no table cell, no HTML and no mention of a user."""

import re
import string
from collections.abc import Sequence

from edgetl.core.screen.printable import escape_controls

_LONGEST_NAME = 160
# Punctuation without a meaning inside of a line. All other punctuation is written as a character reference.
_PLAIN = " ,:;'()%+-."


def format_code(name: str) -> str:
    """Format a name as a code span, in which nothing has a meaning but backticks.

    Not for a cell of a table: a pipe would end it.
    """
    text = escape_controls(name)
    if len(text) > _LONGEST_NAME:
        half = _LONGEST_NAME // 2
        text = f"{text[:half]}…{text[-half:]}"
    # A longer row of backticks than any in the text.
    fence = "`" * (1 + max((len(row) for row in re.findall("`+", text)), default=0))
    # A code span loses one space at each end, and has at least one character. Source: CommonMark 0.31, section 6.1.
    padding = " " if not text.strip() or text[0] in " `" or text[-1] in " `" else ""
    return f"{fence}{padding}{text or ' '}{padding}{fence}"


def escape_markdown(text: str) -> str:
    """Escape text for a paragraph or a cell of a table, so that every character is literal."""
    escaped = "".join(
        f"&#{ord(character)};" if character in string.punctuation and character not in _PLAIN else character
        for character in escape_controls(text)
    )
    # An address without a scheme is a link, and a name after @ is a mention, unless something invisible is in between.
    return re.sub(r"(?i)www\.", lambda match: f"{match[0][:3]}&#46;", escaped).replace("&#64;", "&#64;&#8203;")


def format_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[int] = ()) -> str:
    """Format a table.

    Args:
        columns: titles.
        rows: cells, as text.
        numbers: indices of the columns that are aligned on the right.
    """
    rule = ["---:" if index in numbers else "---" for index in range(len(columns))]
    lines = [[escape_markdown(title) for title in columns], rule]
    lines += [[escape_markdown(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
