"""The order of a build: photos, targets, recipe and method. It is kept as order.json in the run folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgetl.core.device import target_search, targets
from edgetl.core.device.targets import Target
from edgetl.core.errors import ConfigError
from edgetl.core.evaluation.objective import Objective, find_objective
from edgetl.core.photos.remote.photo_url import locate_mirror, read_photo_url
from edgetl.core.recipe.resolve import format_recipe, parse_recipe
from edgetl.core.recipe.tables import Recipe
from edgetl.core.storage.files import read_json, write_json, write_text

# For the option --recipe: values that no other option sets are in this file.
RECIPE_FILE = "recipe.toml"
ORDER_FILE = "order.json"
_HINT = "give the folder that edgetl build wrote"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What to build. One model is trained for all targets.

    Attributes:
        photos: folder of photos; None for the embedded digits.
        targets: at least one, no two with the same id.
        recipe: how to train and judge.
        method: the pinned conversion method; "" for each target's own choice.
        all_methods: whether every method is made and scored.
        prefer: what a file is chosen by; "" for the objective of each target.
        test: folder of test photos; None where they are drawn from `photos`.
        cross_fit: number of folds that judge the procedure; 0 for none.
        foreign: folder of photos of other things, which nothing is fitted to; None without.
        exclude: CSV file of photos that are not used; None for none.
        source: the URL that `photos` is the mirror of; "" for a folder of this machine.
    """

    photos: Path | None
    targets: tuple[Target, ...]
    recipe: Recipe
    method: str = ""
    all_methods: bool = False
    prefer: Objective | Literal[""] = ""
    test: Path | None = None
    cross_fit: int = 0
    foreign: Path | None = None
    exclude: Path | None = None
    source: str = ""

    def name_photos(self, place: Path | str) -> str:
        """Return a place as the user names it: where it is in the mirror of a URL, its URL."""
        text, mirror = str(place), str(self.photos)
        if not self.source or not f"{text}/".startswith(f"{mirror}/"):
            return text
        return self.source + text.removeprefix(mirror)

    def find_target(self, target_id: str = "") -> Target:
        """Return the target of that id; without an id, the only target.

        Raises:
            ConfigError: no target of that id, or several to choose from.
        """
        ids = [target.id for target in self.targets]
        if target_id in ids:
            return self.targets[ids.index(target_id)]
        if target_id:
            raise ConfigError(
                f"the run was not built for target {target_id!r}", hint=f"it was built for {', '.join(ids)}"
            )
        if len(ids) > 1:
            hint = f"name one of them, as in --target {ids[0]}"
            raise ConfigError(f"the run was built for several targets: {', '.join(ids)}", hint=hint)
        return self.targets[0]


def save_order(order: Order, root: Path) -> None:
    """Write the order into the run folder, and its recipe as a file for --recipe."""
    shipped = target_search.locate_shipped_targets().resolve()
    folders = [target.source.parent.parent for target in order.targets]
    write_json(
        root / ORDER_FILE,
        {
            # Absolute: the next command may be started in another folder.
            "photos": str(order.photos.absolute()) if order.photos else "",
            **({"source": order.source} if order.source else {}),
            "test": str(order.test.absolute()) if order.test else "",
            "foreign": str(order.foreign.absolute()) if order.foreign else "",
            "exclude": str(order.exclude.absolute()) if order.exclude else "",
            # No path for shipped targets: the run must be readable with another installation of edgetl.
            "targets": [
                {"id": target.id, "folder": "" if folder == shipped else str(folder)}
                for target, folder in zip(order.targets, folders, strict=True)
            ],
            "recipe": order.recipe.tables(),
            "method": order.method,
            "all_methods": order.all_methods,
            "prefer": order.prefer,
            "cross_fit": order.cross_fit,
        },
    )
    write_text(root / RECIPE_FILE, format_recipe(order.recipe))


def load_order(root: Path) -> Order:
    """Read the order of a run folder.

    Raises:
        ConfigError: the folder is not a run folder of edgetl.
    """
    path = root / ORDER_FILE
    if not path.exists():
        reason = "does not exist" if not root.exists() else "is not a run folder: it has no order.json"
        raise ConfigError(f"the folder {reason}", where=(root,), hint=_HINT)
    value = read_json(path, hint=_HINT)
    try:
        if not value["targets"]:
            raise KeyError("targets")
        if not isinstance(value["method"], str) or not isinstance(value["all_methods"], bool):
            raise TypeError("method or all_methods is of another type")
        if not isinstance(value["photos"], str) or "\0" in value["photos"]:
            raise TypeError("photos is no path")
        source = read_photo_url(value.get("source", ""))
        return Order(
            # The mirror of a URL is in the cache of this machine, and not in that of the machine of the build.
            photos=locate_mirror(source) if source else Path(value["photos"]) if value["photos"] else None,
            targets=tuple(
                targets.find_target(row["id"], [Path(row["folder"] or target_search.locate_shipped_targets())])
                for row in value["targets"]
            ),
            recipe=parse_recipe(value["recipe"], str(path)),
            method=value["method"],
            all_methods=value["all_methods"],
            # Orders of earlier versions have no preference.
            prefer=find_objective(value["prefer"]) if value.get("prefer") else "",
            test=Path(value["test"]) if value.get("test") else None,
            cross_fit=value.get("cross_fit", 0),
            foreign=Path(value["foreign"]) if value.get("foreign") else None,
            exclude=Path(value["exclude"]) if value.get("exclude") else None,
            source=source,
        )
    # ValueError: a folder whose name is no path.
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"not an order of a build: {error}", where=(path,), hint=_HINT) from error


def has_order(root: Path) -> bool:
    """Return whether a folder contains an order."""
    return (root / ORDER_FILE).is_file()
