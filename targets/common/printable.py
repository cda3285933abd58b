"""Untrusted text → text that cannot control a terminal. Labels and file names may come from strangers."""

from __future__ import annotations

import unicodedata

# Control characters (with ESC and CR), format characters (among them those that change the direction of writing), bytes
# of a file name that are not UTF-8, line and paragraph separators.
ESCAPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Letters of several languages and emoji are joined by these two. They do not move the cursor.
JOINERS = frozenset("\u200c\u200d")


def make_printable(text: str) -> str:
    r"""Replace every control character by its escape sequence in Python: ESC becomes the four characters "\x1b"."""
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in ESCAPED_CATEGORIES and character not in JOINERS
        else character
        for character in text
    )
