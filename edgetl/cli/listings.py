"""The commands that list things: bases, methods, targets, recipe, doctor."""

import json

import typer

from edgetl.cli.app import app
from edgetl.cli.options import JsonOption, RecipeCommand, TargetsCommand
from edgetl.cli.parameters import add_command


@add_command(app)
def bases(options: JsonOption) -> None:
    """List the networks that can be fine-tuned."""
    from dataclasses import asdict

    from edgetl.cli import output
    from edgetl.core.network.base_table import BASES

    rows = [
        [
            base.name,
            f"{base.parameters / 1e6:.1f} M",
            f"{base.published_top1:.1%}",
            f"{base.default_side_px}",
            f"{base.smallest_side_px}",
            base.scaling,
            base.weights_licence,
            "yes" if base.qat else "no",
            " ".join(f"{alpha:g}" for alpha in base.alphas),
        ]
        for base in BASES.values()
    ]
    columns = ["base", "parameters", "top-1", "side", "least", "scaling", "licence", "QAT", "alphas"]
    output.print_table([asdict(base) for base in BASES.values()], columns, rows, as_json=options.as_json)
    if not options.as_json:
        output.print_shipped_weights(BASES.values())


@add_command(app)
def methods(options: JsonOption) -> None:
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


@add_command(app)
def targets(options: TargetsCommand) -> None:
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
    found = list_targets(folders)
    rows = [
        [target.id, " ".join(target.accepts.formats), " ".join(target.accepts.methods), target.summary]
        for target in found
    ]
    columns = ["target", "formats", "methods, preferred first", "summary"]
    output.print_table([target.model_dump(mode="json") for target in found], columns, rows, as_json=options.as_json)


@add_command(app)
def recipe(options: RecipeCommand) -> None:
    """Print the resolved recipe as TOML, to be kept, changed and given to --recipe."""
    from edgetl.core.recipe.resolve import format_recipe, resolve_recipe
    from edgetl.pipeline.options import collect_tables
    from edgetl.pipeline.orders import check_utf8

    check_utf8(options)
    resolved = resolve_recipe(options.recipe or "default", collect_tables(options))
    if options.as_json:
        print(json.dumps(resolved.tables(), indent=1))
    else:
        print(format_recipe(resolved), end="")


@add_command(app)
def doctor(options: JsonOption) -> None:
    """Check this machine: Python, packages, GPU, cache, XNNPACK."""
    from edgetl.cli import output
    from edgetl.cli.workspace import open_workspace
    from edgetl.stages.doctor import check_machine

    with open_workspace(None, quiet=True):
        findings = check_machine()
    rows = [[finding.subject, "ok" if finding.good else "PROBLEM", finding.found] for finding in findings]
    records = [finding.model_dump() for finding in findings]
    output.print_table(records, ["check", "", "found"], rows, as_json=options.as_json)
    if not all(finding.good for finding in findings):
        raise typer.Exit(2)
