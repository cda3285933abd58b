"""The commands that run stages: build, train, convert, verify, bundle, bench.

Each opens a run folder, calls the pipeline and prints the result. Imports are inside the functions, so that --help
loads no heavy library.
"""

from pathlib import Path

import typer

from edgetl.cli.app import app
from edgetl.cli.options import (
    BenchCommand,
    BuildCommand,
    BundleCommand,
    ConvertCommand,
    TrainCommand,
    VerifyCommand,
)
from edgetl.cli.parameters import add_command
from edgetl.core.errors import ConfigError


@add_command(app, "build")
def _build(options: BuildCommand) -> None:
    """Fine-tune (or take --model as it is), convert, verify and bundle: all steps."""
    from dataclasses import replace

    from edgetl.cli import output
    from edgetl.core.evaluation.acceptance import check_acceptance, check_answer_limits, run_checks
    from edgetl.pipeline import orders
    from edgetl.pipeline.build import rank_layers, run_build
    from edgetl.pipeline.execution.cluster import check_cluster, use_cluster
    from edgetl.pipeline.pages.tracking import check_tool, log_results
    from edgetl.pipeline.runs.folders import open_build
    from edgetl.pipeline.sweep.chosen_network import copy_chosen, take_chosen

    # Before hours of training.
    check_tool(options.log)
    check_cluster(options.cluster)
    order = orders.make_order(take_chosen(replace(options, photos=_select_photos(options))))
    with (
        open_build(order, options.out, overwrite=options.overwrite, quiet=options.quiet) as local,
        use_cluster(local, options.cluster) as context,
    ):
        for sentence in orders.list_overridden_limits(order):
            context.console.warn(sentence)
        built = run_build(copy_chosen(context, options.from_sweep))
        output.show_built(built, context.console)
        layers = rank_layers(context) if options.explain else None
        output.show_layers(layers or {}, context.console)
        output.show_logged(log_results(context, options.log), context.console)
    bundles = "\n".join(str(delivered.bundle.root) for delivered in built.targets)
    output.print_record(output.dump_built(built, layers), bundles, as_json=options.as_json)
    # A broken contract is reported after the result is printed: the bundle exists all the same.
    run_checks(
        [
            lambda: check_acceptance(
                {delivered.target: delivered.verdict for delivered in built.targets},
                {delivered.target: delivered.unmet for delivered in built.targets},
                built.list_next_files(),
                strict=order.recipe.contract.strict,
                min_accuracy=order.recipe.contract.min_accuracy,
            ),
            lambda: check_answer_limits({delivered.target: delivered.unmet_answers for delivered in built.targets}),
        ]
    )


@add_command(app, "train")
def _train(options: TrainCommand) -> None:
    """Fine-tune a base on the photos, and stop there."""
    from dataclasses import replace

    from edgetl.cli import output
    from edgetl.pipeline import orders
    from edgetl.pipeline.execution.cluster import check_cluster, use_cluster
    from edgetl.pipeline.pipeline import Pipeline
    from edgetl.pipeline.runs.folders import open_training

    check_cluster(options.cluster)
    order = orders.make_order(replace(options, photos=_select_photos(options)))
    with (
        open_training(order, options.out, overwrite=options.overwrite, quiet=options.quiet) as local,
        use_cluster(local, options.cluster) as context,
    ):
        trained = Pipeline(context).model.trained
    output.print_record(trained.model_dump(mode="json"), str(trained.path), as_json=options.as_json)


@add_command(app, "convert")
def _convert(options: ConvertCommand) -> None:
    """Convert the model of a run by one method. Nothing is trained."""
    from edgetl.cli import output
    from edgetl.pipeline.context import CONVERTING
    from edgetl.pipeline.workspace import reopen

    with reopen(options.run, options.target, makes=CONVERTING, quiet=options.quiet) as pipeline:
        artifact = pipeline.selection.convert(options.method)
    output.print_record(artifact.model_dump(mode="json"), str(artifact.path), as_json=options.as_json)


@add_command(app, "verify")
def _verify(options: VerifyCommand) -> None:
    """Judge an artifact against its Keras reference on photos that were not used for training.

    Nothing is trained or converted: what is missing in a run folder is named, with the command that makes it.
    """
    from edgetl.cli import output
    from edgetl.core.evaluation.acceptance import check_acceptance

    _check_verify_options(options)
    if options.run is not None:
        from edgetl.pipeline.context import SCORING
        from edgetl.pipeline.runs.delivered import find_artifact
        from edgetl.pipeline.workspace import reopen

        with reopen(options.run, options.target, makes=SCORING, quiet=options.quiet) as pipeline:
            artifact = find_artifact(pipeline, options.method)
            verdict = pipeline.delivery.judge(artifact, again=True)
            quality = pipeline.delivery.assess(artifact, verdict)
            output.show_quality(quality, pipeline.context.console)
            output.show_verdict(verdict, pipeline.context.console, pipeline.delivery.advise(verdict))
            answers = pipeline.delivery.read_answers(artifact)
            output.show_answers(answers, pipeline.context.console)
            more = {"quality": quality.model_dump(mode="json"), "answers": output.dump_answers(answers)}
            contract = pipeline.context.order.recipe.contract
    else:
        from edgetl.core.recipe.resolve import resolve_recipe
        from edgetl.pipeline.options import collect_tables, map_options
        from edgetl.pipeline.workspace import open_workspace

        assert options.reference and options.artifact and options.photos
        # Two files and no run folder: the recipe has only the options of this command.
        recipe = resolve_recipe("default", collect_tables(options), names=map_options(type(options)))
        contract, more = recipe.contract, {}
        with open_workspace(None, quiet=options.quiet) as (_, console):
            # Libraries print when they are imported, too.
            with console.wait("load Keras"):
                from edgetl.pipeline.pair import ModelPair, judge_pair
            pair = ModelPair(
                reference=options.reference, artifact=options.artifact, photos=options.photos, fit=recipe.photos.fit
            )
            verdict = judge_pair(pair, recipe.contract, console=console)
            output.show_verdict(verdict, console)
    output.print_record(verdict.model_dump(mode="json") | more, verdict.outcome, as_json=options.as_json)
    check_acceptance(
        {verdict.method: verdict},
        {},
        strict=options.strict or contract.strict,
        min_accuracy=contract.min_accuracy if options.min_accuracy is None else options.min_accuracy,
    )


@add_command(app, "bundle")
def _bundle(options: BundleCommand) -> None:
    """Make the bundle of a run, with its chosen file or that of --method. Nothing is trained."""
    from edgetl.cli import output
    from edgetl.pipeline.context import BUNDLING
    from edgetl.pipeline.workspace import reopen

    with reopen(options.run, options.target, makes=BUNDLING, quiet=options.quiet) as pipeline:
        artifact = pipeline.selection.choose_pinned(options.method)
        bundle = pipeline.delivery.bundle(artifact, pipeline.delivery.judge(artifact))
    output.print_record(bundle.model_dump(mode="json"), str(bundle.root), as_json=options.as_json)


@add_command(app, "bench")
def _bench(options: BenchCommand) -> None:
    """Measure the bundle of a run, here or on devices: latency, memory, accuracy. Nothing is trained or converted."""
    from edgetl.cli import output
    from edgetl.core.device.fleet import MeasurementOrder, join_devices
    from edgetl.core.evaluation.acceptance import check_acceptance
    from edgetl.pipeline.context import MEASURING
    from edgetl.pipeline.runs.delivered import find_bundle
    from edgetl.pipeline.workspace import reopen

    if options.browser:
        _bench_browser(options)
        return
    names = join_devices(tuple(options.device or ()), options.inventory)
    if options.resume and not names:
        raise ConfigError(
            "--resume is for measurements on devices, and none is named",
            hint=f"edgetl bench {options.run} --inventory FILE --resume, or leave out --resume",
        )
    with reopen(options.run, options.target, makes=MEASURING, quiet=options.quiet) as pipeline:
        artifact, bundle = find_bundle(pipeline, options.method)
        order = MeasurementOrder(
            names=names,
            soak_s=options.soak,
            accuracy=options.accuracy,
            parallel=options.parallel,
            resume=options.resume,
        )
        measured = pipeline.devices.measure_everywhere(artifact, bundle, order)
        output.show_measured(measured, pipeline.context.console)
        strict = options.strict or pipeline.context.order.recipe.contract.strict
    # Where every device failed there is no path to print.
    if options.as_json or measured.benchmarks:
        paths = "\n".join(str(benchmark.path) for benchmark in measured.benchmarks)
        output.print_record(output.dump_measured(measured), paths, as_json=options.as_json)
    if measured.errors:
        raise typer.Exit(max(error.exit_code for error in measured.errors))
    check_acceptance(measured.verdicts, measured.unmet, strict=strict)


def _bench_browser(options: BenchCommand) -> None:
    from edgetl.cli import output
    from edgetl.core.device.browser.browser_measurement import describe_browser, tabulate_browser
    from edgetl.pipeline.context import MEASURING
    from edgetl.pipeline.runs.delivered import find_bundle
    from edgetl.pipeline.usage.browser_bench import STAGE, measure_in_browser
    from edgetl.pipeline.workspace import reopen

    if options.device or options.inventory or options.soak is not None or options.accuracy:
        raise ConfigError(
            "--browser measures on this machine, without --device, --inventory, --soak and --accuracy",
            hint=f"edgetl bench {options.run} --browser",
        )
    with reopen(options.run, options.target, makes=MEASURING, quiet=options.quiet) as pipeline:
        artifact, _ = find_bundle(pipeline, options.method)
        measurement, host_ms = measure_in_browser(pipeline, artifact)
        console = pipeline.context.console
        console.table(*tabulate_browser(measurement, host_ms))
        for line in describe_browser(measurement):
            console.say(line)
        folder = pipeline.context.run.root / STAGE
    output.print_record(measurement.model_dump(mode="json"), str(folder), as_json=options.as_json)


def _select_photos(options: BuildCommand | TrainCommand) -> Path | None:
    """Return PHOTOS or --photos.

    Raises:
        ConfigError: both are given.
    """
    if options.photos is not None and options.photos_option is not None:
        raise ConfigError("PHOTOS and --photos are both given", hint="they mean the same: give one of them")
    return options.photos or options.photos_option


def _check_verify_options(options: VerifyCommand) -> None:
    """Check that the options name either a run folder, or a reference, an artifact and photos.

    Raises:
        ConfigError: neither, both, or an option that belongs to the other form.
    """
    pair = (options.reference, options.artifact, options.photos)
    if options.run is not None and any(pair):
        raise ConfigError("give a run folder, or --reference, --artifact and --photos, not both")
    own = (options.fit, options.limit_drop, options.contract)
    if options.run is not None and any(value is not None for value in own):
        hint = "build it again with another limit or fit: stages that do not depend on it are read back"
        raise ConfigError("a run is judged by its own recipe, without --fit, --limit-drop and --contract", hint=hint)
    if options.run is None and (options.method or options.target):
        raise ConfigError("--method and --target choose a file of a run folder", hint="edgetl verify RUN --method int8")
    if options.run is None and not all(pair):
        hint = "edgetl verify RUN, or edgetl verify --reference M.keras --artifact M.tflite --photos DIR"
        raise ConfigError("nothing to verify", hint=hint)
