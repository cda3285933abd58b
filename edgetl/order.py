"""What was asked for → order.json in the run folder, and back: photos, target, recipe, method."""

from dataclasses import dataclass
from pathlib import Path

from edgetl.core import targets
from edgetl.core.errors import ConfigError
from edgetl.core.recipe import Recipe, from_tables
from edgetl.core.runs import read_json, write_json
from edgetl.core.targets import Target

_RUN_HINT = "give the folder that edgetl build wrote"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What was asked for. No photos: the embedded digits. No method: the first of the target's within the limit."""

    photos: Path | None
    target: Target
    recipe: Recipe
    method: str = ""
    all_methods: bool = False

    def save(self, root: Path) -> None:
        """Keep the order in the run folder, for `Order.of`."""
        photos = str(self.photos.absolute()) if self.photos else ""
        folders = str(self.target.source.parent.parent)
        write_json(
            root / "order.json",
            {
                "photos": photos,
                "target": self.target.id,
                "target_dir": folders,
                "recipe": self.recipe.tables(),
                "method": self.method,
                "all_methods": self.all_methods,
            },
        )

    @classmethod
    def of(cls, root: Path) -> "Order":
        """The order that made a run folder.

        Raises:
            ConfigError: the folder is no run of edgetl's.
        """
        path = root / "order.json"
        kept = read_json(path, hint=_RUN_HINT)
        try:
            return cls(
                photos=Path(kept["photos"]) if kept["photos"] else None,
                target=targets.find(kept["target"], [Path(kept["target_dir"])]),
                recipe=from_tables(kept["recipe"], str(path)),
                method=kept["method"],
                all_methods=kept["all_methods"],
            )
        except (KeyError, TypeError) as error:
            raise ConfigError(f"not an order of a build: {error}", where=(path,), hint=_RUN_HINT) from error
