"""Cells → the lines of a table that fit a terminal without breaking a word.

Columns are as wide as their cells. Where that is too wide, headings are wrapped at spaces, then the last column, then
the other columns with words. A word that is longer than its column even then is shortened in its middle. Without a
width, as in a file or a pipe, nothing is wrapped or shortened.
"""

from collections.abc import Sequence

from rich.cells import cell_len, chop_cells, set_cell_size

from edgetl.core.screen.printable import escape_controls

_GAP = "  "
# A shortened word keeps its beginning and its end: of a path, the end matters most.
_ELLIPSIS = "…"
# Narrower columns of words are hard to read.
_NARROWEST_CELLS = 12


def lay_out_table(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> tuple[str, list[str]]:
    """Lay out a table.

    Args:
        columns: headings, "" for a column without one.
        rows: a cell for each column. Control characters are escaped.
        width: cells of the terminal; None for no limit.

    Returns:
        The heading, of one or more lines, and the lines of all rows.
    """
    headings = [escape_controls(column) for column in columns]
    cells = [[escape_controls(cell) for cell in row] for row in rows]
    numeric = [bool(cells) and all(_is_number(row[index]) for row in cells) for index in range(len(headings))]
    widths = _choose_widths(headings, cells, width)
    header = "\n".join(_format_row(headings, widths, numeric))
    return header, [line for row in cells for line in _format_row(row, widths, numeric)]


def wrap_words(text: str, width: int) -> list[str]:
    """Wrap a line at its spaces. A word that is longer than a line gets a line of its own, and is not broken."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def shorten_word(word: str, width: int) -> str:
    """Shorten a word to a width by leaving out its middle."""
    if cell_len(word) <= width:
        return word
    tail = (width - 1) // 2
    # Cells are counted from the end for the second half: a letter of Chinese has two.
    end = chop_cells(word[::-1], tail)[0][::-1] if tail else ""
    return chop_cells(word, max(1, width - 1 - tail))[0] + _ELLIPSIS + end


def _choose_widths(headings: Sequence[str], cells: Sequence[Sequence[str]], width: int | None) -> list[int]:
    indices = range(len(headings))
    longest = [max((cell_len(row[index]) for row in cells), default=0) for index in indices]
    widths = [max(longest[index], cell_len(headings[index])) for index in indices]
    if width is None or not headings:
        return widths
    room = width - len(_GAP) * (len(headings) - 1)
    words = [_measure_longest_word([row[index] for row in cells]) for index in indices]
    # First the headings, then the last column and the other columns with spaces, the widest first.
    narrowest = [max(longest[index], _measure_longest_word([headings[index]])) for index in indices]
    widths = _shrink(widths, narrowest, room, sorted(indices, key=lambda index: -widths[index]))
    narrowest = [
        max(words[index], _measure_longest_word([headings[index]]), min(_NARROWEST_CELLS, longest[index]))
        for index in indices
    ]
    # The last column keeps a third of the line while another column can still be wrapped.
    last = indices[-1]
    roomy = [*narrowest[:-1], max(narrowest[last], min(longest[last], width // 3))]
    order = [last, *sorted(indices[:-1], key=lambda index: -widths[index])]
    widths = _shrink(widths, roomy, room, order)
    widths = _shrink(widths, narrowest, room, order)
    # Last, words that have no room are shortened, the longest first.
    while sum(widths) > room and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    return widths


def _shrink(widths: Sequence[int], narrowest: Sequence[int], room: int, order: Sequence[int]) -> list[int]:
    """Make columns narrower, in the given order, until they fit the room or each has its narrowest width."""
    result = list(widths)
    for index in order:
        excess = sum(result) - room
        if excess > 0:
            result[index] = max(min(narrowest[index], result[index]), result[index] - excess)
    return result


def _measure_longest_word(texts: Sequence[str]) -> int:
    return max((cell_len(word) for text in texts for word in text.split(" ")), default=0)


def _format_row(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> list[str]:
    wrapped = [
        wrap_words(" ".join(shorten_word(word, width) for word in cell.split(" ")), width)
        for cell, width in zip(cells, widths, strict=True)
    ]
    lines = []
    for number in range(max((len(cell) for cell in wrapped), default=0)):
        parts = []
        for cell, width, right in zip(wrapped, widths, numeric, strict=True):
            text = cell[number] if number < len(cell) else ""
            parts.append(" " * (width - cell_len(text)) + text if right else set_cell_size(text, width))
        lines.append(_GAP.join(parts).rstrip())
    return lines


def _is_number(cell: str) -> bool:
    """Check whether a cell begins as a number does: with a digit, or with a sign and a digit."""
    return cell[:1].isdigit() or (cell[:1] in "+-" and cell[1:2].isdigit())
