"""Several devices that are measured by one command, and the file that lists them."""

from dataclasses import dataclass
from pathlib import Path

from edgetl.core.errors import ConfigError
from edgetl.core.storage.regular_files import read_user_text

# A copy over ssh and a measurement that waits for a device cost this machine little.
PARALLEL = 16
# From this number on, one line for each device replaces the tables of each.
MANY_DEVICES = 9


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasurementOrder:
    """What is measured, and where.

    Attributes:
        names: ssh names of devices; none for this machine.
        soak_s: seconds of invocations without a pause; None for 60 on devices and 0 on this machine.
        accuracy: whether the test photos are scored.
        parallel: largest number of devices that are connected at the same time.
        resume: whether devices with a valid measurement of the same file, by the same order, are left out.
    """

    names: tuple[str, ...] = ()
    soak_s: float | None = None
    accuracy: bool = False
    parallel: int = PARALLEL
    resume: bool = False


def join_devices(names: tuple[str, ...], inventory: Path | None) -> tuple[str, ...]:
    """List the devices of the options and of the inventory, in their order, each once.

    Raises:
        ConfigError: see `read_inventory`.
    """
    listed = read_inventory(inventory) if inventory is not None else ()
    return tuple(dict.fromkeys((*names, *listed)))


def read_inventory(path: Path) -> tuple[str, ...]:
    """Read the names of devices from a text file: one a line. Empty lines and text after # are ignored.

    Raises:
        ConfigError: the file cannot be read, a line has more than one word, or no line has a name.
    """
    hint = "write one device a line, as user@host or a Host of your ssh configuration; # begins a comment"
    names: list[str] = []
    for number, line in enumerate(read_user_text(path, "the inventory", hint=hint).splitlines(), 1):
        words = line.removeprefix("\ufeff").partition("#")[0].split()
        if len(words) > 1:
            raise ConfigError(f"line {number} of the inventory has {len(words)} words", where=(path,), hint=hint)
        names += words
    if not names:
        raise ConfigError("the inventory lists no device", where=(path,), hint=hint)
    return tuple(names)
