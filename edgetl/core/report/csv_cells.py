"""Text → cells of a CSV file that people open in a spreadsheet.

A spreadsheet takes a cell that begins with =, +, - or @ for a formula, which can read other files.
"""

from edgetl.core.screen.printable import escape_controls

_FORMULA_MARKS = ("=", "+", "-", "@")


def quote_cell(cell: str) -> str:
    """Put a cell in quotes, with escaped control characters.

    All cells are in quotes: where a spreadsheet separates cells by semicolons, a name with one must not become a second
    cell.
    """
    return '"' + escape_controls(cell).replace('"', '""') + '"'


def guard_path(path: str) -> str:
    """Write "./" before a path that begins as a formula: it is the same path, and text for every spreadsheet."""
    return f"./{path}" if path.startswith(_FORMULA_MARKS) else path


def guard_text(text: str) -> str:
    """Write an apostrophe before text that begins as a formula."""
    return f"'{text}" if text.startswith(_FORMULA_MARKS) else text
