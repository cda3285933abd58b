"""The table of file formats: what each is called, what runs it here, and which kernels that has."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgetl.core import machine
from edgetl.core.errors import ConfigError

FormatName = Literal["tflite", "onnx"]
KernelSet = Literal["xnnpack", "onnxruntime", "reference"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """One kind of model file.

    `fast` are the kernels that devices run, `fast_title` their name. `plain_title` says what "reference" is here: the
    same sums without any shortcut, about `slowdown` times slower. `runtime` and `package` run the file, `makers` make
    it.
    """

    name: FormatName
    title: str
    runtime: str
    runtime_package: str
    converter_packages: tuple[str, ...]
    fast_kernels: KernelSet
    fast_title: str
    reference_title: str
    slowdown: int

    def count_affordable_photos(self, budget_s: float, invoke_ms: float, *, accelerated: bool) -> int:
        """How many photos the plain kernels answer in that time on this machine's cores; one at least.

        Args:
            budget_s: the time.
            invoke_ms: what one photo takes on the kernels that ran.
            accelerated: whether those were the fast ones.
        """
        slowdown = self.slowdown if accelerated else 1
        return max(1, int(budget_s * 1000 * machine.count_cores() / (slowdown * max(invoke_ms, 0.01))))


FORMATS: dict[FormatName, Format] = {
    "tflite": Format(
        name="tflite",
        title="TFLite",
        runtime="LiteRT",
        runtime_package="ai-edge-litert",
        converter_packages=("tensorflow", "keras"),
        fast_kernels="xnnpack",
        fast_title="XNNPACK",
        reference_title="reference kernels",
        slowdown=50,
    ),
    "onnx": Format(
        name="onnx",
        title="ONNX",
        runtime="onnxruntime",
        runtime_package="onnxruntime",
        converter_packages=("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime"),
        fast_kernels="onnxruntime",
        fast_title="onnxruntime",
        reference_title="graph as written",
        slowdown=20,
    ),
}


def find_format(path: Path) -> Format:
    """The format of a model file, by the end of its name.

    Raises:
        ConfigError: the name of no format.
    """
    for form in FORMATS.values():
        if path.suffix.lower() == f".{form.name}":
            return form
    known = " or ".join(f".{name}" for name in FORMATS)
    raise ConfigError(f"the name of the model file does not end in {known}", where=(path,))
