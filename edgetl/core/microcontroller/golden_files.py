"""golden.h and golden.c: what the self-check of a device compares with."""

import numpy as np
from PIL import Image

from edgetl.core.microcontroller.c_text import format_header, format_integers, format_string
from edgetl.core.microcontroller.contents import FirmwareContents, GoldenPhoto
from edgetl.core.photos import pixels
from edgetl.core.records import InputSpec

# Width and height of the drawn frame: it is enlarged in one direction by most models, and fits into a small arena.
FRAME_PX = (80, 60)


def draw_frame(width: int, height: int) -> np.ndarray:
    """Draw the frame of the self-check, uint8 [height, width, 3], as `edgetl_draw_frame` does."""
    state, values = 2463534242, bytearray()
    for _ in range(width * height * 3):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        values.append(state >> 24)
    return np.frombuffer(bytes(values), np.uint8).reshape(height, width, 3)


def hash_bytes(content: bytes) -> int:
    """Return the FNV-1a hash of bytes, 32 bits, as `edgetl_hash_bytes` does."""
    state = 2166136261
    for byte in content:
        state = (state ^ byte) * 16777619 & 0xFFFFFFFF
    return state


def hash_resized_frame(size: InputSpec) -> int:
    """Return the hash of the drawn frame, resized by pixels.py to the input of a model."""
    image = Image.fromarray(draw_frame(*FRAME_PX))
    return hash_bytes(pixels.fit_image(image, size.height_px, size.width_px, size.fit).tobytes())


def write_golden_header(contents: FirmwareContents) -> str:
    """Write golden.h."""
    return format_header(
        "golden",
        [
            '#include "edgetl_selfcheck.h"',
            "",
            "/* Only a program that calls the self-check links these. */",
            f"#define EDGETL_GOLDEN_PHOTOS {len(contents.golden)}",
            "",
            "extern const edgetl_golden edgetl_golden_photos[EDGETL_GOLDEN_PHOTOS];",
            "extern const edgetl_golden_frame edgetl_resized_frame;",
        ],
    )


def write_golden_source(contents: FirmwareContents) -> str:
    """Write golden.c."""
    arrays = [_format_photo(index, photo) for index, photo in enumerate(contents.golden)]
    rows = "".join(
        f"    {{{format_string(photo.name)}, pixels_{index}, outputs_{index}, {photo.label}, {int(photo.known)}, "
        f"{int(photo.accepted)}}},\n"
        for index, photo in enumerate(contents.golden)
    )
    width, height = FRAME_PX
    return (
        '#include "golden.h"\n\n'
        + "\n".join(arrays)
        + f"\nconst edgetl_golden edgetl_golden_photos[EDGETL_GOLDEN_PHOTOS] = {{\n{rows}}};\n\n"
        + f"const edgetl_golden_frame edgetl_resized_frame = {{{width}, {height}, "
        + f"{hash_resized_frame(contents.input_spec)}u}};\n"
    )


def _format_photo(index: int, photo: GoldenPhoto) -> str:
    return (
        f"static const uint8_t pixels_{index}[{photo.pixels.size}] = {{\n"
        f"{format_integers(photo.pixels.ravel().tolist())}\n}};\n"
        f"static const uint8_t outputs_{index}[{photo.outputs.size}] = {{\n"
        f"{format_integers(photo.outputs.ravel().tolist())}\n}};\n"
    )
