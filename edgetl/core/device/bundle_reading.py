"""A bundle or a model file → the classifier in it. A bundle may come from a stranger: nothing in it is run.

The sha256 of every file that SHA256SUMS lists is checked before the model is opened, and links are not followed.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edgetl.core.device.answer_facts import FEATURES_FILE
from edgetl.core.device.bundle_files import CHECKSUMS
from edgetl.core.errors import ConfigError
from edgetl.core.formats import FormatName, find_format
from edgetl.core.record import Record
from edgetl.core.records import Fit, InputSpec, expand_side
from edgetl.core.storage.regular_files import LARGEST_MODEL_BYTES, explain_os_error, open_regular, read_regular

FACTS = "model.json"
_MOST_TEXT_BYTES = 16_000_000
_LARGEST_SIDE_PX = 1024
# As the bundle's selfcheck.py reads it: every part of a path begins with a letter or a digit.
_LINE = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*)")


class ReferenceFeatures(Record):
    """The file of reference features in a bundle, with the thresholds for answers: see answers.py of the bundle.

    `least_similarities` has the lowest similarity of a known photo by label, -1..1. `least_probability`, 0..1, is 0
    where no answer is unsure.
    """

    path: Path
    sha256: str
    least_similarities: dict[str, float]
    least_probability: float


class Classifier(Record):
    """A model file with what is needed to classify photos with it.

    `classes` are in the order of the outputs. `base`, `method` and `trained_sha256` are "" where they are not known.
    `thresholds` has one for each class where a photo may have several of them as labels; else it is empty. Without
    `reference`, every photo gets a label, and `no_answers` is the reason where a run is known.
    """

    path: Path
    format: FormatName
    sha256: str
    classes: tuple[str, ...]
    input: InputSpec
    base: str = ""
    method: str = ""
    trained_sha256: str = ""
    thresholds: tuple[float, ...] = ()
    reference: ReferenceFeatures | None = None
    no_answers: str = ""


class _Facts(BaseModel):
    """The part of model.json that is read. Further keys are those of other versions of edgetl."""

    model_config = ConfigDict(strict=True, frozen=True)


_SidePx = Annotated[int, Field(ge=1, le=_LARGEST_SIDE_PX)]


class _Input(_Facts):
    height_px: _SidePx
    width_px: _SidePx
    fit: Fit

    _expand_side = model_validator(mode="before")(expand_side)


class _Output(_Facts):
    labels: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=1000)]], Field(min_length=2, max_length=100_000)
    ]
    thresholds: Annotated[list[Annotated[float, Field(gt=0, lt=1)]], Field(max_length=100_000)] = []


class _Answers(_Facts):
    least_similarities: Annotated[
        dict[str, Annotated[float, Field(ge=-1, le=1.001)]], Field(min_length=1, max_length=100_000)
    ]
    least_probability: Annotated[float, Field(ge=0, le=1)] = 0.0


class _Provenance(_Facts):
    base: Annotated[str, Field(max_length=1000)]
    method: Annotated[str, Field(max_length=1000)]
    trained_sha256: str
    artifact_sha256: str


class _Model(_Facts):
    schema_number: Literal[1, 2, 3] = Field(alias="schema")
    # A fixed name: no path leads out of the bundle.
    model: Literal["model.tflite", "model.onnx"]
    input: _Input
    output: _Output
    answers: _Answers | None = None
    provenance: _Provenance


def is_bundle(folder: Path) -> bool:
    """Return whether a folder has the facts of a bundle."""
    return (folder / FACTS).exists()


def read_bundle(folder: Path) -> Classifier:
    """Check the files of a bundle and return its classifier.

    Raises:
        ConfigError: a file is missing, was changed, or is a link; or model.json is not one of a bundle.
    """
    folder = folder.absolute()
    listed = _parse_checksums(folder)
    changed = [name for name, digest in listed.items() if _hash_listed(folder / name) != digest]
    if changed:
        raise ConfigError(
            f"the bundle is not as it was made: {len(changed)} of {len(listed)} files changed",
            where=[folder / name for name in changed[:5]],
            hint="make it again with edgetl bundle RUN, or copy it again from where it was made",
        )
    facts = _read_facts(folder / FACTS)
    if listed.get(facts.model) != facts.provenance.artifact_sha256 or FACTS not in listed:
        raise ConfigError(f"{CHECKSUMS} and {FACTS} are of different models", where=(folder,))
    thresholds = facts.output.thresholds
    if thresholds and len(thresholds) != len(facts.output.labels):
        message = f"{FACTS} has {len(thresholds)} thresholds for {len(facts.output.labels)} labels"
        raise ConfigError(message, where=(folder,))
    return Classifier(
        path=folder / facts.model,
        format=find_format(Path(facts.model)).name,
        sha256=facts.provenance.artifact_sha256,
        classes=tuple(facts.output.labels),
        input=InputSpec(height_px=facts.input.height_px, width_px=facts.input.width_px, fit=facts.input.fit),
        base=facts.provenance.base,
        method=facts.provenance.method,
        trained_sha256=facts.provenance.trained_sha256,
        thresholds=tuple(thresholds),
        reference=_find_reference(folder, facts, listed),
    )


def _find_reference(folder: Path, facts: _Model, listed: dict[str, str]) -> ReferenceFeatures | None:
    if facts.answers is None:
        return None
    if FEATURES_FILE not in listed or set(facts.answers.least_similarities) != set(facts.output.labels):
        raise ConfigError(f"{FACTS} has thresholds without {FEATURES_FILE}, or of other labels", where=(folder,))
    return ReferenceFeatures(
        path=folder / FEATURES_FILE,
        sha256=listed[FEATURES_FILE],
        least_similarities=facts.answers.least_similarities,
        least_probability=facts.answers.least_probability,
    )


def _parse_checksums(folder: Path) -> dict[str, str]:
    text = _read_file(folder / CHECKSUMS).decode("ascii", "replace")
    matches = [_LINE.fullmatch(line) for line in text.splitlines() if not line.startswith("#")]
    listed = {match[2]: match[1] for match in matches if match}
    if not listed or len(listed) != len(matches):
        raise ConfigError("a line is not the sha256 and the name of a file", where=(folder / CHECKSUMS,))
    body, _, last_line = text.rpartition("# ")
    if last_line.partition(" ")[0] != hashlib.sha256(body.encode("ascii", "replace")).hexdigest():
        raise ConfigError("the list of files was changed", where=(folder / CHECKSUMS,))
    return listed


def _read_facts(path: Path) -> _Model:
    hint = "give a bundle, a run folder, or a .tflite or .onnx file"
    try:
        value: Any = json.loads(_read_file(path))
        return _Model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "its content"
        raise ConfigError(
            f"not the {FACTS} of a bundle: {key}: {first['msg'].lower()}", where=(path,), hint=hint
        ) from error
    # Deep nesting exhausts the parser.
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{FACTS} is not JSON", where=(path,), hint=hint) from error


def _read_file(path: Path) -> bytes:
    try:
        return read_regular(path, _MOST_TEXT_BYTES, follow_links=False)
    except OSError as error:
        raise ConfigError(f"{path.name} cannot be read: {explain_os_error(error)}", where=(path,)) from error


def _hash_listed(path: Path) -> str:
    """Return the sha256 of a file; "" for a file that is missing, a link, or no regular file."""
    try:
        with open_regular(path, LARGEST_MODEL_BYTES, follow_links=False) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        # It is reported as changed, with the others.
        return ""
