"""The table of file formats: their names, runtimes and kernels. `engines.backends` has the code of each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgetl.core import machine
from edgetl.core.errors import ConfigError

FormatName = Literal["tflite", "onnx"]
KernelSet = Literal["xnnpack", "onnxruntime", "reference"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """A format of model files.

    Attributes:
        name: also the suffix of the files.
        title: its name in messages.
        translated: whether conversions start from a translation of the Keras model, which is made once and kept.
        converter_packages: distributions that make the files.
        runtime: name of the runtime on host and device.
        runtime_package: distribution of the runtime.
        fast_kernels: kernels that devices run.
        fast_title: their name in tables.
        reference_title: name of the reference kernels, which compute the same without optimizations.
        slowdown: about how many times slower the reference kernels are.
    """

    name: FormatName
    title: str
    translated: bool
    converter_packages: tuple[str, ...]
    runtime: str
    runtime_package: str
    fast_kernels: KernelSet
    fast_title: str
    reference_title: str
    slowdown: int

    def count_affordable_photos(self, budget_s: float, invoke_ms: float, *, accelerated: bool) -> int:
        """Return how many photos the reference kernels predict in a given time on all cores; at least one.

        Args:
            budget_s: the time, seconds.
            invoke_ms: measured latency of one photo, milliseconds.
            accelerated: whether that was measured on the fast kernels.
        """
        slowdown = self.slowdown if accelerated else 1
        return max(1, int(budget_s * 1000 * machine.count_cores() / (slowdown * max(invoke_ms, 0.01))))


FORMATS: dict[FormatName, Format] = {
    "tflite": Format(
        name="tflite",
        title="TFLite",
        translated=False,
        converter_packages=("tensorflow", "keras"),
        runtime="LiteRT",
        runtime_package="ai-edge-litert",
        fast_kernels="xnnpack",
        fast_title="XNNPACK",
        reference_title="reference kernels",
        slowdown=50,
    ),
    "onnx": Format(
        name="onnx",
        title="ONNX",
        translated=True,
        converter_packages=("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime"),
        runtime="onnxruntime",
        runtime_package="onnxruntime",
        fast_kernels="onnxruntime",
        fast_title="onnxruntime",
        reference_title="unoptimized graph",
        slowdown=20,
    ),
}


def find_format(path: Path) -> Format:
    """Find the format of a model file by its suffix.

    Raises:
        ConfigError: the suffix of no format.
    """
    for row in FORMATS.values():
        if path.suffix.lower() == f".{row.name}":
            return row
    known = " or ".join(f".{name}" for name in FORMATS)
    raise ConfigError(f"the name of the model file does not end in {known}", where=(path,))
