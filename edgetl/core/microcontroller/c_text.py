"""Values → C source text, for C99 and C++17 alike."""

import math
from collections.abc import Iterable, Sequence

_LINE = 116
# Characters of a string literal that need no escape. A question mark does: "??" begins a trigraph.
_PLAIN = frozenset(map(chr, range(32, 127))) - frozenset('"\\?')


def format_string(text: str) -> str:
    """Format a string literal: UTF-8, with an octal escape for every byte that is not plain ASCII.

    An octal escape has three digits at most, and a hexadecimal one takes all digits that follow.
    """
    characters = (chr(byte) if chr(byte) in _PLAIN else f"\\{byte:03o}" for byte in text.encode())
    return f'"{"".join(characters)}"'


def format_comment(text: str) -> str:
    """Format text for a block comment: printable ASCII, without an end or a begin of a comment."""
    plain = "".join(character if " " <= character <= "~" else "?" for character in text)
    return plain.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")


def format_double(value: float) -> str:
    """Format a finite number so that a compiler reads the same double.

    Raises:
        ValueError: the number is not finite.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} cannot be a constant in C")
    return repr(float(value))


def format_float(value: float) -> str:
    """Format a number as a constant of type float."""
    return f"{format_double(value)}f"


def format_integers(values: Iterable[int]) -> str:
    """Format the rows of an initializer, without its braces."""
    lines, line = [], ""
    for value in values:
        cell = f"{value},"
        if len(line) + len(cell) > _LINE:
            lines.append(line)
            line = ""
        line += cell
    return "\n".join([*lines, line] if line else lines)


def format_header(name: str, lines: Sequence[str]) -> str:
    """Format a header with its guard; declarations have C linkage in C++."""
    guard = f"EDGETL_{name.upper()}_H_"
    body = "\n".join(lines)
    return (
        f"#ifndef {guard}\n#define {guard}\n\n#include <stddef.h>\n#include <stdint.h>\n\n"
        f'#ifdef __cplusplus\nextern "C" {{\n#endif\n\n{body}\n\n#ifdef __cplusplus\n}}\n#endif\n\n#endif\n'
    )
