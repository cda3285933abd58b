"""A finished run → tools that track experiments: `--log mlflow` stores its metrics, parameters, tags and files."""

from importlib.util import find_spec

from edgetl.core.errors import MissingPackage, unknown_name
from edgetl.core.tracking.stored_run import StoredRun
from edgetl.core.tracking.tracked_run import TrackedRun, format_parameter, make_tracked_run
from edgetl.pipeline import stages
from edgetl.pipeline.context import Context
from edgetl.pipeline.order import RECIPE_FILE, Order
from edgetl.pipeline.pages.report import PAGE_FILE, read_run

# Tool → what must be installed for it. MLflow stores in a database by default, and imports these two for that.
_TOOLS = {"mlflow": ("mlflow", "sqlalchemy", "alembic")}


def check_tool(name: str) -> None:
    """Check that results can be given to a tool, before a build that takes hours.

    Args:
        name: the value of --log; "" for no tool.

    Raises:
        ConfigError: no tool of this name.
        MissingPackage: it is not installed.
    """
    if not name:
        return
    if name not in _TOOLS:
        raise unknown_name("tool for --log", name, _TOOLS)
    missing = [package for package in _TOOLS[name] if find_spec(package) is None]
    if missing:
        raise MissingPackage(
            f"--log {name} needs packages that are not installed: {', '.join(missing)}",
            hint=f"pip install 'edgetl[{name}]'",
        )


def log_results(context: Context, name: str) -> tuple[StoredRun, ...]:
    """Give the results of a finished run to a tool, a run of the tool for each target.

    Args:
        context: of the run, with its report.
        name: the value of --log; "" for no tool.

    Raises:
        ConfigError: no such tool, or the run is not finished.
        MissingPackage: the tool is not installed.
        StageError: the tool refused the results, or a file of the run is damaged.
    """
    check_tool(name)
    if not name:
        return ()
    with context.console.wait(f"store the results with {name}"):
        return tuple(stages.mlflow_store.store_run(tracked) for tracked in _read_tracked(context))


def _read_tracked(context: Context) -> list[TrackedRun]:
    run, targets = read_run(context, pictures=False)
    several = len(targets) > 1
    root, output = context.run.root, context.run.output
    recipe = context.order.recipe.tables()
    tracked = []
    for target in targets:
        chart = f"methods-{target.result.target}.svg" if several else "methods.svg"
        files = (output / PAGE_FILE, root / chart, root / RECIPE_FILE)
        existing = tuple(path for path in files if path.is_file())
        tracked.append(make_tracked_run(run, target, recipe, _list_options(context.order), existing))
    return tracked


def _list_options(order: Order) -> dict[str, str]:
    """List the options of a build that are not in its recipe."""
    options = {
        "photos": order.photos,
        "test": order.test,
        "exclude": order.exclude,
        "foreign": order.foreign,
    }
    paths = {name: str(path) for name, path in options.items() if path is not None}
    others = {
        "method": order.method,
        "all_methods": order.all_methods,
        "prefer": order.prefer,
        "cross_fit": order.cross_fit,
    }
    return {**paths, **{name: format_parameter(value) for name, value in others.items() if value}}
