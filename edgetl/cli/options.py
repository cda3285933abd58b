"""The options of each command: those of the pipeline, and those of the command line alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from edgetl.core.device.fleet import PARALLEL
from edgetl.pipeline.options import (
    BuildOptions,
    ClassifierOptions,
    ContractOptions,
    InspectOptions,
    Option,
    RecipeOptions,
    SweepOptions,
    TrainOptions,
)

_OUTPUT = "Output"

RunArgument = Annotated[Path, Option(help="A run folder, from edgetl build or train.", argument=True)]
TargetOption = Annotated[str, Option(help="One of the targets of the run. Needed where it has several.")]
TargetDirOption = Annotated[list[Path] | None, Option(help="Folder with targets of your own; may be repeated.")]
MethodOption = Annotated[str, Option(help="The conversion method: see edgetl methods.")]


@dataclass(frozen=True, kw_only=True)
class JsonOption:
    """How the result is printed."""

    as_json: Annotated[bool, Option(help="Print one JSON object.", panel=_OUTPUT, flags=("--json",))] = False


@dataclass(frozen=True, kw_only=True)
class OutputOptions(JsonOption):
    """How progress and result are printed."""

    quiet: Annotated[bool, Option(help="Print warnings and errors only.", panel=_OUTPUT, flags=("--quiet", "-q"))] = (
        False
    )


@dataclass(frozen=True, kw_only=True)
class OutOption:
    """Where the run folder is."""

    out: Annotated[
        Path | None,
        Option(help="The run folder. Default: one in edgetl-runs for each order.", panel=_OUTPUT, metavar="RUN"),
    ] = None
    overwrite: Annotated[bool, Option(help="Replace another build in the run folder.", panel=_OUTPUT)] = False


@dataclass(frozen=True, kw_only=True)
class LogOption:
    """A tool that gets the results."""

    log: Annotated[
        str,
        Option(
            help="mlflow: store metrics, parameters and files in the store of MLFLOW_TRACKING_URI.",
            panel=_OUTPUT,
            metavar="mlflow",
        ),
    ] = ""


@dataclass(frozen=True, kw_only=True)
class PhotosOption:
    """The photos, as an option."""

    photos_option: Annotated[Path | None, Option(help="Same as PHOTOS.", metavar="DIR", flags=("--photos",))] = None


@dataclass(frozen=True, kw_only=True)
class BuildCommand(OutputOptions, OutOption, LogOption, PhotosOption, BuildOptions):
    """Options of `edgetl build`."""

    explain: Annotated[bool, Option(help="Rank the layers by their quantization error in int8.")] = False


@dataclass(frozen=True, kw_only=True)
class TrainCommand(OutputOptions, OutOption, PhotosOption, TrainOptions):
    """Options of `edgetl train`."""


@dataclass(frozen=True, kw_only=True)
class SweepCommand(OutputOptions, OutOption, PhotosOption, SweepOptions):
    """Options of `edgetl sweep`."""


@dataclass(frozen=True, kw_only=True)
class InspectCommand(OutputOptions, PhotosOption, InspectOptions):
    """Options of `edgetl inspect`."""

    out: Annotated[
        Path | None,
        Option(
            help="Folder of the inspection. Default: one in edgetl-runs for each folder of photos.",
            panel=_OUTPUT,
            metavar="DIR",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ReportCommand(OutputOptions, LogOption):
    """Options of `edgetl report`."""

    runs: Annotated[
        list[Path],
        Option(
            help="Run folders, from edgetl build. Several are compared with the first.", argument=True, metavar="RUN..."
        ),
    ]
    format_name: Annotated[
        str,
        Option(help="html for the page, or md for Markdown of a pull request.", metavar="html|md", flags=("--format",)),
    ] = "html"
    open_page: Annotated[bool, Option(help="Show the page in a browser.", flags=("--open",))] = False
    robustness: Annotated[
        bool, Option(help="Measure accuracy on blurred, dark, noisy and otherwise corrupted photos: minutes.")
    ] = False
    out: Annotated[
        Path | None,
        Option(
            help="With several runs: the file. Default: comparison.html beside the first run.",
            panel=_OUTPUT,
            metavar="FILE",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ConvertCommand(OutputOptions):
    """Options of `edgetl convert`."""

    run: RunArgument
    method: MethodOption = "int8"
    target: TargetOption = ""


@dataclass(frozen=True, kw_only=True)
class VerifyCommand(OutputOptions, ContractOptions):
    """Options of `edgetl verify`."""

    run: Annotated[
        Path | None, Option(help="A run folder. Its test photos are scored and judged again.", argument=True)
    ] = None
    method: MethodOption = ""
    target: TargetOption = ""
    reference: Annotated[
        Path | None, Option(help="Without RUN: a .keras, .h5 or .onnx file, or a SavedModel folder.")
    ] = None
    artifact: Annotated[Path | None, Option(help="Without RUN: a .tflite or .onnx file.")] = None
    photos: Annotated[Path | None, Option(help="Without RUN: photos that were not used for training.")] = None
    fit: Annotated[str | None, Option(help="crop, stretch or pad.", sets=("photos", "fit"))] = None


@dataclass(frozen=True, kw_only=True)
class BundleCommand(OutputOptions):
    """Options of `edgetl bundle`."""

    run: RunArgument
    method: MethodOption = ""
    target: TargetOption = ""


@dataclass(frozen=True, kw_only=True)
class BenchCommand(OutputOptions):
    """Options of `edgetl bench`."""

    run: RunArgument
    device: Annotated[
        list[str] | None,
        Option(help="Measure on this device, over your ssh; may be repeated.", metavar="USER@HOST"),
    ] = None
    inventory: Annotated[
        Path | None, Option(help="Measure on the devices of this text file too, one a line.", metavar="FILE")
    ] = None
    parallel: Annotated[
        int, Option(help="Devices that are connected at the same time.", metavar="N", minimum=1, maximum=1000)
    ] = PARALLEL
    resume: Annotated[
        bool, Option(help="Leave out devices that have a valid measurement of the same file and options.")
    ] = False
    method: MethodOption = ""
    target: TargetOption = ""
    soak: Annotated[
        float | None,
        Option(
            help="Seconds of invocations without a pause; default 60 on a device.", metavar="S", minimum=0, maximum=1e6
        ),
    ] = None
    accuracy: Annotated[bool, Option(help="Score the test photos of the run too, which it was not trained on.")] = False
    browser: Annotated[
        bool, Option(help="Measure in a headless browser on this machine, from the files of the test photos.")
    ] = False
    strict: Annotated[bool, Option(help="Count UNDECIDED as a failure.")] = False


SourceArgument = Annotated[
    Path, Option(help="A run folder, a bundle, or a .tflite or .onnx file.", argument=True, metavar="RUN")
]


@dataclass(frozen=True, kw_only=True)
class PredictCommand(OutputOptions, ClassifierOptions):
    """Options of `edgetl predict`."""

    source: SourceArgument
    photos: Annotated[list[Path], Option(help="Photos and folders of photos.", argument=True, metavar="PHOTO...")]
    top: Annotated[int, Option(help="Classes for each photo.", metavar="K", minimum=1, maximum=100_000)] = 3


@dataclass(frozen=True, kw_only=True)
class DemoCommand(ClassifierOptions):
    """Options of `edgetl demo`."""

    source: SourceArgument
    photos: Annotated[
        Path | None, Option(help="Show the photos of this folder. Default: the test photos of the run.", metavar="DIR")
    ] = None
    camera: Annotated[bool, Option(help="Show a camera: on the camera connector, or the first one on USB.")] = False
    terminal: Annotated[bool, Option(help="Show it in this terminal, not in a browser.")] = False
    port: Annotated[
        int, Option(help="Port on 127.0.0.1; 0 is any free one.", metavar="N", minimum=0, maximum=65535)
    ] = 8000


@dataclass(frozen=True, kw_only=True)
class TargetsCommand(JsonOption):
    """Options of `edgetl targets`."""

    name: Annotated[str | None, Option(help="Show one target with all its values.", argument=True)] = None
    target_dir: TargetDirOption = None


@dataclass(frozen=True, kw_only=True)
class FetchCommand(OutputOptions):
    """Options of `edgetl fetch`."""

    name: Annotated[str, Option(help="What to fetch: browser, browser-threads, or browser-onnx.", argument=True)]


@dataclass(frozen=True, kw_only=True)
class RecipeCommand(JsonOption, RecipeOptions):
    """Options of `edgetl recipe`."""
