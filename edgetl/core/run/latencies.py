"""Latencies on devices that `bench RUN --device` has measured, by the sha256 of the model file: latencies.json.

The folder of a measurement contains the last file that was measured on a device. This file contains all of them, so
that files can be compared on a device.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgetl.core.errors import ConfigError
from edgetl.core.storage.files import read_json, write_json

_FILE = "latencies.json"
_HINT = "remove the file, and measure again with edgetl bench RUN --device NAME"
# Name of a device → sha256 of a file → its median latency on the best number of threads, milliseconds.
DeviceLatencies = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceLatency:
    """A valid measurement of a file on a device for a target."""

    target: str
    device: str
    model_sha256: str
    ms: float


def read_latencies(root: Path, target: str) -> DeviceLatencies:
    """Read what was measured for a target.

    Raises:
        ConfigError: the file is not one that edgetl wrote.
    """
    path = root / _FILE
    if not path.exists():
        return {}
    value = read_json(path, hint=_HINT)
    try:
        return {
            str(device): {str(digest): float(ms) for digest, ms in files.items()}
            for device, files in value.get(target, {}).items()
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigError("not a file of measured latencies", where=(path,), hint=_HINT) from error


def add_latency(root: Path, latency: DeviceLatency) -> None:
    """Add a measurement; it replaces an earlier one of the same file on the same device.

    Raises:
        ConfigError: see `read_latencies`.
    """
    path = root / _FILE
    content = read_json(path, hint=_HINT) if path.exists() else {}
    devices = {device: dict(files) for device, files in read_latencies(root, latency.target).items()}
    devices.setdefault(latency.device, {})[latency.model_sha256] = latency.ms
    write_json(path, {**content, latency.target: devices})
