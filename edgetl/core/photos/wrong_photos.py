"""What is given as photos and is no folder of class folders → what it is, and what to do, in one sentence each."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

LAYOUTS = "make one folder per class: PHOTOS/<class>/*.jpg, or PHOTOS/{train,val,test}/<class>/*.jpg"

# How archives are unpacked, by their last suffix.
_ARCHIVES = {
    ".zip": "unzip {name} -d PHOTOS",
    ".tar": "mkdir PHOTOS && tar -xf {name} -C PHOTOS",
    ".gz": "mkdir PHOTOS && tar -xf {name} -C PHOTOS",
    ".tgz": "mkdir PHOTOS && tar -xf {name} -C PHOTOS",
    ".bz2": "mkdir PHOTOS && tar -xf {name} -C PHOTOS",
    ".xz": "mkdir PHOTOS && tar -xf {name} -C PHOTOS",
    ".7z": "7z x {name} -oPHOTOS",
    ".rar": "unrar x {name} PHOTOS/",
}
_TABLES = frozenset({".tsv", ".json", ".jsonl", ".txt", ".xlsx", ".xls", ".xml", ".yaml", ".yml", ".parquet"})
_MODELS = frozenset({".keras", ".h5", ".tflite", ".onnx", ".pt", ".pth", ".pb"})
_ADDRESS = re.compile(r"(https?|s3|gs|ftp):/")
# Folders of data sets for object detection: boxes in text files beside the images.
_DETECTION = frozenset({"images", "labels", "annotations"})


def explain_path(path: Path, photo_suffixes: frozenset[str]) -> tuple[str, str]:
    """Explain a path that is no folder: the message of an error, and its hint.

    Args:
        path: the path, absolute or as it was typed.
        photo_suffixes: suffixes of photos.
    """
    if not path.exists():
        if _ADDRESS.search(str(path)):
            return "PHOTOS is an address, and edgetl downloads no photos", "download them and give the folder"
        similar = get_close_matches(path.name, _list_folders(path.parent), n=1)
        hint = f"did you mean {path.with_name(similar[0])}?" if similar else LAYOUTS
        return "the folder of photos does not exist", hint
    suffix, name = path.suffix.lower(), path.name
    unpack = _ARCHIVES.get(suffix, "").format(name=name)
    # Suffixes → what the file is, and what to do with it.
    kinds = (
        (_ARCHIVES.keys(), f"an archive ({suffix})", f"unpack it: {unpack}, then edgetl build PHOTOS"),
        (
            _TABLES,
            f"a table or a text ({suffix})",
            f"a .csv file with the columns path and label is read. {LAYOUTS}",
        ),
        (
            photo_suffixes,
            "a single photo",
            f"to train: {LAYOUTS}; to classify it with a finished model: edgetl predict RUN {name}",
        ),
        (_MODELS, f"a model file ({suffix})", "edgetl build PHOTOS --model FILE takes a .keras model"),
    )
    kind, hint = next(((kind, hint) for suffixes, kind, hint in kinds if suffix in suffixes), ("a file", LAYOUTS))
    return f"PHOTOS is {kind}, not a folder of class folders", hint


def explain_no_photos(left_out: Sequence[str], photo_suffixes: frozenset[str]) -> tuple[str, str]:
    """Explain a folder in which no file is a photo that can be read: the message of an error, and its hint.

    Args:
        left_out: paths of all files in the folder, posix.
        photo_suffixes: suffixes of photos.
    """
    counts = Counter(PurePosixPath(path).suffix.lower() for path in left_out)
    known = f"photos are {' '.join(sorted(photo_suffixes))}"
    if not counts:
        return "no photo in any folder: they are empty", known
    suffix, count = counts.most_common(1)[0]
    files = f"all {len(left_out)} files are" if count == len(left_out) else f"{count} of {len(left_out)} files are"
    kind = suffix or "without an extension"
    if suffix in _ARCHIVES:
        return f"no photo in any folder: {files} {kind}", "unpack the archives in their class folders"
    return f"no photo in any folder: {files} {kind}", known


def explain_detection(classes: Sequence[str], with_photos: Collection[str]) -> str:
    """Return a hint where class folders are those of a data set for object detection; "" where they are not.

    Args:
        classes: names of the class folders.
        with_photos: those that contain photos.
    """
    without = {name.lower() for name in classes if name not in with_photos}
    if not without or not {name.lower() for name in classes} <= _DETECTION:
        return ""
    return f"this is the layout of object detection (boxes in images), and edgetl classifies whole photos: {LAYOUTS}"


def _list_folders(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir() if path.is_dir()]
    # The parent may be missing, private, or a file: then there is nothing to suggest.
    except OSError:
        return []
