"""Text of a labels file → names with their numbers and places: JSON, tables, numbered lines, or plain lines.

The form is decided by the content, and by nothing that could be another form:
- JSON begins with a bracket. A table is a .csv or .tsv file.
- Lines are numbered if all begin with a number, or all end with a comma, a colon or a tab and a number, and one of the
  numbers is 0. So "1 euro", "2 euro" are names. "0 euro", "1 euro" are not: a JSON list has such names.
- Lines that contain the names of all class folders as they are, are names.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, NoReturn

from edgetl.core.errors import ConfigError
from edgetl.core.label_files.numbered_names import NumberedName

# Keys below which programs store names. Source: transformers' config.json, Teachable Machine's metadata.json,
# Ultralytics' args, Keras's class_indices.
_JSON_KEYS = ("id2label", "label2id", "class_indices", "class_names", "labels", "names", "classes")
_NUMBER_WORDS = {
    "",
    "index",
    "idx",
    "id",
    "number",
    "no",
    "output",
    "class_id",
    "class_index",
    "label_id",
    "label_index",
}
_NAME_WORDS = {"name", "names", "label", "labels", "class", "classes", "class_name", "label_name", "category", "text"}
_DELIMITERS = {".csv": ",;\t", ".tsv": "\t"}
# "0.5 mm" is a name: a point, a bracket and a dash need a space behind them.
_NUMBER_FIRST = re.compile(r"(\d{1,9})\s*(?:[:;,=\s]|[.)-]\s)\s*(.*)")
_NUMBER_LAST = re.compile(r"(.*\S)\s*[:;,=\t]\s*(\d{1,9})")
_LISTED_KEYS = 4
_JSON_HINT = 'write ["first name", "second name"], in the order of the outputs'


def parse_labels(text: str, suffix: str, outputs: int, folders: Collection[str] = ()) -> list[NumberedName]:
    """Parse the text of a labels file.

    Args:
        text: without a byte order mark.
        suffix: suffix of the file's name, in lower case.
        outputs: number of outputs; it decides whether a table of one column has a header.
        folders: names of the class folders, where there are any.

    Raises:
        ConfigError: JSON or a table that has no names in a known form.
    """
    if text.lstrip()[:1] in ("{", "["):
        return _parse_json(text, folders)
    if suffix in _DELIMITERS:
        return _parse_table(text, _DELIMITERS[suffix], outputs)
    return _parse_lines(text, folders)


def _parse_lines(text: str, folders: Collection[str]) -> list[NumberedName]:
    lines = [line.strip() for line in re.split(r"\r\n|\n|\r", text)]
    while lines and not lines[-1]:
        lines.pop()
    plain = [NumberedName(-1, line, f"line {place}") for place, line in enumerate(lines, 1)]
    if folders and set(folders) <= set(lines):
        return plain
    # Empty lines have no number, and change no order.
    filled = [entry for entry in plain if entry.name]
    for pattern, number, name in ((_NUMBER_FIRST, 1, 2), (_NUMBER_LAST, 2, 1)):
        matches = [pattern.fullmatch(entry.name) for entry in filled]
        found = [match for match in matches if match]
        if len(found) == len(filled) > 0 and any(int(match[number]) == 0 for match in found):
            return [
                NumberedName(int(match[number]), match[name].strip(), entry.place)
                for match, entry in zip(found, filled, strict=True)
            ]
        _check_first_line(filled, [int(match[number]) for match in found], matched=bool(matches and matches[0]))
    return plain


def _check_first_line(lines: Sequence[NumberedName], numbers: Sequence[int], *, matched: bool) -> None:
    """Refuse a comment, a header or a YAML key above lines that are numbered from 0."""
    if not matched and len(numbers) == len(lines) - 1 > 1 and sorted(numbers) == list(range(len(numbers))):
        raise ConfigError(
            f"{lines[0].place}: {lines[0].name!r} has no number, and all other lines have one",
            hint="remove the line if it is a comment or a header; give it a number if it is a name",
        )


def _parse_table(text: str, delimiters: str, outputs: int) -> list[NumberedName]:
    rows: list[tuple[str, list[str]]] = []
    for delimiter in delimiters:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
        try:
            rows = [(f"line {reader.line_num}", [cell.strip() for cell in row]) for row in reader if any(row)]
        except csv.Error as error:
            _refuse(f"line {reader.line_num}: the table cannot be read: {error}")
        if rows and len(rows[0][1]) > 1:
            break
        if len(rows) > 1 and all(len(cells) == len(rows[1][1]) > 1 for _, cells in rows[1:]):
            raise ConfigError(
                f"{rows[0][0]}: 1 column, and all other lines have {len(rows[1][1])}",
                hint="remove the line if it is a comment; quote a name that contains a comma",
            )
    if not rows:
        return []
    columns = len(rows[0][1])
    for place, cells in rows:
        if len(cells) != columns:
            _refuse(f"{place}: {len(cells)} columns, and the first line has {columns}")
    if columns == 1:
        has_header = len(rows) == outputs + 1 and rows[0][1][0].lower() in _NAME_WORDS
        return [NumberedName(-1, cells[0], place) for place, cells in rows[has_header:]]
    number, name = _find_columns(rows)
    body = rows[not _is_number(rows[0][1][number]) :]
    for place, cells in body:
        if not _is_number(cells[number]):
            _refuse(f"{place}: {cells[number]!r} is no number of an output")
    return [NumberedName(int(cells[number]), cells[name], place) for place, cells in body]


def _find_columns(rows: Sequence[tuple[str, list[str]]]) -> tuple[int, int]:
    """Return the columns of the number and of the name: by a header, or by the only column of two with numbers."""
    header = [cell.lower().replace(" ", "_") for cell in rows[0][1]]
    named = [[place for place, cell in enumerate(header) if cell in words] for words in (_NUMBER_WORDS, _NAME_WORDS)]
    if all(len(places) == 1 for places in named):
        return named[0][0], named[1][0]
    body = rows[1:] or rows
    numbers = [place for place in range(len(header)) if all(_is_number(cells[place]) for _, cells in body)]
    if len(header) == 2 and len(numbers) == 1:
        return numbers[0], 1 - numbers[0]
    raise ConfigError(
        f"the columns {', '.join(rows[0][1])} are not a number and a name",
        hint="write a first line with the columns index and name",
    )


def _parse_json(text: str, folders: Collection[str]) -> list[NumberedName]:
    try:
        value = json.loads(text, object_pairs_hook=_make_object)
    # Deep nesting exhausts the parser.
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"the labels file begins like JSON, and is not JSON: {error}", hint=f"JSON has double quotes: {_JSON_HINT}"
        ) from error
    keys = [key for key in _JSON_KEYS if isinstance(value.get(key), dict | list)] if isinstance(value, dict) else []
    if not keys:
        return _parse_value(value, folders)
    entries = _parse_value(value[keys[0]], folders)
    for key in keys[1:]:
        # A file of Hugging Face has the same map in both directions.
        if _list_names(_parse_value(value[key], folders)) != _list_names(entries):
            raise ConfigError(
                f"the JSON has other names or numbers below {key!r} than below {keys[0]!r}",
                hint=f"remove the key that is not about the outputs, or {_JSON_HINT}",
            )
    return entries


def _list_names(entries: Sequence[NumberedName]) -> list[str]:
    return [entry.name for entry in sorted(entries, key=lambda entry: entry.number)]


def _parse_value(value: Any, folders: Collection[str]) -> list[NumberedName]:
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return [NumberedName(-1, name.strip(), f"entry {place}") for place, name in enumerate(value, 1)]
    if isinstance(value, dict) and value:
        _check_direction(value)
        for matches, make in _JSON_MAPS:
            if all(matches(key, entry) for key, entry in value.items()):
                return _tell_apart([make(key, entry) for key, entry in value.items()], folders)
    keys = f" with the keys {', '.join(list(value)[:_LISTED_KEYS])}" if isinstance(value, dict) else ""
    raise ConfigError(
        f"the JSON{keys} is not a list of names, and no map from numbers to names or from names to numbers",
        hint=_JSON_HINT,
    )


def _check_direction(value: dict[str, Any]) -> None:
    """Refuse a map between the same numbers, both in quotes, that differs from its inverse."""
    entries = list(value.values())
    if not all(isinstance(entry, str) and _is_number(entry) for entry in entries):
        return
    if set(entries) == set(value) and any(value[entry] != key for key, entry in value.items()):
        raise ConfigError(
            "the JSON maps digits to digits, so that either may be the names",
            hint=f"write the numbers of the outputs without quotes, or {_JSON_HINT}",
        )


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        _refuse(f"key {next(key for key in keys if keys.count(key) > 1)!r} is twice in the JSON")
    return value


def _is_pair(entry: object) -> bool:
    """Return whether an entry is an identifier and a name, as in Keras's imagenet_class_index.json."""
    return isinstance(entry, list) and len(entry) == 2 and all(isinstance(part, str) for part in entry)


# Forms of a map: what a key and its value are, and the name in them. A bool is an int in Python.
_JSON_MAPS: tuple[tuple[Callable[[str, Any], bool], Callable[[str, Any], tuple[NumberedName, str]]], ...] = (
    (
        lambda key, entry: _is_number(key) and isinstance(entry, str),
        lambda key, entry: (NumberedName(int(key), entry.strip(), f"key {key!r}"), ""),
    ),
    (
        lambda _, entry: isinstance(entry, int) and not isinstance(entry, bool) and entry >= 0,
        lambda key, entry: (NumberedName(entry, key.strip(), f"key {key!r}"), ""),
    ),
    (
        lambda key, entry: _is_number(key) and _is_pair(entry),
        lambda key, entry: (NumberedName(int(key), entry[1].strip(), f"key {key!r}"), entry[0].strip()),
    ),
)


def _tell_apart(entries: Sequence[tuple[NumberedName, str]], folders: Collection[str]) -> list[NumberedName]:
    """Add the identifier to names that occur twice, as crane, the bird, and crane, the machine, in ImageNet.

    The identifiers are the names where all folders are called like them, as the folders of ImageNet are.
    """
    names = [entry.name for entry, _ in entries]
    if folders and set(folders) <= {identifier for _, identifier in entries} and not set(folders) <= set(names):
        return [entry._replace(name=identifier) for entry, identifier in entries]
    twice = {name for name in names if names.count(name) > 1}
    return [
        entry._replace(name=f"{entry.name} ({identifier})") if entry.name in twice and identifier else entry
        for entry, identifier in entries
    ]


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d{1,9}", text, re.ASCII) is not None


def _refuse(message: str) -> NoReturn:
    raise ConfigError(message)
