"""Names of files and folders that have a meaning: photos, parts, unlabelled photos, and files of operating systems."""

import re
import unicodedata

from edgetl.core.records import Part

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
    # These need a decoder that Pillow may lack; see `core.photos.pixels`.
    | {".heic", ".heif", ".hif", ".avif", ".jxl"}
)
RAW_SUFFIXES = frozenset({".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw", ".raw"})
# Written by operating systems, file managers, network storage, notebooks and version control, never by a photographer.
_SYSTEM_NAMES = frozenset(
    {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "#recycle", "$recycle.bin", "lost+found"}
    | {"system volume information", ".ds_store", ".ipynb_checkpoints", ".git", ".svn", ".dvc", ".directory"}
    | {".appledouble", ".spotlight-v100", ".trashes", ".fseventsd", ".thumbnails", ".picasa.ini", ".localized"}
)
_PARTS: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "validate": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}
# Words around the name of a part, as in seg_train, train_set, "Training Data", images-test, train1.
_AROUND_PARTS = re.compile(r"^(?:seg|images?|photos?|data)?(?P<part>[a-z]+?)(?:ing)?(?:set|data|images?|photos?|\d)?$")
_UNLABELLED = frozenset({"pred", "predict", "prediction", "predictions", "inference", "unlabelled", "unlabeled"})
_SEPARATORS = re.compile(r"[\s._-]+")


def normalize_name(name: str) -> str:
    """Return a name in Unicode NFC: file systems store "é" as one character or as two."""
    return unicodedata.normalize("NFC", name)


def is_system_name(name: str) -> bool:
    """Return whether a file or folder was made by an operating system or a program, so that it is no photo."""
    return name.lower() in _SYSTEM_NAMES or name.startswith(("._", ".Trash-"))


def find_part(name: str) -> Part | None:
    """Return the part that the name of a folder means, in any case and with the usual variants, or None."""
    joined = _SEPARATORS.sub("", normalize_name(name).lower())
    if joined in _PARTS:
        return _PARTS[joined]
    match = _AROUND_PARTS.match(joined)
    return _PARTS.get(match["part"]) if match else None


def is_unlabelled(name: str) -> bool:
    """Return whether a folder is named after photos without labels, as in pred, seg_pred or unlabeled."""
    joined = _SEPARATORS.sub("", normalize_name(name).lower()).removeprefix("seg")
    return joined in _UNLABELLED


def is_photo_name(name: str) -> bool:
    """Return whether a file has the extension of a photo."""
    return ("." + name.rpartition(".")[2].lower()) in SUFFIXES if "." in name else False
