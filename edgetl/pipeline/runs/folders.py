"""The run folder of a build: that of --out, or one in edgetl-runs with a name of its own for every order.

Trained models are not replaced by accident: a folder with another build needs --overwrite.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count, takewhile
from pathlib import Path

from edgetl.core.errors import ConfigError
from edgetl.core.run.lock import is_locked
from edgetl.core.run.run_folder import make_folder_name
from edgetl.pipeline import workspace
from edgetl.pipeline.context import Context
from edgetl.pipeline.order import Order, has_order, load_order, save_order
from edgetl.pipeline.runs.differences import has_trained, list_changes, list_losses

_PARENT = Path("edgetl-runs")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunChoice:
    """The run folder of a build.

    Attributes:
        root: the folder.
        note: which folder it is, and why, for the user; "" where the user named it and nothing is replaced.
    """

    root: Path
    note: str = ""


@contextmanager
def open_build(order: Order, out: Path | None, *, overwrite: bool, quiet: bool) -> Iterator[Context]:
    """Yield the context of an order in its run folder, and say which folder it is.

    Args:
        order: what to build.
        out: the run folder; None for one in edgetl-runs.
        overwrite: whether trained models of another build in the folder may be replaced.
        quiet: whether the console shows warnings and errors only.

    Raises:
        ConfigError: see `choose_run_folder` and `open_context`.
    """
    choice = choose_run_folder(order, out, overwrite=overwrite)
    with workspace.open_context(order, choice.root, quiet=quiet) as context:
        if choice.note:
            context.console.say(choice.note)
        yield context


@contextmanager
def open_training(order: Order, out: Path | None, *, overwrite: bool, quiet: bool) -> Iterator[Context]:
    """Yield the context of an order that is only trained, as `open_build` does, and write the order into the folder.

    The run folder may contain a build: convert and bundle must still know its targets and methods after the training.
    """
    choice = choose_run_folder(continue_order(order, out) if out else order, out, overwrite=overwrite)
    continued = continue_order(order, choice.root)
    with workspace.open_context(continued, choice.root, quiet=quiet) as context:
        if choice.note:
            context.console.say(choice.note)
        save_order(continued, context.run.root)
        yield context


def choose_run_folder(order: Order, out: Path | None, *, overwrite: bool = False) -> RunChoice:
    """Choose the run folder of an order.

    Without `out`, it is the folder of the same order, so that a build continues there; if there is none, a new one.

    Raises:
        ConfigError: the folder is inside the photos, or it contains another build and `overwrite` is False.
    """
    if out is None:
        choice = _find_default_folder(order, overwrite=overwrite)
    else:
        choice = RunChoice(root=out, note=_check_folder(order, out, overwrite=overwrite))
    # The next scan of the photos would find the files of the run.
    for photos in (order.photos, order.test, order.foreign):
        if photos and choice.root.resolve().is_relative_to(photos.resolve()):
            hint = "give a folder elsewhere with --out: nothing is written among photos"
            raise ConfigError("the run folder would be inside the photos", where=(choice.root, photos), hint=hint)
    return choice


def continue_order(order: Order, root: Path) -> Order:
    """Return an order to train in a run folder; where it contains a build, its targets and methods are kept."""
    before = read_order(root)
    if before is None:
        return order
    later_tables = {name: getattr(before.recipe, name) for name in ("contract", "convert", "retrain", "answers")}
    return replace(
        order,
        targets=before.targets,
        recipe=order.recipe.model_copy(update=later_tables),
        method=before.method,
        all_methods=before.all_methods,
        prefer=before.prefer,
        cross_fit=before.cross_fit,
        foreign=before.foreign,
    )


def record_order(order: Order, root: Path) -> None:
    """Write the order into the run folder. Targets of the same trained model that were built before are kept in it."""
    before = read_order(root)
    if before is not None and not list_losses(before, order, root):
        ids = {target.id for target in order.targets}
        earlier = tuple(target for target in before.targets if target.id not in ids)
        if has_trained(root):
            order = replace(order, targets=(*order.targets, *earlier))
    save_order(order, root)


def read_order(root: Path) -> Order | None:
    """Return the order of a run folder; None if there is none, or it cannot be read."""
    try:
        return load_order(root) if has_order(root) else None
    # Of another version of edgetl, edited by hand, or for a target that was deleted. `choose_run_folder` reports it.
    except ConfigError:
        return None


def _check_folder(order: Order, root: Path, *, overwrite: bool) -> str:
    """Return what the order replaces in a folder, in words.

    Raises:
        ConfigError: it would replace something, and `overwrite` is False.
    """
    if not has_order(root):
        return ""
    before = read_order(root)
    if before is not None:
        losses = list_losses(before, order, root)
    else:
        losses = ["its order cannot be read"] if has_trained(root) else []
    if losses and not overwrite:
        raise ConfigError(
            f"the run folder contains another build: {', '.join(losses)}",
            where=(root,),
            hint="add --overwrite to replace what was trained there, or choose another folder with --out",
        )
    return f"run folder {root}: {', '.join(losses)}" if losses else ""


def _find_default_folder(order: Order, *, overwrite: bool) -> RunChoice:
    """Find the folder of an order in edgetl-runs: the one that it was built in, or the first that is free."""
    name = _name_folder(order)
    roots = (_PARENT / (name if number == 1 else f"{name}-{number}") for number in count(1))
    existing = tuple(takewhile(Path.exists, roots))
    others: dict[Path, str] = {}
    for root in existing:
        if not has_order(root):
            return RunChoice(root=root, note=_explain_choice(root, others))
        before = read_order(root)
        if before is None:
            others[root] = "an order that cannot be read"
            continue
        changes = list_changes(before, order, root) or list_losses(before, order, root)
        if not changes:
            return RunChoice(root=root, note=_explain_choice(root, others))
        others[root] = ", ".join(changes)
    for root, difference in others.items():
        # What was never trained is not lost, unless another process is training it.
        if overwrite or not (has_trained(root) or is_locked(root)):
            return RunChoice(root=root, note=f"run folder {root}: {difference}")
    root = _PARENT / (f"{name}-{len(existing) + 1}" if existing else name)
    return RunChoice(root=root, note=_explain_choice(root, others))


def _name_folder(order: Order) -> str:
    """Return a name from photos and network."""
    base, external = order.recipe.base, order.recipe.external.path
    network = (Path(external).stem,) if external else (base.name, f"{base.alpha:g}", base.side_px)
    photos = order.photos.resolve().name.removesuffix(".csv") if order.photos else "digits"
    return make_folder_name(photos, *network)


def _explain_choice(root: Path, others: Mapping[Path, str]) -> str:
    """Say which folder is used, and how the order differs from those in the folders before it."""
    reasons = "; ".join(f"{other} differs: {difference}" for other, difference in others.items())
    return f"run folder {root}" + (f" ({reasons})" if reasons else "")
