"""A labels file → the names of a model's outputs, in their order."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from pathlib import Path
from shlex import quote

from edgetl.core.errors import ConfigError
from edgetl.core.label_files.label_formats import parse_labels
from edgetl.core.label_files.numbered_names import order_names
from edgetl.core.photos.photo_folder import PhotoFolder
from edgetl.core.storage.regular_files import LARGEST_TEXT_BYTES, explain_os_error, read_regular

_HINT = "one name on each line in the order of the outputs; docs/external-models.md has the other forms"
# Byte order marks, the longest first: that of UTF-32 begins with that of UTF-16.
_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
# Share of zero bytes at even or odd places above which a file is taken for UTF-16.
_MOST = 0.5
# Suffixes of files that people give for labels → what they are.
_KINDS = {
    ".pbtxt": "a label map of object detection",
    ".pkl": "a Python pickle",
    ".npy": "a numpy array",
    ".yaml": "YAML: write its names into a .txt file, one on each line",
    ".yml": "YAML: write its names into a .txt file, one on each line",
    ".xlsx": "a spreadsheet: save it as .csv",
    ".ods": "a spreadsheet: save it as .csv",
    ".keras": "a model",
    ".h5": "a model",
    ".hdf5": "a model",
    ".pt": "a model",
    ".pth": "a model",
    ".tflite": "a model",
    ".onnx": "a model",
}


def read_labels(path: Path, outputs: int, folders: Collection[str] = ()) -> tuple[str, ...]:
    """Read the names of a model's outputs from a labels file.

    Args:
        path: see `label_formats` for the forms.
        outputs: number of outputs; 2 for one sigmoid.
        folders: names of the class folders, where there are any.

    Returns:
        One name for each output, all different. Names that are Unicode-equal to a folder's are spelt like it.

    Raises:
        ConfigError: the file cannot be read, has no known form, or its names do not fit the outputs.
    """
    try:
        text = _decode(_read(path), path)
        spelt = {unicodedata.normalize("NFC", name): name for name in folders}
        entries = parse_labels(text, path.suffix.lower(), outputs, folders)
        return order_names(
            [entry._replace(name=spelt.get(unicodedata.normalize("NFC", entry.name), entry.name)) for entry in entries],
            outputs,
        )
    except ConfigError as error:
        error.where = error.where or (str(path),)
        error.hint = error.hint or _HINT
        raise


def name_outputs(labels: str, outputs: int, folder: PhotoFolder) -> tuple[str, ...]:
    """Return the names of a model's outputs, of which some may have no folder of photos.

    Args:
        labels: path of the labels file; "" for none.
        outputs: number of outputs; 2 for one sigmoid.
        folder: the photos.

    Returns:
        One name for each output; none without a labels file, where the outputs are the sorted folders.

    Raises:
        ConfigError: see `read_labels` and `match_folders`; or no labels file, and not as many folders as outputs; or
            outputs for several labels that are not those of the photos.
    """
    if folder.multi_label and outputs != len(folder.classes):
        raise ConfigError(
            f"the model predicts {outputs} labels, the photos have {len(folder.classes)}",
            where=(folder.root,),
            hint="the labels of the photos must be those of the model's outputs, one sigmoid unit for each",
        )
    if labels:
        names = read_labels(Path(labels), outputs, folder.classes)
        match_folders(names, folder.classes, Path(labels), folder.root)
        return names
    if outputs != len(folder.classes):
        fewer = outputs < len(folder.classes)
        raise ConfigError(
            f"the model predicts {outputs} classes, the photos have {len(folder.classes)}",
            where=(folder.root,),
            hint="one folder for each class that the model predicts"
            if fewer
            else f"--labels FILE with the names of all {outputs} outputs: the model is then judged on the classes that "
            "have photos",
        )
    return ()


def match_folders(names: Sequence[str], folders: Sequence[str], path: Path, root: Path) -> tuple[int, ...]:
    """Return the output of each class folder.

    Args:
        names: from `read_labels`.
        folders: names of the class folders.
        path: the labels file, for messages.
        root: the folder of photos, for messages.

    Raises:
        ConfigError: no output has the name of a folder; it names the folder, and a name that is similar.
    """
    unknown = [name for name in folders if name not in names]
    if unknown:
        similar = _find_similar(unknown[0], names)
        hint = f"did you mean {' or '.join(map(repr, similar))}? " if similar else ""
        hint += "each folder has the name of an output, letter by letter"
        if any(name.partition(" ")[2] in folders and name.partition(" ")[0].isdecimal() for name in names):
            hint = "count the outputs from 0: numbers that begin at 1 are taken for a part of the names"
        raise ConfigError(
            f"no output is called {', '.join(map(repr, unknown[:5]))}, as {len(unknown)} of {len(folders)} folders are",
            where=(path, root),
            hint=hint,
        )
    return tuple(names.index(name) for name in folders)


def _find_similar(folder: str, names: Sequence[str]) -> list[str]:
    """Return up to three names that are similar to a folder's, without regard to case, underscores and dashes."""
    alike = {name: re.sub(r"[\s_-]+", " ", name.casefold()) for name in names}
    word = re.sub(r"[\s_-]+", " ", folder.casefold())
    equal = [name for name in names if alike[name] == word]
    close = get_close_matches(word, set(alike.values()))
    return (equal or [name for match in close for name in names if alike[name] == match])[:3]


def _read(path: Path) -> bytes:
    kind = _KINDS.get(path.suffix.lower())
    if kind:
        raise ConfigError(f"not a labels file, but {kind}")
    try:
        return read_regular(path, LARGEST_TEXT_BYTES)
    except OSError as error:
        raise ConfigError(f"the labels file cannot be read: {explain_os_error(error)}") from error


def _decode(content: bytes, path: Path) -> str:
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "")
    if not encoding and b"\0" in content:
        # Every other byte of most texts in UTF-16 is zero: the first of each two if the high byte comes first.
        zeros = [half.count(0) / len(half) for half in (content[::2], content[1::2])]
        encoding = next((n for n, share in zip(("UTF-16BE", "UTF-16LE"), zeros, strict=True) if share > _MOST), "")
        if not encoding:
            raise ConfigError("the labels file is no text: it contains zero bytes")
    if encoding:
        raise ConfigError(
            f"the labels file is {encoding}, and UTF-8 is needed",
            where=(path,),
            hint=f"save it as UTF-8 in the editor, or: iconv -f {encoding} -t UTF-8 {quote(str(path))} "
            f"> labels-utf8{path.suffix}",
        )
    try:
        # utf-8-sig drops the byte order mark that editors on Windows write.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(f"line {line}: the labels file is not UTF-8 text") from error
