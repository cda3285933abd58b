"""Photo formats whose decoder may be missing: HEIC and JPEG XL, and AVIF in older versions of Pillow.

Importing this module adds the installed ones to `pixels.READERS`. Devices classify camera frames and do not need them.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile

from edgetl.core.photos import pixels
from edgetl.core.records import InputSpec

try:
    from PIL import AvifImagePlugin
except ImportError:
    AvifImagePlugin = None  # type: ignore[assignment]
try:
    from pillow_heif import as_plugin as heif_plugin
except ImportError:
    heif_plugin = None
try:
    from pillow_jxl import JpegXLImagePlugin
except ImportError:
    JpegXLImagePlugin = None


@dataclass(frozen=True, slots=True)
class Decoder:
    """An optional photo format: name, pattern of its first bytes, its reader if that is installed, what installs it."""

    name: str
    magic: bytes
    reader: type[ImageFile.ImageFile] | None
    command: str


_EXTRA = "pip install 'edgetl[heif]'"
# The first that matches counts: AVIF files may have the general brands of HEIF too.
# Source: ISO/IEC 23008-12 (HEIF), AV1 Image File Format 1.1, ISO/IEC 18181-2 (JPEG XL).
DECODERS = (
    Decoder(
        "AVIF",
        rb"....ftyp(avi[fs]|(mif1|msf1).{,40}avif)",
        getattr(AvifImagePlugin, "AvifImageFile", None),
        "pip install --upgrade pillow",
    ),
    Decoder("HEIC", rb"....ftyp(hei[cmsx]|hev[cx]|mif1|msf1)", getattr(heif_plugin, "HeifImageFile", None), _EXTRA),
    Decoder("JPEG XL", rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", getattr(JpegXLImagePlugin, "JXLImageFile", None), _EXTRA),
)

pixels.READERS.extend((decoder.magic, decoder.reader) for decoder in DECODERS if decoder.reader is not None)


class MissingDecoder(pixels.PhotoError):
    """The file is a photo, and no decoder for its format is installed."""


def load_any_format(path: Path, input_spec: InputSpec) -> NDArray[np.uint8]:
    """Read and decode a photo file of any format for the input of a model: see `pixels.load_photo`.

    Raises:
        PhotoError: the file is no usable photo, or its decoder is not installed.
    """
    data = pixels.read_photo(path)
    check_decoder(data)
    return pixels.decode_photo(data, input_spec.height_px, input_spec.width_px, input_spec.fit)


def check_decoder(data: bytes) -> None:
    """Check that the decoder of a photo is installed, if its format is one of `DECODERS`.

    Raises:
        MissingDecoder: names the format and the command that installs its decoder.
    """
    for decoder in DECODERS:
        if re.match(decoder.magic, data, re.DOTALL):
            if decoder.reader is None:
                raise MissingDecoder(f"{decoder.name}: {decoder.command}, or convert to JPEG")
            return
