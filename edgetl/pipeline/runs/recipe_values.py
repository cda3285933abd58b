"""An order and what was made from it → its options and facts as text, for tables that compare runs and for tracking."""

from edgetl.core.report_page.facts import RunFacts
from edgetl.pipeline.options import BuildOptions, map_options
from edgetl.pipeline.order import Order

_DIGITS = "the embedded digits"
# An order has them as they were typed, and two folders may have the same photos.
_SHA256_LENGTH = 12


def flatten_order(order: Order) -> dict[str, str]:
    """Return the value of every option of a build: the name of the option without dashes, or table.key without one."""
    names = map_options(BuildOptions)
    values = {
        "photos": str(order.photos or _DIGITS),
        "test": str(order.test or ""),
        "exclude": str(order.exclude or ""),
        "foreign": str(order.foreign or ""),
        "target": " ".join(target.id for target in order.targets),
        "method": order.method,
        "all-methods": _format_value(order.all_methods),
        "prefer": order.prefer,
        "cross-fit": _format_value(order.cross_fit),
    }
    for table, keys in order.recipe.tables().items():
        for key, value in keys.items():
            values[names.get((table, key), f"--{table}.{key}").removeprefix("--")] = _format_value(value)
    return {name: value or "none" for name, value in values.items()}


def list_run_facts(run: RunFacts) -> dict[str, str]:
    """Return what a run was made from, beside its order: the photos in it, and the versions of libraries."""
    parts = {name: len(run.dataset.part(name)) for name in ("train", "validation", "test")}
    return {
        "photos, sha256": run.dataset.sha256[:_SHA256_LENGTH],
        "photos in parts": ", ".join(f"{count} {name}" for name, count in parts.items()),
        "classes": str(len(run.classes)),
        **{f"{name}, version": version for name, version in sorted(run.results.versions.items())},
    }


def _format_value(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return " ".join(map(_format_value, value))
    return "" if value is None else str(value)
