"""The table of the generated C files: path in the bundle → the function that writes it."""

from collections.abc import Callable, Mapping

from edgetl.core.microcontroller.contents import FirmwareContents
from edgetl.core.microcontroller.golden_files import write_golden_header, write_golden_source
from edgetl.core.microcontroller.model_files import (
    write_arena_header,
    write_model_header,
    write_model_source,
    write_resolver_header,
)
from edgetl.core.microcontroller.settings_files import write_settings_header, write_settings_source

FIRMWARE_FILES: Mapping[str, Callable[[FirmwareContents], str]] = {
    "src/arena.h": write_arena_header,
    "src/golden.c": write_golden_source,
    "src/golden.h": write_golden_header,
    "src/model.c": write_model_source,
    "src/model.h": write_model_header,
    "src/model_settings.c": write_settings_source,
    "src/model_settings.h": write_settings_header,
    "src/op_resolver.h": write_resolver_header,
}


def write_firmware(contents: FirmwareContents) -> dict[str, bytes]:
    """Write all generated files, by their path in the bundle.

    Raises:
        StageError: the file has an operator or a dtype that the C files do not support.
    """
    return {name: write(contents).encode("ascii") for name, write in FIRMWARE_FILES.items()}
