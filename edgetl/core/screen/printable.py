"""Untrusted text → text that cannot control a terminal: class names, file names and messages may come from strangers.

A label may contain an escape sequence that erases the line above it, or a character that reverses the order of letters.
"""

import json
import unicodedata

# Control characters (with ESC, CR and the C1 set), format characters (among them those that change the direction of
# writing), lone surrogates (bytes of a file name that are not UTF-8), line and paragraph separators.
_ESCAPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Words of several languages are spelled with these two, and emoji are joined by them. Neither moves a cursor.
_ALLOWED = frozenset("\u200c\u200d")


def escape_controls(text: str) -> str:
    r"""Replace every control character by its escape sequence in Python: ESC becomes the four characters "\x1b".

    Text without such characters is returned as it is. A line break is one: a single line stays a single line.
    """
    if text.isprintable():
        return text
    return "".join(_escape_character(character) if _is_control(character) else character for character in text)


def format_json_line(value: object) -> str:
    r"""Format a value as one line of JSON in which control characters are written as \uXXXX.

    The json module escapes the characters below U+0020 only.
    """
    text = json.dumps(value, ensure_ascii=False)
    if text.isprintable():
        return text
    # Outside strings, JSON of json.dumps has no control characters. Inside, \uXXXX is the same character.
    return "".join(json.dumps(character)[1:-1] if _is_control(character) else character for character in text)


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in _ESCAPED_CATEGORIES and character not in _ALLOWED


def _escape_character(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
