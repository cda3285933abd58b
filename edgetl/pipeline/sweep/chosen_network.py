"""The chosen network of a finished sweep → an order with its photos and recipe, and a run folder with its stages."""

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from edgetl.core.console import Console
from edgetl.core.errors import ConfigError
from edgetl.core.run.run_folder import open_finished_run
from edgetl.core.run.stage_archive import pack_stages, unpack_stages
from edgetl.core.screen.step_plan import StepPlan
from edgetl.core.storage.files import read_json
from edgetl.pipeline.context import Context
from edgetl.pipeline.forecast.steps import plan_steps
from edgetl.pipeline.options import (
    BuildOptions,
    ExternalOptions,
    ModelOptions,
    PhotosOptions,
    TrainingOptions,
    list_options,
    name_option,
)
from edgetl.pipeline.order import RECIPE_FILE, load_order
from edgetl.pipeline.pipeline import Pipeline
from edgetl.pipeline.sweep.gates import RESULT_FILE

B = TypeVar("B", bound=BuildOptions)

# What decides the trained model. All other options of a build may be given.
_TRAINED = (PhotosOptions, ModelOptions, ExternalOptions, TrainingOptions)
_HINT = "give the folder that edgetl sweep wrote, in which sweep.json is"


def take_chosen(options: B) -> B:
    """Return the options of a build with photos, recipe and target of the chosen network of a sweep.

    Args:
        options: of a build; without --from-sweep they are returned as they are.

    Raises:
        ConfigError: no finished sweep, or an option that would change what the sweep has trained.
    """
    if options.from_sweep is None:
        return options
    contradictions = [
        name_option(name, option)
        for group in _TRAINED
        for name, _, option, default in list_options(group)
        if getattr(options, name) != default
    ]
    if contradictions:
        raise ConfigError(
            f"--from-sweep takes photos, network and training from the sweep, and there is {', '.join(contradictions)}",
            where=(options.from_sweep,),
            hint="leave them out, or leave out --from-sweep to train anew",
        )
    run = find_chosen_run(options.from_sweep)
    order = load_order(run)
    folders = [target.source.parent.parent for target in order.targets]
    return replace(
        options,
        photos=Path(order.source) if order.source else order.photos,
        test=order.test,
        exclude=order.exclude,
        recipe=str(run / RECIPE_FILE),
        target=options.target or [target.id for target in order.targets],
        target_dir=[*(options.target_dir or ()), *folders],
    )


def find_chosen_run(sweep: Path) -> Path:
    """Return the run folder of the network that a sweep has chosen.

    Raises:
        ConfigError: the folder has no sweep, one that is not finished, or not the run folder of its choice.
    """
    path = sweep / RESULT_FILE
    if not path.exists():
        reason = "does not exist" if not sweep.exists() else f"has no {RESULT_FILE}"
        raise ConfigError(f"--from-sweep: the folder {reason}", where=(sweep,), hint=_HINT)
    choice = read_json(path, hint=_HINT).get("choice")
    if not choice:
        hint = "type the command of the sweep again: it goes on where it was, and ends with a choice"
        raise ConfigError("--from-sweep: the sweep has not chosen a network yet", where=(sweep,), hint=hint)
    name = choice.get("name") if isinstance(choice, dict) else None
    runs = {run.name: run for run in (sweep / "tuned").glob("*") if run.is_dir() and not run.is_symlink()}
    if name not in runs:
        raise ConfigError("--from-sweep: the chosen network of the sweep has no run folder", where=(path,), hint=_HINT)
    return runs[name]


def copy_chosen(context: Context, sweep: Path | None) -> Context:
    """Copy the stages of the chosen network of a sweep into the run folder of a build, where it has none yet.

    Args:
        context: of the build.
        sweep: value of --from-sweep; None for an ordinary build.

    Returns:
        The context, whose plan contains the stages.

    Raises:
        ConfigError: the trained model is out of date: the photos changed, or edgetl or a library did.
    """
    if sweep is None:
        return context
    root = context.run.root
    run = find_chosen_run(sweep).absolute()
    if run.resolve() != root.resolve():
        with open_finished_run(run, context.console.warn) as chosen:
            stages = pack_stages(chosen.root)
        unpack_stages(root, {name: files for name, files in stages.items() if not (root / name).exists()})
    # The build would train where the model is out of date, and this is an error.
    read = replace(context, makes=frozenset(), console=Console(quiet=True), plan=StepPlan())
    trained = Pipeline(read).model.trained
    context.console.say(f"trained model of {run}: {trained.base}, alpha {trained.alpha:g}, {trained.input.size}")
    return replace(context, plan=plan_steps(context.order, root))
