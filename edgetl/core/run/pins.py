"""The methods that `bundle RUN --method` has pinned in a run folder, by target: pins.json."""

from pathlib import Path

from edgetl.core.storage.files import read_json, write_json

_FILE = "pins.json"
_HINT = "remove the file, and pin the methods again with edgetl bundle RUN --method METHOD"


def read_pins(root: Path) -> dict[str, str]:
    """Read the pinned methods: target → method.

    Raises:
        ConfigError: the file is not one that edgetl wrote.
    """
    path = root / _FILE
    if not path.exists():
        return {}
    return {str(target): str(method) for target, method in read_json(path, hint=_HINT).items()}


def write_pin(root: Path, target: str, method: str) -> None:
    """Pin the method of a target, or with "" remove its pin.

    Raises:
        ConfigError: see `read_pins`.
    """
    before = read_pins(root)
    pins = {**before, target: method}
    if not method:
        del pins[target]
    if pins != before:
        write_json(root / _FILE, pins)
