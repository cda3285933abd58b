"""The command sweep: which network fits the photos and the device."""

from edgetl.cli.app import app
from edgetl.cli.options import SweepCommand
from edgetl.cli.parameters import add_command
from edgetl.core.errors import ConfigError


@add_command(app, "sweep")
def _sweep(options: SweepCommand) -> None:
    """Compare networks for one target, and build the one that fits best.

    Latency is measured first, before any training. Of the networks that are not certainly less accurate than another
    one, the fastest is chosen. The same command goes on where it was interrupted.
    """
    from dataclasses import replace

    from edgetl.cli import output
    from edgetl.core.evaluation.acceptance import check_acceptance
    from edgetl.core.sweep.gate_costs import describe_gate_costs, dump_sweep, estimate_gate_costs
    from edgetl.core.sweep.results import tabulate_sweep
    from edgetl.pipeline.execution.cluster import check_cluster, use_cluster
    from edgetl.pipeline.sweep.plan import make_sweep_plan
    from edgetl.pipeline.sweep.sweep_run import open_sweep, run_sweep

    if options.photos is not None and options.photos_option is not None:
        raise ConfigError("PHOTOS and --photos are both given", hint="they mean the same: give one of them")
    check_cluster(options.cluster)
    plan = make_sweep_plan(replace(options, photos=options.photos or options.photos_option))
    with (
        open_sweep(plan, options.out, overwrite=options.overwrite, quiet=options.quiet) as local,
        use_cluster(local, options.cluster) as context,
    ):
        swept = run_sweep(context, plan)
        context.console.table(*tabulate_sweep(swept.result))
        for line in (*swept.result.describe(), describe_gate_costs(estimate_gate_costs(swept.result.rows))):
            context.console.say(line)
        for command in swept.result.choice.commands if swept.result.choice else ():
            context.console.say(f"next: {command}")
    record = {
        "folder": str(swept.root),
        "page": str(swept.page),
        "run": str(swept.built.run),
        **dump_sweep(swept.result),
    }
    output.print_record(record, str(swept.built.bundle.root), as_json=options.as_json)
    # A broken contract is reported after the result is printed: the bundle exists all the same.
    (delivered,) = swept.built.targets
    check_acceptance(
        {delivered.target: delivered.verdict},
        {delivered.target: delivered.unmet},
        strict=plan.order.recipe.contract.strict,
        min_accuracy=plan.order.recipe.contract.min_accuracy,
    )
