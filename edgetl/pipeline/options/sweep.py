"""Options of a sweep over networks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from edgetl.pipeline.options.cluster import ClusterOptions
from edgetl.pipeline.options.model import HeadOptions, PhotosOptions, ReadingOptions
from edgetl.pipeline.options.option import IN_MODEL, Option
from edgetl.pipeline.options.training import SharedTrainingOptions


@dataclass(frozen=True, kw_only=True)
class ChosenNetworkOptions:
    """A network that a sweep has chosen."""

    from_sweep: Annotated[
        Path | None,
        Option(
            help="Build the chosen network of this finished sweep. Nothing is trained again.",
            panel=IN_MODEL,
            metavar="SWEEP",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class SpaceOptions:
    """Which networks are compared."""

    bases: Annotated[
        str | None,
        Option(
            help="The networks with their widths, as in mobilenet:0.25,mobilenet_v2:0.35. Default: four, or those that "
            "have the weights.",
            panel=IN_MODEL,
            metavar="BASE:ALPHA,...",
        ),
    ] = None
    sides: Annotated[
        str | None,
        Option(help="Sides of the square input, as in 96,128,160. Default: two.", panel=IN_MODEL, metavar="PX,..."),
    ] = None
    space: Annotated[
        Path | None,
        Option(help="A TOML file with the lists bases and sides, in place of both.", panel=IN_MODEL, metavar="FILE"),
    ] = None
    weights: Annotated[
        str | None,
        Option(
            help="imagenet, formula, none, or a weights file of the only network.",
            panel=IN_MODEL,
            sets=("base", "weights"),
        ),
    ] = None
    pooling: Annotated[str | None, Option(help="avg or max.", panel=IN_MODEL, sets=("base", "pooling"))] = None


@dataclass(frozen=True, kw_only=True)
class SweepGateOptions:
    """What decides which networks go on."""

    target: Annotated[str, Option(help="What the model is for: see edgetl targets.")] = "tflite"
    target_dir: Annotated[list[Path] | None, Option(help="Folder with targets of your own; may be repeated.")] = None
    device: Annotated[
        str, Option(help="Measure latency on this device, over your ssh. Default: this machine.", metavar="USER@HOST")
    ] = ""
    limit_ms: Annotated[
        float | None,
        Option(help="Largest latency; what exceeds it is not trained. Default: the target's, with --device."),
    ] = None
    limit_bytes: Annotated[
        str | None, Option(help="Largest file, as in 300k or 3M. Default: the target's.", metavar="BYTES")
    ] = None
    budget: Annotated[
        str | None,
        Option(help="Time for fine-tuning, as in 30m; networks after it keep their heads.", metavar="TIME"),
    ] = None
    prefer: Annotated[
        str, Option(help="Of the networks that are not certainly worse: latency, the fastest, or bytes, the smallest.")
    ] = "latency"


# Fields of the last base come first.
@dataclass(frozen=True, kw_only=True)
class SweepOptions(
    SharedTrainingOptions, HeadOptions, ReadingOptions, SpaceOptions, ClusterOptions, SweepGateOptions, PhotosOptions
):
    """The options of `sweep`."""
