"""The C files of targets/microcontroller, compiled for this machine and called with ctypes."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgetl.core.photos import pixels

SOURCES = Path(__file__).parents[2] / "targets" / "microcontroller" / "src"
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-pedantic")


class Frame(ctypes.Structure):
    _fields_ = [
        ("pixels", ctypes.c_void_p),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("format", ctypes.c_int),
    ]


class Size(ctypes.Structure):
    _fields_ = [("width", ctypes.c_int), ("height", ctypes.c_int), ("fit", ctypes.c_int)]


class Settings(ctypes.Structure):
    _fields_ = [
        ("labels", ctypes.c_int),
        ("names", ctypes.c_void_p),
        ("units", ctypes.c_int),
        ("output_scale", ctypes.c_float),
        ("output_zero_point", ctypes.c_int),
        ("label_thresholds", ctypes.c_void_p),
        ("least_probability", ctypes.c_double),
        ("least_similarities", ctypes.c_void_p),
        ("references", ctypes.c_int),
        ("features", ctypes.c_int),
        ("features_zero_point", ctypes.c_int),
        ("reference", ctypes.c_void_p),
    ]


class Answer(ctypes.Structure):
    _fields_ = [
        ("label", ctypes.c_int),
        ("second", ctypes.c_int),
        ("probability", ctypes.c_float),
        ("similarity", ctypes.c_double),
        ("known", ctypes.c_int),
        ("accepted", ctypes.c_int),
    ]


class Library:
    """The functions of the C files."""

    def __init__(self, path: Path) -> None:
        self._library = library = ctypes.CDLL(str(path))
        library.edgetl_count_workspace_bytes.restype = ctypes.c_size_t
        library.edgetl_count_workspace_bytes.argtypes = [ctypes.c_int, ctypes.c_int, Size]
        library.edgetl_resize.argtypes = [
            *(ctypes.POINTER(Frame), Size, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
        ]
        library.edgetl_decide.restype = Answer
        library.edgetl_hash_bytes.restype = ctypes.c_uint32
        library.edgetl_hash_bytes.argtypes = [ctypes.c_char_p, ctypes.c_size_t]

    def resize(self, frame: np.ndarray, size: tuple[int, int], fit: str, pixel_format: int = 0) -> np.ndarray:
        """Resize a frame, uint8 [height, width, bytes], to (height, width), in a workspace of exactly its size."""
        height, width = frame.shape[:2]
        c_size = Size(size[1], size[0], pixels.FITS.index(fit))
        needed = self._library.edgetl_count_workspace_bytes(width, height, c_size)
        workspace, output = np.full(needed + 64, 171, np.uint8), np.full((*size, 3), 99, np.uint8)
        c_frame = Frame(frame.ctypes.data, width, height, pixel_format)
        arguments = (ctypes.byref(c_frame), c_size, output.ctypes.data, workspace.ctypes.data)
        assert self._library.edgetl_resize(*arguments, needed - 1) == 2
        assert self._library.edgetl_resize(*arguments, needed) == 0
        assert (workspace[needed:] == 171).all()
        return output

    def decide(self, settings: Settings, outputs: np.ndarray, features: np.ndarray | None) -> Answer:
        """Return the answer to one photo."""
        pointer = ctypes.c_void_p(None if features is None else features.ctypes.data)
        return self._library.edgetl_decide(ctypes.byref(settings), ctypes.c_void_p(outputs.ctypes.data), pointer)

    def has_label(self, settings: Settings, outputs: np.ndarray, label: int) -> int:
        """Return whether a photo has a label."""
        return self._library.edgetl_has_label(ctypes.byref(settings), ctypes.c_void_p(outputs.ctypes.data), label)

    def draw_frame(self, width: int, height: int) -> np.ndarray:
        """Return the drawn frame, uint8 [height, width, 3]."""
        frame = np.zeros((height, width, 3), np.uint8)
        self._library.edgetl_draw_frame(ctypes.c_void_p(frame.ctypes.data), width, height)
        return frame

    def hash_bytes(self, content: bytes) -> int:
        """Return the hash of bytes."""
        return self._library.edgetl_hash_bytes(content, len(content))


def compile_library(folder: Path, compiler: str = "gcc", options: tuple[str, ...] = ("-std=c99",)) -> Library:
    """Compile the C files without warnings; skip where there is no compiler."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    output = folder / f"{compiler}.so"
    sources = sorted(SOURCES.glob("*.c"))
    command = [compiler, *options, *WARNINGS, "-O2", "-shared", "-fPIC", "-o", output, *sources, "-lm"]
    subprocess.run(command, check=True)
    return Library(output)
