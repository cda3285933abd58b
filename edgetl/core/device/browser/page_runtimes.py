"""The runtimes that the page of a bundle runs a model with, by the format of its file."""

from collections.abc import Mapping
from dataclasses import dataclass

from edgetl.core.device.browser.npm_packages import LITERT_JS, ONNX_WEB, NpmPackage
from edgetl.core.formats import FormatName, JudgeName


@dataclass(frozen=True, kw_only=True, slots=True)
class PageRuntime:
    """A runtime.

    Attributes:
        title: its name in tables and sentences.
        packages: those of npm that a bundle contains files of.
        target: the target whose page runs it.
        folders: folders of targets that have the programs of this page; the first wins.
        judge: the judge that predicts with it.
        kernels: its name in the records of scores.
    """

    title: str
    packages: tuple[NpmPackage, ...]
    target: str
    folders: tuple[str, ...]
    judge: JudgeName
    kernels: str


PAGE_RUNTIMES: Mapping[FormatName, PageRuntime] = {
    "tflite": PageRuntime(
        title="LiteRT.js",
        packages=LITERT_JS,
        target="browser",
        folders=("browser",),
        judge="browser",
        kernels="litert.js-browser",
    ),
    "onnx": PageRuntime(
        title="ONNX Runtime Web",
        packages=ONNX_WEB,
        target="browser-onnx",
        folders=("browser-onnx", "browser"),
        judge="browser-onnx",
        kernels="onnxruntime-web-browser",
    ),
}
