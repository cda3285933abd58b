"""The table of model file formats: their names, packages, runtimes and kernels. `engines.backends` has their code."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgetl.core import machine
from edgetl.core.errors import ConfigError

FormatName = Literal["tflite", "onnx"]
# Runtimes that judge a file beside that of its format: see `core.device.judges`.
JudgeName = Literal["browser", "browser-onnx", "tflm"]
KernelSet = Literal["xnnpack", "onnxruntime", "reference", JudgeName]


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """A format of model files.

    Attributes:
        name: also the suffix of the files, without the dot.
        title: name in messages and tables.
        translated: whether conversions start from a translation of the Keras model, which is a stage of its own.
        converter_packages: distributions that write the files.
        runtime: name of the runtime on host and device.
        runtime_package: distribution of the runtime.
        fast_kernels: kernel set that devices run.
        fast_title: name of the fast kernels in tables.
        reference_title: name of the reference kernels, which compute the same results without optimizations.
        slowdown: approximate latency of the reference kernels, relative to the fast kernels.
        rounded_tolerance: how much float outputs of a file with integer activations differ between processors.
        dynamic_rounds: whether files of dynamic quantization count among those.
        tools: step of a conversion, as a method of `engines.backends.Backend` → name of the program that runs it.
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
    rounded_tolerance: float
    dynamic_rounds: bool
    tools: Mapping[str, str]

    def count_affordable_photos(self, budget_s: float, invoke_ms: float, *, accelerated: bool) -> int:
        """Estimate how many photos the reference kernels can predict within a time budget on all cores, at least one.

        Args:
            budget_s: time budget, seconds.
            invoke_ms: measured latency of one photo on one thread, milliseconds.
            accelerated: whether the fast kernels ran in that measurement.
        """
        slowdown = self.slowdown if accelerated else 1
        # A latency of 0 means that it was not measured. The lower bound avoids a division by zero.
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
        # Kernels of LiteRT's BUILTIN_REF resolver: plain loops without SIMD.
        reference_title="reference kernels",
        slowdown=50,
        # An int8 softmax or sigmoid has 256 steps over 0..1 in every model. Source: TFLite 8-bit quantization
        # specification, SOFTMAX and LOGISTIC, output scale 1/256.
        rounded_tolerance=1 / 256,
        dynamic_rounds=True,
        tools={
            "prepare": "Keras",
            "convert": "the TFLite converter",
            "calibrate": "TFLite's calibrator",
            "quantize": "TFLite's quantizer",
            "round_weights": "AdaRound on LiteRT",
            "convert_qat": "the TFLite converter",
            "measure_layer_errors": "TFLite's quantization debugger",
            "list_operators": "TFLite's quantizer",
            "check": "LiteRT",
        },
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
        # onnxruntime has one set of kernels. Its reference is the graph as it is in the file, without fused operators.
        reference_title="unoptimized graph",
        slowdown=20,
        # An .onnx file has a float softmax after its integers. One step of these, about 0.2 for logits that span 50,
        # times the steepest slope of softmax, 1/4.
        rounded_tolerance=1 / 16,
        dynamic_rounds=False,
        tools={
            "prepare": "tf2onnx",
            "convert": "the ONNX converter",
            "calibrate": "onnxruntime's calibrator",
            "quantize": "onnxruntime's quantizer",
            "round_weights": "AdaRound on onnxruntime",
            "convert_qat": "tf2onnx",
            "measure_layer_errors": "onnxruntime",
            "list_operators": "onnxruntime's quantizer",
            "check": "onnxruntime",
        },
    ),
}


def find_format(path: Path) -> Format:
    """Find the format of a model file by its suffix.

    Raises:
        ConfigError: no format has this suffix.
    """
    for row in FORMATS.values():
        if path.suffix.lower() == f".{row.name}":
            return row
    suffixes = " or ".join(f".{name}" for name in FORMATS)
    raise ConfigError(f"the name of the model file does not end in {suffixes}", where=(path,))
