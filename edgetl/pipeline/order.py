"""What was asked for → order.json in the run folder, and back: photos, targets, recipe, method."""

from dataclasses import dataclass
from pathlib import Path

from edgetl.core.device import targets
from edgetl.core.device.targets import Target
from edgetl.core.errors import ConfigError
from edgetl.core.recipe import Recipe, parse_recipe
from edgetl.core.runs import read_json, write_json

_RUN_HINT = "give the folder that edgetl build wrote"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What was asked for. No photos: the embedded digits. No method: of each target's, the first within the limit.

    One model is trained for all `targets`; there is at least one, and no two have the same id.
    """

    photos: Path | None
    targets: tuple[Target, ...]
    recipe: Recipe
    method: str = ""
    all_methods: bool = False

    def target(self, id: str = "") -> Target:  # noqa: A002  (a target's id is called id everywhere)
        """The target of that id; without one, the only target.

        Raises:
            ConfigError: none of that id, or several to choose from.
        """
        ids = [target.id for target in self.targets]
        if id in ids:
            return self.targets[ids.index(id)]
        if id:
            raise ConfigError(f"the run was not built for target {id!r}", hint=f"it was built for {', '.join(ids)}")
        if len(ids) > 1:
            hint = f"say which, as in --target {ids[0]}"
            raise ConfigError(f"the run was built for several targets: {', '.join(ids)}", hint=hint)
        return self.targets[0]

    def save(self, root: Path) -> None:
        """Keep the order in the run folder, for `Order.of`."""
        photos = str(self.photos.absolute()) if self.photos else ""
        folders = [one.source.parent.parent for one in self.targets]
        # Where the installation lies may change: its own targets are found wherever that is.
        kept = ["" if folder == targets.locate_shipped_targets().resolve() else str(folder) for folder in folders]
        write_json(
            root / "order.json",
            {
                "photos": photos,
                "targets": [{"id": one.id, "folder": kept[place]} for place, one in enumerate(self.targets)],
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
            if not kept["targets"]:
                raise KeyError("targets")
            return cls(
                photos=Path(kept["photos"]) if kept["photos"] else None,
                targets=tuple(
                    targets.find_target(one["id"], [Path(one["folder"] or targets.locate_shipped_targets())])
                    for one in kept["targets"]
                ),
                recipe=parse_recipe(kept["recipe"], str(path)),
                method=kept["method"],
                all_methods=kept["all_methods"],
            )
        except (KeyError, TypeError) as error:
            raise ConfigError(f"not an order of a build: {error}", where=(path,), hint=_RUN_HINT) from error
