"""Options of the photos, of the network, and of a model made elsewhere."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from edgetl.pipeline.options.option import IN_EXTERNAL, IN_MODEL, IN_PHOTOS, Option


# Without slots: classes with slots cannot be combined.
@dataclass(frozen=True, kw_only=True)
class PhotosOptions:
    """The photos."""

    photos: Annotated[
        Path | None,
        Option(
            help="Folder of photos, one folder per class; its URL, as s3://BUCKET/FOLDER; or a CSV file. Default: "
            "embedded digits.",
            argument=True,
        ),
    ] = None
    test: Annotated[
        Path | None,
        Option(
            help="Folder of test photos in the same class folders: all of PHOTOS is for training and validation.",
            panel=IN_PHOTOS,
            metavar="DIR",
        ),
    ] = None
    exclude: Annotated[
        Path | None,
        Option(
            help="CSV file with a column path: these photos are not used, as in suspects.csv of edgetl inspect.",
            panel=IN_PHOTOS,
            metavar="FILE",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """The network."""

    base: Annotated[
        str | None, Option(help="The network: see edgetl bases.", panel=IN_MODEL, sets=("base", "name"))
    ] = None
    alpha: Annotated[float | None, Option(help="Its width multiplier.", panel=IN_MODEL, sets=("base", "alpha"))] = None
    side: Annotated[
        int | None,
        Option(help="Side of the square input.", panel=IN_MODEL, metavar="PX", sets=("base", "side_px")),
    ] = None
    weights: Annotated[
        str | None,
        Option(help="imagenet, formula, none, or a weights file.", panel=IN_MODEL, sets=("base", "weights")),
    ] = None
    pooling: Annotated[str | None, Option(help="avg or max.", panel=IN_MODEL, sets=("base", "pooling"))] = None


@dataclass(frozen=True, kw_only=True)
class HeadOptions:
    """The head on the network."""

    hidden_units: Annotated[
        int | None,
        Option(help="Units of a hidden layer in the head.", panel=IN_MODEL, sets=("head", "hidden_units")),
    ] = None
    dropout: Annotated[
        float | None, Option(help="Dropout rate in the head.", panel=IN_MODEL, sets=("head", "dropout"))
    ] = None
    activation: Annotated[
        str | None,
        Option(help="softmax, or sigmoid: one unit for two classes.", panel=IN_MODEL, sets=("head", "activation")),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How the photos are read."""

    layout: Annotated[
        str | None,
        Option(
            help="classes, parts (train, val, test), or auto: by the names of the folders.",
            panel=IN_PHOTOS,
            sets=("photos", "layout"),
        ),
    ] = None
    label_from: Annotated[
        str | None,
        Option(
            help="folder, or name: the class is in the file name, as in cat.12.jpg.",
            panel=IN_PHOTOS,
            sets=("photos", "label_from"),
        ),
    ] = None
    multi_label: Annotated[
        bool,
        Option(
            help="A photo may have several labels or none: in a CSV file, or as copies in several class folders.",
            panel=IN_PHOTOS,
        ),
    ] = False
    label_separator: Annotated[
        str | None,
        Option(
            help="Between the labels of a photo in a CSV file: semicolon, pipe, comma, space, none, or auto.",
            panel=IN_PHOTOS,
            sets=("photos", "label_separator"),
        ),
    ] = None
    group_by: Annotated[
        str | None,
        Option(
            help="Photos of one group stay in one part: folder, folder:2, exif:60s, csv:COLUMN, or a regular "
            "expression on the path.",
            panel=IN_PHOTOS,
            metavar="RULE",
            sets=("photos", "group_by"),
        ),
    ] = None
    near_duplicates: Annotated[
        str | None,
        Option(
            help="group: they stay in one part; drop: they are left out of validation and test; or keep.",
            panel=IN_PHOTOS,
            sets=("photos", "near_duplicates"),
        ),
    ] = None
    fit: Annotated[str | None, Option(help="crop, stretch or pad.", panel=IN_PHOTOS, sets=("photos", "fit"))] = None


# Fields of the last base come first.
@dataclass(frozen=True, kw_only=True)
class ModelOptions(ReadingOptions, HeadOptions, NetworkOptions):
    """The network and its head, and how its photos are read."""


@dataclass(frozen=True, kw_only=True)
class InspectOptions(ReadingOptions, NetworkOptions, PhotosOptions):
    """The options of `inspect`."""

    recipe: Annotated[
        str | None, Option(help="A preset or a TOML file, whose network and photos are used.", panel=IN_MODEL)
    ] = None


@dataclass(frozen=True, kw_only=True)
class ExternalOptions:
    """A model made elsewhere."""

    model: Annotated[
        Path | None,
        Option(
            help="A classifier: .keras, .h5, .onnx, or a SavedModel folder.",
            panel=IN_EXTERNAL,
            metavar="FILE",
            sets=("external", "path"),
        ),
    ] = None
    scaling: Annotated[
        str | None,
        Option(
            help="How its input was scaled: none, 0..1, tf, torch, caffe, SCALE,OFFSET.",
            panel=IN_EXTERNAL,
            sets=("external", "scaling"),
        ),
    ] = None
    labels: Annotated[
        Path | None,
        Option(
            help="The names of its outputs: a text, JSON or CSV file. Outputs without photos stay in the file.",
            panel=IN_EXTERNAL,
            metavar="FILE",
            sets=("external", "labels"),
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ClassifierOptions:
    """Which classifier, where a run has several, and what a file alone does not say."""

    method: Annotated[str, Option(help="Of a run: the file by this method. Default: the chosen file.")] = ""
    target: Annotated[str, Option(help="Of a run: one of its targets. Needed where it has several.")] = ""
    labels: Annotated[
        Path | None,
        Option(help="Of a file alone: the names of its outputs, in a text, JSON or CSV file.", metavar="FILE"),
    ] = None
    fit: Annotated[str, Option(help="Of a file alone: crop (the default), stretch or pad.")] = ""
