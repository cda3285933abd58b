"""The verbs: parse, call one function, print. Exit codes are made here, and errors are caught only here.

stdout is the result: a path, or a record with --json. Everything else goes to stderr. Nothing heavy is imported before
a verb that needs it runs: this file is the one lazy seam.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgetl.cli.options import (
    Activation,
    AllMethods,
    Alpha,
    Base,
    BatchSize,
    CacheBytes,
    Clusters,
    CompressEpochs,
    Device,
    DeviceAccuracy,
    Dropout,
    Epochs,
    Explain,
    FineTuneEpochs,
    Fit,
    HiddenUnits,
    Json,
    Labels,
    LearningRate,
    LimitDrop,
    Method,
    Model,
    NoAugment,
    NoFeatureCache,
    Out,
    Photos,
    PhotosOption,
    Pooling,
    Precision,
    QatEpochs,
    Quiet,
    RecipeName,
    RunArgument,
    Scaling,
    Seed,
    Side,
    Soak,
    Sparsity,
    Strict,
    Target,
    TargetDir,
    Targets,
    Unfreeze,
    Weights,
    tables,
)
from edgetl.core.errors import ConfigError, ContractBroken, EdgetlError

if TYPE_CHECKING:
    from edgetl.core.console import Console
    from edgetl.core.records import Verdict
    from edgetl.core.runs import RunFolder
    from edgetl.pipeline.delivery import Delivery
    from edgetl.pipeline.order import Order
    from edgetl.pipeline.scores import Chain

app = typer.Typer(
    name="edgetl",
    help="A folder of photos in, a verified model for a small board out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(requested: bool) -> None:
    if requested:
        from edgetl.core.runs import installed_version

        print(installed_version("edgetl"))
        raise typer.Exit


@app.callback()
def _everywhere(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="The version, and nothing else.")
    ] = False,
) -> None: ...


def main() -> None:
    """Run the program; the exit code says how it ended."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:  # noqa: PLR0911  (one return for each way to end)
    """Run one command line and give its exit code.

    0 done, 1 contract broken, 2 you can fix it, 3 a stage failed or a bug, 130 interrupted.
    """
    from edgetl.core.console import Console

    try:
        code = app(arguments, prog_name="edgetl", standalone_mode=False)
        if code == 130:  # Typer has caught ^C and says so with this number.
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except EdgetlError as error:
        Console().error(error.message, error.where, error.hint)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        Console().say("interrupted: the same command goes on from the last finished stage")
        return 130
    except SystemExit as ended:
        # Typer ends so when whoever read our output has gone; there is nobody left to tell.
        return 0 if isinstance(ended.__context__, BrokenPipeError) else _unexpected(ended)
    except OSError as error:
        Console().error(f"{error.strerror or error}", [error.filename] if error.filename else [], _os_hint(error))
        return 2
    except typer.Exit as done:
        return int(done.exit_code)
    except typer.TyperException as error:
        # Without any argument the help has been printed, and there is no message.
        if error.format_message():
            Console().error(error.format_message(), hint="edgetl --help, or edgetl VERB --help")
        return 2
    except Exception as error:  # noqa: BLE001  (the boundary: nothing leaves as a bare traceback)
        return _unexpected(error)


@app.command()
def build(
    photos: Photos = None,
    photos_dir: PhotosOption = None,
    target: Targets = None,
    target_dir: TargetDir = None,
    model: Model = None,
    scaling: Scaling = None,
    labels: Labels = None,
    base: Base = None,
    alpha: Alpha = None,
    side: Side = None,
    method: Method = "",
    weights: Weights = None,
    pooling: Pooling = None,
    hidden_units: HiddenUnits = None,
    dropout: Dropout = None,
    activation: Activation = None,
    fit: Fit = None,
    recipe: RecipeName = None,
    epochs: Epochs = None,
    fine_tune_epochs: FineTuneEpochs = None,
    unfreeze: Unfreeze = None,
    learning_rate: LearningRate = None,
    batch_size: BatchSize = None,
    no_augment: NoAugment = False,
    no_feature_cache: NoFeatureCache = False,
    cache_bytes: CacheBytes = None,
    limit_drop: LimitDrop = None,
    all_methods: AllMethods = False,
    explain: Explain = False,
    qat_epochs: QatEpochs = None,
    compress_epochs: CompressEpochs = None,
    sparsity: Sparsity = None,
    clusters: Clusters = None,
    strict: Strict = False,
    precision: Precision = None,
    seed: Seed = None,
    out: Out = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fine-tune (or take --model as it is), convert, prove and bundle: the whole road."""
    from edgetl.cli import orders as asked
    from edgetl.cli import output
    from edgetl.core.device import limits

    if photos is not None and photos_dir is not None:
        raise ConfigError("PHOTOS and --photos are both given", hint="they mean the same: give one of them")
    photos = photos or photos_dir
    order = asked.order(locals())
    from edgetl.pipeline import build as building

    with _working(asked.run_folder(order, out), quiet=quiet) as (run, console):
        for sentence in asked.laxer(order):
            console.warn(sentence)
        if photos is None:
            console.say("no PHOTOS given: building on scikit-learn's 1797 handwritten digits, half of them test photos")
        built = building.build(order, run, console)
        output.show_built(built, console)
        explained = building.layers(order, run, console) if explain else {}
        output.show_layers(explained, console)
    bundles = "\n".join(str(one.bundle.root) for one in built.targets)
    record = output.built_json(built)
    if explain:
        record["layers"] = {form: [layer.model_dump() for layer in found] for form, found in explained.items()}
    output.print_record(record, bundles, as_json=as_json)
    unmet = {
        one.target: limits.check_model_bytes(one.artifact, order.target(one.target).limits) for one in built.targets
    }
    verdicts = {one.target: one.verdict for one in built.targets}
    _keep_contracts(verdicts, unmet, strict=order.recipe.contract.strict)


@app.command()
def train(
    photos: Photos = None,
    base: Base = None,
    alpha: Alpha = None,
    side: Side = None,
    weights: Weights = None,
    pooling: Pooling = None,
    hidden_units: HiddenUnits = None,
    dropout: Dropout = None,
    activation: Activation = None,
    fit: Fit = None,
    recipe: RecipeName = None,
    epochs: Epochs = None,
    fine_tune_epochs: FineTuneEpochs = None,
    unfreeze: Unfreeze = None,
    learning_rate: LearningRate = None,
    batch_size: BatchSize = None,
    no_augment: NoAugment = False,
    no_feature_cache: NoFeatureCache = False,
    cache_bytes: CacheBytes = None,
    precision: Precision = None,
    seed: Seed = None,
    out: Out = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fine-tune a base on the photos, and stop there."""
    from edgetl.cli import orders as asked
    from edgetl.cli import output

    order = asked.order(locals())
    root = asked.run_folder(order, out)
    with _chain(asked.continued(order, root), root, quiet=quiet) as chain:
        trained = chain.trained
    output.print_record(trained.model_dump(mode="json"), str(trained.path), as_json=as_json)


@app.command()
def convert(
    run: RunArgument, method: Method = "int8", target: Target = "", as_json: Json = False, quiet: Quiet = False
) -> None:
    """Convert the model of a run by one method."""
    from edgetl.cli import output

    with _reopened(run, target, quiet=quiet) as delivery:
        artifact = delivery.artifact(method)
    output.print_record(artifact.model_dump(mode="json"), str(artifact.path), as_json=as_json)


@app.command()
def verify(
    run: Annotated[Path | None, typer.Argument(help="A run folder: its verdict is repeated from the files.")] = None,
    method: Method = "",
    target: Target = "",
    reference: Annotated[Path | None, typer.Option(help="A .keras file made anywhere.")] = None,
    artifact: Annotated[Path | None, typer.Option(help="A .tflite or .onnx file made anywhere.")] = None,
    photos: Annotated[Path | None, typer.Option(help="Photos that neither has seen.")] = None,
    fit: Fit = None,
    limit_drop: LimitDrop = None,
    strict: Strict = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Judge an artifact against its Keras reference on photos that neither has seen."""
    from edgetl.cli import output

    if run is not None and (reference or artifact or photos):
        raise ConfigError("give a run folder, or --reference, --artifact and --photos, not both")
    if run is not None and (fit is not None or limit_drop is not None):
        hint = "build it again with the other limit or fit: what has not changed is kept"
        raise ConfigError("a run is judged by its own recipe, without --fit and --limit-drop", hint=hint)
    if run is None and (method or target):
        raise ConfigError("--method and --target choose from a run's files", hint="edgetl verify RUN --method int8")
    if run is not None:
        with _reopened(run, target, quiet=quiet) as delivery:
            chosen = delivery.chosen(method)
            delivery.chain.run.make_again("score", "verify")
            verdict = delivery.verdict(chosen, "test", ledger=True)
            output.show_verdict(verdict, delivery.chain.console)
            strict = strict or delivery.chain.order.recipe.contract.strict
    elif reference is not None and artifact is not None and photos is not None:
        from edgetl import stages
        from edgetl.core import recipe as recipes

        resolved = recipes.resolve_recipe("default", tables(locals()))
        with _working(None, quiet=quiet) as (_, console):
            pair = stages.pair.Pair(reference=reference, artifact=artifact, photos=photos, fit=resolved.photos.fit)
            verdict = stages.pair.judged(pair, resolved.contract, console=console)
            output.show_verdict(verdict, console)
    else:
        hint = "edgetl verify RUN, or edgetl verify --reference M.keras --artifact M.tflite --photos DIR"
        raise ConfigError("nothing to verify", hint=hint)
    output.print_record(verdict.model_dump(mode="json"), verdict.outcome, as_json=as_json)
    _keep_contracts({verdict.method: verdict}, {}, strict=strict)


@app.command()
def bundle(
    run: RunArgument, method: Method = "", target: Target = "", as_json: Json = False, quiet: Quiet = False
) -> None:
    """Make the bundle of a run, for its chosen method or another."""
    from edgetl.cli import output

    with _reopened(run, target, quiet=quiet) as delivery:
        artifact = delivery.chosen(method)
        made = delivery.bundle(artifact, delivery.verdict(artifact, "test", ledger=True))
    output.print_record(made.model_dump(mode="json"), str(made.root), as_json=as_json)


@app.command()
def bench(
    run: RunArgument,
    device: Device = None,
    method: Method = "",
    target: Target = "",
    soak: Soak = None,
    accuracy: DeviceAccuracy = False,
    strict: Strict = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure the bundle of a run, here or on devices: latency, memory, accuracy."""
    from edgetl.cli import output
    from edgetl.core.device import benchmark as benchmark_file
    from edgetl.core.device import limits

    with _reopened(run, target, quiet=quiet) as delivery:
        console = delivery.chain.console
        artifact = delivery.chosen(method)
        made = delivery.bundle(artifact, delivery.verdict(artifact, "test", ledger=True))
        seconds = soak if soak is not None else 60.0 if device else 0.0
        wanted = delivery.wanted(artifact, soak_s=seconds, accuracy=accuracy)
        ended = delivery.fleet(device, made, wanted) if device else [delivery.benched(made, wanted)]
        failed = [one for one in ended if isinstance(one, EdgetlError)]
        done = [one for one in ended if not isinstance(one, EdgetlError)]
        found = [(one.where, benchmark_file.read_measurement(one.path, one.model_sha256)) for one in done]
        if found:
            output.show_measures(found, console)
        answered = {one.where: delivery.device_verdict(artifact, one) for one in done}
        verdicts = {where: verdict for where, verdict in answered.items() if verdict is not None}
        for verdict in verdicts.values():
            output.show_verdict(verdict, console)
        for error in failed:
            console.error(error.message, error.where, error.hint)
        strict = strict or delivery.chain.order.recipe.contract.strict
        # A target's milliseconds are its board's, not this machine's.
        unmet = {where: limits.check_latency(measure, delivery.target.limits) for where, measure in found if device}
    record = {
        "measures": {where: measure.model_dump(mode="json") for where, measure in found},
        "failed": [error.message for error in failed],
    }
    if as_json or done:
        output.print_record(record, "\n".join(str(one.path) for one in done), as_json=as_json)
    if failed:
        raise typer.Exit(max(error.exit_code for error in failed))
    _keep_contracts(verdicts, unmet, strict=strict)


@app.command()
def bases(as_json: Json = False) -> None:
    """The networks that can be fine-tuned."""
    from dataclasses import asdict

    from edgetl.cli import output
    from edgetl.core.base_table import BASES

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
    output.print_table([asdict(base) for base in BASES.values()], columns, rows, as_json=as_json)
    if not as_json:
        output.print_shipped_weights(BASES.values())


@app.command()
def methods(as_json: Json = False) -> None:
    """The ways to convert a model."""
    from dataclasses import asdict

    from edgetl.cli import output
    from edgetl.core.methods import METHODS

    rows = [[m.name, m.weights, m.activations, "yes" if m.calibrated else "no", m.summary] for m in METHODS.values()]
    columns = ["method", "weights", "activations", "calibrated", "what it is"]
    output.print_table([asdict(method) for method in METHODS.values()], columns, rows, as_json=as_json)


@app.command()
def targets(
    name: Annotated[str | None, typer.Argument(help="One target, in full.")] = None,
    target_dir: TargetDir = None,
    as_json: Json = False,
) -> None:
    """What a model can be built for."""
    from edgetl.cli import output
    from edgetl.core.device import targets as table

    if name is not None:
        one = table.find_target(name, target_dir or ())
        print(json.dumps(one.model_dump(mode="json"), indent=1, ensure_ascii=False))
        return
    found = table.list_targets(target_dir or ())
    rows = [[t.id, " ".join(t.accepts.formats), " ".join(t.accepts.methods), t.summary] for t in found]
    columns = ["target", "formats", "methods, preferred first", "what it is"]
    output.print_table([t.model_dump(mode="json") for t in found], columns, rows, as_json=as_json)


@app.command()
def recipe(
    recipe: RecipeName = None,
    base: Base = None,
    alpha: Alpha = None,
    side: Side = None,
    weights: Weights = None,
    pooling: Pooling = None,
    hidden_units: HiddenUnits = None,
    dropout: Dropout = None,
    activation: Activation = None,
    fit: Fit = None,
    epochs: Epochs = None,
    fine_tune_epochs: FineTuneEpochs = None,
    unfreeze: Unfreeze = None,
    learning_rate: LearningRate = None,
    batch_size: BatchSize = None,
    no_augment: NoAugment = False,
    no_feature_cache: NoFeatureCache = False,
    cache_bytes: CacheBytes = None,
    qat_epochs: QatEpochs = None,
    compress_epochs: CompressEpochs = None,
    sparsity: Sparsity = None,
    clusters: Clusters = None,
    limit_drop: LimitDrop = None,
    strict: Strict = False,
    precision: Precision = None,
    seed: Seed = None,
    as_json: Json = False,
) -> None:
    """The resolved recipe as TOML, to be kept, changed and given to --recipe."""
    from edgetl.cli import orders as asked
    from edgetl.core import recipe as recipes

    asked.check_utf8(locals())
    resolved = recipes.resolve_recipe(recipe or "default", tables(locals()))
    print(
        json.dumps(resolved.tables(), indent=1) if as_json else recipes.format_recipe(resolved),
        end="\n" if as_json else "",
    )


@app.command()
def doctor(as_json: Json = False) -> None:
    """What this machine has: Python, packages, GPU, cache, XNNPACK."""
    from edgetl import stages
    from edgetl.cli import output

    with _working(None, quiet=True):
        findings = stages.doctor.check_machine()
    rows = [[finding.subject, "ok" if finding.good else "PROBLEM", finding.found] for finding in findings]
    output.print_table([finding.model_dump() for finding in findings], ["what", "", "found"], rows, as_json=as_json)
    if not all(finding.good for finding in findings):
        raise typer.Exit(2)


@contextmanager
def _working(out: Path | None, *, quiet: bool) -> Iterator[tuple["RunFolder", "Console"]]:
    """A locked run folder (a temporary one without `out`), its log, and a console on the real stderr."""
    from contextlib import ExitStack
    from tempfile import TemporaryDirectory

    from edgetl.core.console import Console, redirect_output
    from edgetl.core.runs import open_run

    with ExitStack() as stack:
        root = out or Path(stack.enter_context(TemporaryDirectory(prefix="edgetl-")))
        run = stack.enter_context(open_run(root))
        log = run.root / "log.txt"
        stream = stack.enter_context(redirect_output(log))
        try:
            yield run, Console(quiet=quiet, stream=stream)
        except EdgetlError as error:
            if error.exit_code == 3 and out is not None:
                error.where = (*error.where, f"log: {log}")
            raise
        # Whatever it is, its traceback belongs into the log before the log is closed; it is raised on.
        except Exception as error:
            import traceback

            traceback.print_exc()
            if out is not None and not isinstance(error, OSError):
                error.add_note(str(log))
            raise


@contextmanager
def _chain(order: "Order", out: Path, *, quiet: bool) -> Iterator["Chain"]:
    from edgetl.pipeline.scores import Chain

    with _working(out, quiet=quiet) as (run, console):
        order.save(run.root)
        yield Chain(order, run, console)


@contextmanager
def _reopened(root: Path, target: str, *, quiet: bool) -> Iterator["Delivery"]:
    """What a run made for one of its targets."""
    from edgetl.pipeline.delivery import Delivery
    from edgetl.pipeline.order import Order
    from edgetl.pipeline.scores import Chain

    order = Order.of(root)
    wanted = order.target(target)
    with _working(root, quiet=quiet) as (run, console):
        yield Delivery(Chain(order, run, console), wanted)


def _keep_contracts(verdicts: Mapping[str, "Verdict"], unmet: Mapping[str, str], *, strict: bool) -> None:
    """Raise unless every contract is kept, and nothing else that a target demands is unmet.

    An undecided one is kept while its point estimate is, and never when strict.
    """
    faults = {name: _fault(verdict, strict=strict) for name, verdict in verdicts.items()}
    for name, demand in unmet.items():
        faults[name] = "; ".join(fault for fault in (faults.get(name), demand) if fault)
    broken = [f"{name}: {fault}" if len(faults) > 1 else fault for name, fault in faults.items() if fault]
    if broken:
        hints = [
            "more test photos, another --method, a wider --alpha, or a higher --limit-drop",
            "another --method, a narrower --alpha or a smaller --side, or a target that allows more",
        ]
        missed = [any(_fault(verdict, strict=strict) for verdict in verdicts.values()), any(unmet.values())]
        hint = "; ".join(hint for hint, is_missed in zip(hints, missed, strict=True) if is_missed)
        raise ContractBroken("; ".join(broken), hint=hint)


def _fault(verdict: "Verdict", *, strict: bool) -> str:
    undecided = verdict.outcome == "UNDECIDED"
    if verdict.outcome == "PASS" or (undecided and not strict and verdict.drop <= verdict.limit_drop):
        return ""
    loss = f"{verdict.method} loses {verdict.drop * 100:.2f} points, {verdict.limit_drop * 100:g} allowed"
    what = "is undecided" if undecided else "is broken"
    return f"the accuracy contract {what}: {loss}" + (", and --strict was given" if strict and undecided else "")


def _os_hint(error: OSError) -> str:
    from errno import ENOSPC

    return "free some space and run the same command again" if error.errno == ENOSPC else ""


def _unexpected(error: BaseException) -> int:
    """Tell of a defect of ours, and where its traceback lies."""
    from edgetl.core.console import Console

    log = (getattr(error, "__notes__", None) or [""])[-1]
    if not log:
        import traceback
        from tempfile import NamedTemporaryFile

        with NamedTemporaryFile("w", prefix="edgetl-", suffix=".log", delete=False, encoding="utf-8") as file:
            traceback.print_exception(error, file=file)
        log = file.name
    reason = (str(error).strip().splitlines() or [""])[0]
    Console().error(
        f"{type(error).__name__}: {reason}",
        [f"log: {log}"],
        "this is a defect of edgetl: please report it with the log",
    )
    return 3
