"""The base class of everything that flows between stages: frozen facts, kept as JSON beside the files they describe.

Fractions are 0..1, and units are part of the name. In memory a path is absolute. On disk it is relative to the folder
of its JSON file, so that a run folder can be moved.
"""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, SerializationInfo, ValidationInfo


def _make_absolute(path: Path, info: ValidationInfo) -> Path:
    return info.context["folder"] / path if info.context else path


def _make_relative(path: Path, info: SerializationInfo) -> str:
    return str(path.relative_to(info.context["folder"]) if info.context else path)


PathInside = Annotated[Path, AfterValidator(_make_absolute), PlainSerializer(_make_relative, return_type=str)]


class Record(BaseModel):
    """A frozen, keyword-only set of facts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def contents(self) -> dict[Path, str]:
        """Map the files that this record describes to their sha256."""
        return {}

    def key(self) -> object:
        """Return all fields but paths, for the fingerprint of a stage: a file is known by its sha256, not its place."""
        fields = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: value for name, value in fields if not isinstance(value, Path)}

    def to_json(self, folder: Path) -> dict[str, Any]:
        """Dump the record as JSON values, paths relative to `folder`."""
        return self.model_dump(mode="json", context={"folder": folder})

    @classmethod
    def from_json(cls, value: object, folder: Path) -> Self:
        """Read a record back, with paths inside `folder`."""
        return cls.model_validate(value, context={"folder": folder}, strict=False)
