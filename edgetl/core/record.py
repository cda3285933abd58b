"""The base class of the records that flow between stages: frozen, and kept as JSON beside the files they describe.

Fractions are 0..1, and names contain units. In memory, paths are absolute. On disk, they are relative to the folder of
the JSON file, so that a run folder can be moved.
"""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, SerializationInfo, ValidationInfo


def _make_absolute(path: Path, info: ValidationInfo) -> Path:
    if not info.context:
        return path
    # The JSON file may have been sent by somebody: it must not make a file elsewhere a part of the run.
    if path.is_absolute() or ".." in path.parts:
        raise ValueError("the path leads out of the folder of its record")
    folder: Path = info.context["folder"]
    return folder / path


def _make_relative(path: Path, info: SerializationInfo) -> str:
    return str(path.relative_to(info.context["folder"]) if info.context else path)


# A path inside the folder of the record's JSON file. Plain paths, such as the folder of the user's photos, stay as is.
PathInside = Annotated[Path, AfterValidator(_make_absolute), PlainSerializer(_make_relative, return_type=str)]


class Record(BaseModel):
    """A frozen record with keyword arguments only. Unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def contents(self) -> dict[Path, str]:
        """Map the files that this record describes to their sha256."""
        return {}

    def key(self) -> object:
        """Return all fields except paths, for the fingerprint of a stage.

        A file is identified by its sha256, which is another field of the record, and not by its place.
        """
        fields = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: value for name, value in fields if not isinstance(value, Path)}

    def to_json(self, folder: Path) -> dict[str, Any]:
        """Convert the record to JSON values, with paths relative to `folder`.

        Raises:
            PydanticSerializationError: a file is outside of `folder`.
        """
        return self.model_dump(mode="json", context={"folder": folder})

    @classmethod
    def from_json(cls, value: object, folder: Path) -> Self:
        """Convert JSON values to a record, with paths inside `folder`.

        Raises:
            ValidationError: missing or unknown fields, values of a wrong type, or a path that leads out of `folder`.
        """
        # JSON has neither tuples nor paths: a list and a string must be accepted for them.
        return cls.model_validate(value, context={"folder": folder}, strict=False)
