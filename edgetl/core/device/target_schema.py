"""Schema of target.toml, which is read strictly.

An unknown key or a wrong type is a ConfigError that names file, key and the closest known key. Keys may be missing in a
file, because a parent can complete them (see `targets`).
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from edgetl.core.errors import ConfigError, unknown_name
from edgetl.core.evaluation.objective import Objective
from edgetl.core.formats import FormatName, JudgeName
from edgetl.core.methods import METHODS
from edgetl.core.microcontroller.npu import NpuName
from edgetl.core.storage.regular_files import read_user_text

NAME = "target.toml"
# Sets of files that are generated for a bundle: see `core.generators.generators`.
GeneratorName = Literal["ethos_u", "litert_js", "litert_threads", "microcontroller", "onnx_web", "phone_page"]

Positive = Annotated[int, Field(ge=1)]


def _check_line(text: str) -> str:
    """Check that a text is one line: a second line of a comment in requirements.txt would be a package."""
    if not text.isprintable():
        raise PydanticCustomError("one_line", "should be one line of printable text")
    return text


Line = Annotated[str, AfterValidator(_check_line)]
# TOML has lists and no tuples: strict=False accepts a list for the tuple. Its entries are validated strictly.
Texts = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
Packages = Annotated[
    tuple[
        # Options, URLs and markers are not allowed: the bundle adds the markers.
        Annotated[
            str,
            Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]+\])?( *[<>=!~]+ *[A-Za-z0-9.*+-]+,?)*$"),
        ],
        ...,
    ],
    Field(strict=False, min_length=1),
]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class DeviceTable(_Table):
    """A board. `arch` is the value of `platform.machine()` on it; `source` is where its data are published.

    Of a microcontroller, `arch` is the architecture of the core, as in "armv7e-m", `cores` those that run the model,
    and `flash_bytes` the flash for the program and the model. 0 is for a board with files.
    """

    arch: Texts
    cpu: str
    cores: Positive
    clock_hz: Positive
    ram_bytes: Positive
    flash_bytes: Annotated[int, Field(ge=0)] = 0
    source: str = ""


class AcceptsTable(_Table):
    """File formats that the runtime reads, and conversion methods in order of preference.

    `prefer` is what a file is chosen by, among those that hold the limit: see `core.evaluation.choice`.
    """

    formats: Annotated[tuple[FormatName, ...], Field(strict=False, min_length=1)]
    methods: Texts
    prefer: Objective = "balanced"


class LimitsTable(_Table):
    """Limits of the target; None for no limit.

    Attributes:
        accuracy_drop: largest drop of accuracy, 0..1, unless the recipe states one.
        model_bytes: largest model file.
        arena_bytes: largest arena of a microcontroller's interpreter.
        flash_bytes: largest constant data of a microcontroller: the model and the features of training photos.
        latency_ms: largest median latency of the model alone on the board.
        foreign_accepted: largest share of photos of other things that get a label, 0..1.
        error_accepted: largest share of the answers to the user's own photos that are wrong, 0..1.
    """

    accuracy_drop: Annotated[float, Field(gt=0, lt=1)] | None = None
    model_bytes: Positive | None = None
    arena_bytes: Positive | None = None
    flash_bytes: Positive | None = None
    latency_ms: Annotated[float, Field(gt=0)] | None = None
    foreign_accepted: Annotated[float, Field(gt=0, lt=1)] | None = None
    error_accepted: Annotated[float, Field(gt=0, lt=1)] | None = None


class RuntimeTable(_Table):
    """The runtime on the device.

    Attributes:
        python: supported versions, as in ">=3.10,<3.15"; "" for a device without Python.
        packages: architecture → pip requirements; those of "any" are for all architectures.
        other_architectures: those on which a bundle for a board can be tried before the board is there.
        systems: operating systems that are known to work.
        accelerated: whether the runtime has fast kernels (XNNPACK). Without them, the build tests the model on the
            reference kernels.
        judge: the runtime that predicts the test photos for the verdict, as the device would; "" for that of the
            format. See `core.device.judges`.
        npu: the neural processing unit beside the processor; "" for none. See `core.microcontroller.npu`.
    """

    python: Annotated[str, Field(pattern=r"^((>=|<=|==|!=|<|>)3\.\d+(,(>=|<=|==|!=|<|>)3\.\d+)*)?$")]
    packages: dict[Annotated[str, Field(pattern=r"^[a-z0-9_]+$")], Packages]
    other_architectures: Annotated[tuple[str, ...], Field(strict=False)] = ()
    systems: Annotated[tuple[str, ...], Field(strict=False)] = ()
    accelerated: bool = True
    judge: JudgeName | Literal[""] = ""
    npu: NpuName | Literal[""] = ""


class PayloadTable(_Table):
    """Files that are copied unchanged: relative to the target's folder, or common/... beside that folder.

    `files` replaces the files of the parent, `add` adds to them. `generate` names sets of files that are made from the
    model: see `core.generators.generators`.
    """

    files: Annotated[tuple[str, ...], Field(strict=False)] = ()
    add: Annotated[tuple[str, ...], Field(strict=False)] = ()
    generate: Annotated[tuple[GeneratorName, ...], Field(strict=False)] = ()


class TargetFile(_Table):
    """All tables of a target."""

    schema_number: Annotated[Literal[1], Field(alias="schema")]
    extends: str = ""
    title: Line
    summary: Line
    device: DeviceTable | None = None
    accepts: AcceptsTable
    limits: LimitsTable = LimitsTable()
    runtime: RuntimeTable
    payload: PayloadTable = PayloadTable()


# With an inherited title, two targets would look the same in a list.
NOT_INHERITED = frozenset({"schema", "extends", "title", "summary"})
_TABLES: dict[str, type[_Table]] = {
    "device": DeviceTable,
    "accepts": AcceptsTable,
    "limits": LimitsTable,
    "runtime": RuntimeTable,
    "payload": PayloadTable,
}
# Messages of pydantic name types of Python, which a reader of target.toml need not know.
_TOML_WORDS = {"tuple_type": "should be a list", "model_type": "should be a table", "dict_type": "should be a table"}


def read_target_file(path: Path) -> dict[str, Any]:
    """Read and check the tables of one file; keys that a parent may have can be missing.

    Raises:
        ConfigError: not TOML, an unknown key, a wrong type, or no title, summary or schema.
    """
    try:
        tables = tomllib.loads(read_user_text(path, "the target"))
    # tomllib recurses into nested arrays: thousands of brackets raise a RecursionError.
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"the target cannot be read: {error}", where=(path,)) from error
    try:
        TargetFile.model_validate(tables)
    except ValidationError as error:
        # A missing key may be in a parent, all other problems are problems of this file.
        for problem in error.errors():
            if problem["type"] != "missing" or problem["loc"][0] in NOT_INHERITED:
                raise _explain(path, problem) from error
    return tables


def validate_target(tables: Mapping[str, Any], path: Path) -> TargetFile:
    """Check that the tables of a target, merged with those of its parents, are complete and consistent.

    Raises:
        ConfigError: a key is missing, a method is unknown or has no format that the target accepts, or an architecture
            has no packages.
    """
    try:
        target = TargetFile.model_validate(tables)
    except ValidationError as error:
        raise _explain(path, error.errors()[0]) from error
    accepted = target.accepts.formats
    for name in target.accepts.methods:
        if name not in METHODS:
            raise locate_key(path, "accepts.methods", unknown_name("method", name, METHODS))
        formats = METHODS[name].formats
        if not {*formats} & {*accepted}:
            message = f"{name} makes {' and '.join(formats)} files, the target accepts {', '.join(accepted)}"
            raise locate_key(path, "accepts.methods", ConfigError(message))
    for arch in (*(target.device.arch if target.device else ()), *target.runtime.other_architectures):
        if target.runtime.python and arch not in target.runtime.packages:
            raise locate_key(path, "runtime.packages", unknown_name("architecture", arch, target.runtime.packages))
    return target


def locate_key(path: Path, key: str, error: ConfigError) -> ConfigError:
    """Return a copy of the error with file and key as its place."""
    return ConfigError(error.message, where=(path, key), hint=error.hint)


def _explain(path: Path, problem: ErrorDetails) -> ConfigError:
    """Turn a problem that pydantic reports into an error in terms of TOML."""
    place = [str(part) for part in problem["loc"]]
    key = ".".join(place)
    if problem["type"] == "extra_forbidden":
        table = _TABLES[place[0]] if len(place) > 1 else TargetFile
        keys = [field.alias or name for name, field in table.model_fields.items()]
        kind = f"key in [{place[0]}]" if len(place) > 1 else "key"
        return locate_key(path, key, unknown_name(kind, place[-1], keys))
    if problem["type"] == "missing":
        return ConfigError(f"{key} is missing", where=(path, key))
    message = _TOML_WORDS.get(problem["type"], problem["msg"].lower())
    return ConfigError(f"{key}: {message}, got {problem['input']!r}", where=(path, key))
