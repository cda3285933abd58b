"""The commands that list what is available: bases, methods, targets, recipe, doctor. They run no stage."""

import json

import typer

from edgetl.cli.app import app
from edgetl.cli.options import JsonOption, RecipeCommand, TargetsCommand
from edgetl.cli.parameters import add_command


@add_command(app, "bases")
def _list_bases(options: JsonOption) -> None:
    """List the networks that can be fine-tuned."""
    from dataclasses import asdict

    from edgetl.cli import output
    from edgetl.core.network.base_table import BASES

    # Eighty columns have no room for all values of a base: --json has them.
    rows = [
        [
            base.name,
            f"{base.published_top1:.1%}",
            f"{base.parameters / 1e6:.1f}",
            f"{base.default_side_px}",
            f"{base.smallest_side_px}",
            base.weights_licence,
            " ".join(f"{alpha:g}" for alpha in base.alphas),
        ]
        for base in BASES.values()
    ]
    columns = ["base", "top-1", "weights", "side", "min", "licence", "alphas"]
    title = "top-1 on ImageNet at alpha 1, weights in millions, default and smallest side in pixels"
    records = [asdict(base) for base in BASES.values()]
    output.print_table(records, columns, rows, as_json=options.as_json, title=title)
    if not options.as_json:
        output.print_shipped_weights(BASES.values())


@add_command(app, "methods")
def _list_methods(options: JsonOption) -> None:
    """List the methods of conversion."""
    from dataclasses import asdict

    from edgetl.cli import output
    from edgetl.core.methods import METHODS

    rows = [
        [method.name, method.weights, method.activations, "yes" if method.calibrated else "no", method.summary]
        for method in METHODS.values()
    ]
    columns = ["method", "weights", "activations", "calibrated", "summary"]
    output.print_table([asdict(method) for method in METHODS.values()], columns, rows, as_json=options.as_json)


@add_command(app, "targets")
def _list_targets(options: TargetsCommand) -> None:
    """List the targets that a model can be built for, or show one."""
    from edgetl.cli import output
    from edgetl.core.device.targets import find_target, list_targets
    from edgetl.core.report.tables import tabulate_target

    folders = options.target_dir or ()
    if options.name is not None:
        target = find_target(options.name, folders)
        rows = tabulate_target(target)
        output.print_table(target.model_dump(mode="json"), ["key", "value"], rows, as_json=options.as_json)
        return
    targets = list_targets(folders)
    # The methods of a target are in its own table.
    rows = [[target.id, " ".join(target.accepts.formats), target.summary] for target in targets]
    columns = ["target", "formats", "summary"]
    records = [target.model_dump(mode="json") for target in targets]
    output.print_table(records, columns, rows, as_json=options.as_json)


@add_command(app, "recipe")
def _print_recipe(options: RecipeCommand) -> None:
    """Print the resolved recipe as TOML, to be edited and used with --recipe."""
    from edgetl.core.recipe.resolve import format_recipe, resolve_recipe
    from edgetl.pipeline.options import collect_tables, map_options
    from edgetl.pipeline.orders import check_utf8

    check_utf8(options)
    resolved = resolve_recipe(options.recipe or "default", collect_tables(options), names=map_options(type(options)))
    print(json.dumps(resolved.tables(), indent=1) if options.as_json else format_recipe(resolved).rstrip("\n"))


@add_command(app, "doctor")
def _check_machine(options: JsonOption) -> None:
    """Check this machine: system, Python, packages, GPU, cache, XNNPACK."""
    from edgetl.cli import output
    from edgetl.pipeline.workspace import open_workspace

    # The libraries print to stdout and stderr, already when they are imported: the workspace sends that to a log.
    with open_workspace(None, quiet=False) as (_, console), console.wait("check this machine"):
        from edgetl.stages.doctor import check_machine

        findings = check_machine()
    rows = [[finding.subject, "ok" if finding.ok else "PROBLEM", finding.detail] for finding in findings]
    records = [finding.model_dump() for finding in findings]
    output.print_table(records, ["check", "state", "detail"], rows, as_json=options.as_json)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(2)
