"""The options of a sweep → what is compared: an order for each candidate, the limits, and the folder."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, cast

from edgetl.core.device.targets import Target, find_target
from edgetl.core.errors import ConfigError, unknown_name
from edgetl.core.recipe.tables import Recipe
from edgetl.core.run.run_folder import make_folder_name
from edgetl.core.storage.files import read_json, write_json
from edgetl.core.sweep.latency_source import LatencySource, find_latency_source
from edgetl.core.sweep.space import (
    SweepCandidate,
    choose_networks,
    choose_sides,
    list_sweep_candidates,
    parse_bytes,
    parse_duration,
    parse_networks,
    parse_sides,
    read_space,
)
from edgetl.pipeline.options import BuildOptions, SweepOptions
from edgetl.pipeline.order import Order
from edgetl.pipeline.orders import make_order, resolve_order_recipe
from edgetl.pipeline.runs.folders import choose_run_folder

_PARENT = Path("edgetl-runs")
_FILE = "plan.json"
_PREFERENCES = ("latency", "bytes")


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepPlan:
    """What a sweep compares.

    Attributes:
        orders: candidate → the order of its build, in the order of the space.
        target: the target.
        device: ssh name of the device that is measured; "" for this machine.
        limit_ms: largest latency; None for no limit.
        limit_bytes: largest file; None for no limit.
        budget_s: seconds for fine-tuning; None for no limit.
        prefer: which of the candidates that are not certainly worse is chosen.
    """

    orders: dict[SweepCandidate, Order]
    target: Target
    device: str = ""
    limit_ms: float | None = None
    limit_bytes: int | None = None
    budget_s: float | None = None
    prefer: Literal["latency", "bytes"] = "latency"

    @property
    def latency(self) -> LatencySource:
        """Where latencies come from."""
        return find_latency_source(self.target, self.device)

    @property
    def order(self) -> Order:
        """The order of the first candidate: all have the same photos."""
        return next(iter(self.orders.values()))

    def describe_limits(self) -> str:
        """Return the limits in words; "" for none."""
        limits = [
            *([f"{self.limit_ms:g} ms"] if self.limit_ms is not None else []),
            *([f"{self.limit_bytes} bytes"] if self.limit_bytes is not None else []),
        ]
        return " and ".join(limits)


def make_sweep_plan(options: SweepOptions) -> SweepPlan:
    """Make the plan that the options describe.

    Raises:
        ConfigError: an option that is out of range, or a network without the requested weights.
        DataError: the photos are not a folder of photos.
    """
    if options.prefer not in _PREFERENCES:
        raise unknown_name("--prefer", options.prefer, _PREFERENCES)
    if options.budget and options.cluster != "local":
        raise ConfigError(
            "--budget counts the seconds of one machine, and --cluster trains on several at once",
            hint="leave out --budget, and compare fewer networks with --bases and --sides",
        )
    if options.limit_ms is not None and not options.limit_ms > 0:
        raise ConfigError(f"--limit-ms is above 0, not {options.limit_ms:g}")
    budget_s = parse_duration(options.budget) if options.budget else None
    limit_bytes = parse_bytes(options.limit_bytes) if options.limit_bytes else None
    orders = {candidate: make_order(_make_build_options(options, candidate)) for candidate in _list_space(options)}
    first = next(iter(orders.values()))
    _check_recipe(first.recipe)
    target = first.targets[0]
    _check_latency(target, options)
    # The limit of a target is one of its board.
    limit_ms = options.limit_ms if options.limit_ms is not None or not options.device else target.limits.latency_ms
    return SweepPlan(
        orders=orders,
        target=target,
        device=options.device,
        limit_ms=limit_ms,
        limit_bytes=target.limits.model_bytes if limit_bytes is None else limit_bytes,
        budget_s=budget_s,
        prefer=cast(Literal["latency", "bytes"], options.prefer)
        if find_latency_source(target, options.device).kind != "none"
        else "bytes",
    )


def choose_sweep_folder(plan: SweepPlan, out: Path | None) -> Path:
    """Return the folder of a sweep: that of --out, or one in edgetl-runs named after photos and target.

    Raises:
        ConfigError: the folder is inside the photos.
    """
    photos = plan.order.photos
    name = photos.resolve().name.removesuffix(".csv") if photos else "digits"
    root = out or _PARENT / make_folder_name("sweep", name, plan.target.id)
    return choose_run_folder(plan.order, root).root


def keep_sweep_plan(plan: SweepPlan, root: Path, *, overwrite: bool) -> None:
    """Write what all candidates share into the folder of a sweep. Other networks and limits continue a sweep.

    Raises:
        ConfigError: the folder has a sweep of other photos, another target or recipe, and `overwrite` is False.
    """
    recipe = plan.order.recipe.tables()
    shared = {
        "photos": str(plan.order.photos.absolute()) if plan.order.photos else "",
        "test": str(plan.order.test.absolute()) if plan.order.test else "",
        "exclude": str(plan.order.exclude.absolute()) if plan.order.exclude else "",
        "target": plan.target.id,
        "recipe": {name: table for name, table in recipe.items() if name != "base"},
        "weights": plan.order.recipe.base.weights,
        "pooling": plan.order.recipe.base.pooling,
    }
    path = root / _FILE
    hint = "add --overwrite to replace what was trained there, or choose another folder with --out"
    if path.exists() and not overwrite:
        before = read_json(path, hint=hint)
        changes = [name for name, value in shared.items() if before.get(name) != value]
        if changes:
            raise ConfigError(f"the folder has a sweep with other {', '.join(changes)}", where=(root,), hint=hint)
    write_json(path, shared)


def _check_latency(target: Target, options: SweepOptions) -> None:
    """Check that a latency that the options name is known.

    Raises:
        ConfigError: a device that runs no program from here, or a limit on an unknown latency.
    """
    if options.device and not target.runtime.python:
        raise ConfigError(
            f"--device {options.device}: a device of target {target.id} has no Python, so that no program can measure "
            "it from here",
            hint="leave out --device: the networks are compared by what is known of their latency",
        )
    if options.limit_ms is not None and find_latency_source(target, options.device).kind == "none":
        raise ConfigError(
            f"--limit-ms {options.limit_ms:g}: nothing is known about the latency of networks on target {target.id}",
            hint="leave it out; --limit-bytes limits the size of the file",
        )


def _check_recipe(recipe: Recipe) -> None:
    """Check that all candidates can be trained and compared by a recipe.

    Raises:
        ConfigError: names what a sweep does not take.
    """
    if recipe.contract.measure == "balanced":
        raise ConfigError(
            "a sweep compares accuracies, and the recipe has a contract on balanced accuracy",
            hint="leave it out of the recipe; edgetl build --contract balanced judges the chosen network by it",
        )
    if recipe.teacher.source:
        raise ConfigError(
            f"a sweep trains without a teacher, and the recipe has {recipe.teacher.source}",
            hint="leave [teacher] out of the recipe, and build the chosen network with edgetl build --teacher",
        )
    if recipe.training.time_budget:
        raise ConfigError(
            "a time budget is for one training: networks would be compared after different numbers of epochs",
            hint="leave time_budget out of the recipe, and limit the time of all trainings together with --budget",
        )


def _list_space(options: SweepOptions) -> tuple[SweepCandidate, ...]:
    if options.space is not None:
        if options.bases or options.sides:
            raise ConfigError("--space has both bases and sides", hint="leave out --bases and --sides, or --space")
        return read_space(options.space)
    recipe = resolve_order_recipe(_make_build_options(options, None), ())
    networks = parse_networks(options.bases) if options.bases else choose_networks(recipe.base.weights)
    target = find_target(options.target, options.target_dir or ())
    return list_sweep_candidates(networks, parse_sides(options.sides) if options.sides else choose_sides(target))


def _make_build_options(options: SweepOptions, candidate: SweepCandidate | None) -> BuildOptions:
    """Return the options of the build of a candidate; without one, those of the default network."""
    names = {field.name for field in fields(BuildOptions)} - {"target", "prefer"}
    shared: dict[str, Any] = {
        field.name: getattr(options, field.name) for field in fields(options) if field.name in names
    }
    if candidate is not None:
        shared |= {"base": candidate.base, "alpha": candidate.alpha, "side": candidate.side_px}
    return BuildOptions(**shared, target=[options.target])
