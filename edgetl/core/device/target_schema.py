"""One target.toml: what it may say, read strictly.

In: the path of a target.toml. Out: its tables, in which nothing is unknown or of a wrong type; or a ConfigError that
names file, key and the closest known one. Keys may be missing here: a parent can complete them (see `targets`).
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from edgetl.core.errors import ConfigError, unknown_name
from edgetl.core.formats import FormatName
from edgetl.core.methods import METHODS

NAME = "target.toml"

Positive = Annotated[int, Field(ge=1)]


def _one_line(text: str) -> str:
    """It goes into files of one line each, requirements.txt among them."""
    if not text.isprintable():
        raise PydanticCustomError("one_line", "should be one line of printable text")
    return text


Line = Annotated[str, AfterValidator(_one_line)]
# TOML has lists only, so the tuple itself is read leniently; what is in it is not.
Texts = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
Packages = Annotated[
    tuple[
        # Options, URLs and markers have no place here: the bundle writes the markers itself.
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
    """One board. `arch` as `platform.machine()` gives it there; `source` is where the rest is published."""

    arch: Texts
    cpu: str
    cores: Positive
    clock_hz: Positive
    ram_bytes: Positive
    source: str = ""


class AcceptsTable(_Table):
    """File formats the runtime reads, and conversion methods in order of preference."""

    formats: Annotated[tuple[FormatName, ...], Field(strict=False, min_length=1)]
    methods: Texts


class LimitsTable(_Table):
    """What the target itself demands; None where it demands nothing and the recipe alone decides.

    Bytes are those of the model file, milliseconds the median of the model alone on the board.
    """

    accuracy_drop: Annotated[float, Field(gt=0, lt=1)] | None = None
    model_bytes: Positive | None = None
    latency_ms: Annotated[float, Field(gt=0)] | None = None


class RuntimeTable(_Table):
    """Python versions as in ">=3.10,<3.15", and pip requirements per architecture; "any" holds for all of them.

    `systems` names operating systems that are known to fit. `accelerated` says whether the runtime has fast kernels
    (XNNPACK); where it has not, the build proves the model on the plain ones.
    """

    python: Annotated[str, Field(pattern=r"^(>=|<=|==|!=|<|>)3\.\d+(,(>=|<=|==|!=|<|>)3\.\d+)*$")]
    packages: dict[Annotated[str, Field(pattern=r"^[a-z0-9_]+$")], Packages]
    systems: Annotated[tuple[str, ...], Field(strict=False)] = ()
    accelerated: bool = True


class PayloadTable(_Table):
    """Files copied as they are: relative to the folder that declares them, or common/... next to that folder."""

    files: Annotated[tuple[str, ...], Field(strict=False)] = ()


class TargetFile(_Table):
    """Every table of a target, complete."""

    schema_number: Annotated[Literal[1], Field(alias="schema")]
    extends: str = ""
    title: Line
    summary: Line
    device: DeviceTable | None = None
    accepts: AcceptsTable
    limits: LimitsTable = LimitsTable()
    runtime: RuntimeTable
    payload: PayloadTable = PayloadTable()


# A child has its own title: inherited ones would make two targets look the same in a list.
OWN = frozenset({"schema", "extends", "title", "summary"})
_TABLES: dict[str, type[_Table]] = {
    "device": DeviceTable,
    "accepts": AcceptsTable,
    "limits": LimitsTable,
    "runtime": RuntimeTable,
    "payload": PayloadTable,
}
# pydantic speaks of Python's types, the reader of a target.toml knows TOML's.
_TOML_WORDS = {"tuple_type": "should be a list", "model_type": "should be a table", "dict_type": "should be a table"}


def read_target_file(path: Path) -> dict[str, Any]:
    """The tables as the file has them.

    Raises:
        ConfigError: not TOML, or an unknown key, a wrong type, or no title, summary or schema.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as error:
        raise ConfigError(f"the target cannot be read: {error}", where=(path,)) from error
    try:
        TargetFile.model_validate(tables)
    except ValidationError as error:
        for problem in error.errors():
            if problem["type"] != "missing" or problem["loc"][0] in OWN:
                raise _explained(path, problem) from error
    return tables


def validate_target(tables: Mapping[str, Any], path: Path) -> TargetFile:
    """A target's tables with its parents' merged under them, complete and consistent.

    Raises:
        ConfigError: a key is still missing, a method is unknown or makes no file that the target takes, or an
            architecture has no runtime.
    """
    try:
        whole = TargetFile.model_validate(tables)
    except ValidationError as error:
        raise _explained(path, error.errors()[0]) from error
    for name in whole.accepts.methods:
        if name not in METHODS:
            raise locate_key(path, "accepts.methods", unknown_name("method", name, METHODS))
        if not {*METHODS[name].formats} & {*whole.accepts.formats}:
            made = f"{name} makes {' and '.join(METHODS[name].formats)} files"
            raise locate_key(
                path, "accepts.methods", ConfigError(f"{made}, the target takes {', '.join(whole.accepts.formats)}")
            )
    for arch in whole.device.arch if whole.device else ():
        if arch not in whole.runtime.packages:
            raise locate_key(path, "runtime.packages", unknown_name("architecture", arch, whole.runtime.packages))
    return whole


def locate_key(path: Path, key: str, error: ConfigError) -> ConfigError:
    """The same error with the place it concerns."""
    return ConfigError(error.message, where=(path, key), hint=error.hint)


def _explained(path: Path, problem: ErrorDetails) -> ConfigError:
    place = [str(part) for part in problem["loc"]]
    key = ".".join(place)
    if problem["type"] == "extra_forbidden":
        table = _TABLES[place[0]] if len(place) > 1 else TargetFile
        known = [field.alias or name for name, field in table.model_fields.items()]
        return locate_key(
            path, key, unknown_name(f"key in [{place[0]}]" if len(place) > 1 else "key", place[-1], known)
        )
    if problem["type"] == "missing":
        return ConfigError(f"{key} is missing", where=(path, key))
    message = _TOML_WORDS.get(problem["type"], problem["msg"].lower())
    return ConfigError(f"{key}: {message}, got {problem['input']!r}", where=(path, key))
