"""What decides results beside the arguments of a task: the code of edgetl, and the versions of the libraries."""

import platform
from collections.abc import Mapping
from functools import cache

from edgetl.core.errors import ConfigError
from edgetl.core.machine import read_host_name
from edgetl.core.run.fingerprint import installed_version
from edgetl.core.run.source_code import hash_package

# Libraries that compute pixels, features or weights.
_LIBRARIES = ("ai-edge-litert", "keras", "numpy", "onnx", "onnxruntime", "pillow", "tensorflow", "tf2onnx")
_CODE = "the code of edgetl"


@cache
def describe_installation() -> Mapping[str, str]:
    """Return name → version of what decides results: edgetl by a hash of its code, Python and the libraries."""
    libraries = {name: installed_version(name) for name in _LIBRARIES}
    return {_CODE: hash_package()[:12], "python": platform.python_version(), **libraries}


def check_installation(expected: Mapping[str, str]) -> None:
    """Check that this machine computes what another one does.

    Args:
        expected: from `describe_installation` of the other machine.

    Raises:
        ConfigError: names what differs.
    """
    here = describe_installation()
    differences = [
        f"{name}: {here.get(name, 'absent')}, and {version} there"
        for name, version in expected.items()
        if here.get(name) != version
    ]
    if differences:
        raise ConfigError(
            f"{read_host_name()} has other packages than the machine that gives it tasks",
            where=differences,
            hint="install the same version of edgetl and of its libraries on all machines",
        )
