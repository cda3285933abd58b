"""Names from a labels file, each with its place in it, → the names in the order of a model's outputs."""

from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from edgetl.core.errors import ConfigError

_BACKGROUND_HINTS = {
    -1: "one name on each line; if an output is a background class, give it a name at its place in the file too",
    1: "one name on each line; remove a line that is a header, a comment, or a background class that the model lacks",
}


class NumberedName(NamedTuple):
    """A name of an output.

    Attributes:
        number: index of the output, from 0; -1 where the file has no numbers and its order counts.
        name: the name.
        place: where it is in the file, as in "line 3".
    """

    number: int
    name: str
    place: str


def order_names(entries: Sequence[NumberedName], outputs: int) -> tuple[str, ...]:
    """Put names into the order of the outputs.

    Args:
        entries: all with a number, or all without one.
        outputs: number of outputs of the model; one sigmoid predicts two classes and has two names.

    Raises:
        ConfigError: an empty name or one of several lines, a number or a name twice, a missing or too large number, or
            more or fewer names than outputs. It names the place, the name and the number.
    """
    for entry in entries:
        # labels.txt of a bundle has one name on each line; str.splitlines also splits at Unicode's separators.
        if entry.name.splitlines() != [entry.name]:
            problem = "has several lines" if entry.name.strip() else "is empty"
            _refuse(f"{entry.place}: the name {problem}, and each output needs a name of one line")
    if entries and entries[0].number >= 0:
        entries = _sort_by_number(entries, outputs)
    if len(entries) != outputs:
        last = f", the last one in {entries[-1].place}" if entries else ""
        message = f"the labels file has {len(entries)} names{last}, and the model has {outputs} outputs"
        # A model with 1001 outputs and a file with the 1000 names of ImageNet, or the other way round.
        hint = _BACKGROUND_HINTS.get(len(entries) - outputs, "") if len(entries) > 1 else ""
        raise ConfigError(message, hint=hint)
    places: dict[str, str] = {}
    for entry in entries:
        if entry.name in places:
            _refuse(f"{entry.place}: the name {entry.name!r} is in {places[entry.name]} already")
        places[entry.name] = entry.place
    return tuple(places)


def _sort_by_number(entries: Sequence[NumberedName], outputs: int) -> list[NumberedName]:
    by_number: dict[int, NumberedName] = {}
    for entry in entries:
        first = by_number.setdefault(entry.number, entry)
        if first is not entry:
            _refuse(f"{entry.place}: the number {entry.number} is in {first.place} already, for {first.name!r}")
    highest = max(by_number)
    missing = next((number for number in range(highest) if number not in by_number), None)
    if missing == 0:
        lowest = min(by_number)
        _refuse(f"{by_number[lowest].place}: the lowest number is {lowest}, and the first output has the number 0")
    if missing is not None:
        _refuse(f"no name has the number {missing}, and the highest number is {highest} in {by_number[highest].place}")
    if highest >= outputs:
        _refuse(
            f"{by_number[outputs].place}: the number {outputs} is too large: the model has {outputs} outputs, "
            f"0 to {outputs - 1}"
        )
    return [by_number[number] for number in range(highest + 1)]


def _refuse(message: str) -> NoReturn:
    raise ConfigError(message)
