"""The base class of the tables of a recipe."""

from pydantic import BaseModel, ConfigDict


class RecipeTable(BaseModel):
    """A frozen table of a recipe. Unknown keys, values of a wrong type, and infinite numbers are errors."""

    # strict, because TOML has types: "0.5" and true are not numbers. Integers are accepted for floats.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def key(self) -> object:
        """Return all values, for the fingerprint of a stage."""
        return self.model_dump(mode="json")
