"""A finished run → what corrupted photos cost, as a stage of the run: behind `edgetl report --robustness`."""

from dataclasses import replace

from edgetl.core.errors import DataError
from edgetl.core.photos import pixel_store
from edgetl.core.records import Artifact, Dataset, Trained
from edgetl.core.robustness.records import Robustness, RobustnessRequest, name_robustness_stage
from edgetl.core.robustness.results import describe_robustness, tabulate_robustness
from edgetl.core.run.build_results import TargetResult
from edgetl.core.run.run_folder import StageSpec, read_finished_stage
from edgetl.pipeline import stages
from edgetl.pipeline.context import Context
from edgetl.pipeline.pages.report import read_results

_MAKES = frozenset({"robustness"})


def add_robustness(context: Context) -> dict[str, Robustness]:
    """Measure the robustness of the file of each target, and print its table.

    Args:
        context: of a finished run.

    Returns:
        Id of each target → its result.

    Raises:
        ConfigError: the run is not finished; the hint is the command that finishes it.
        DataError: the photos are not there any more.
        StageError: a library failed.
    """
    results, trained, dataset = read_results(context)
    _decode_photos(context, dataset, trained)
    maker = replace(context, makes=_MAKES)
    measured = {result.target: _measure(maker, result, trained, dataset) for result in results.targets}
    for robustness in measured.values():
        context.console.table(*tabulate_robustness(robustness))
        for line in describe_robustness(robustness):
            context.console.say(f"  {line}")
    return measured


def _measure(context: Context, result: TargetResult, trained: Trained, dataset: Dataset) -> Robustness:
    target = next(target for target in context.order.targets if target.id == result.target)
    artifact = _find_artifact(context, result)
    request = RobustnessRequest(
        trained=trained,
        artifact=artifact,
        dataset=dataset,
        kernels=target.choose_kernels(artifact.format),
        confidence=context.order.recipe.contract.confidence,
        seed=context.order.recipe.training.seed,
    )
    title = f"Keras and {artifact.method} on corrupted validation photos"
    spec = StageSpec(name=name_robustness_stage(result.target), record=Robustness, title=title)
    return context.run_stage(spec, stages.robustness.measure_robustness, request)


def _find_artifact(context: Context, result: TargetResult) -> Artifact:
    """Read the record of the chosen file: with its features as a second output, or as it was converted."""
    for stage in (f"{kind}-{result.format}-{result.method}" for kind in ("features", "convert")):
        finished = read_finished_stage(context.run.root / stage, Artifact)
        if finished is not None and finished.record.sha256 == result.sha256:
            return finished.record
    raise context.refuse(f"the {result.method} file of target {result.target} is not in the run folder any more")


def _decode_photos(context: Context, dataset: Dataset, trained: Trained) -> None:
    """Decode the validation photos again, if they are not in the cache any more.

    Raises:
        DataError: they were changed or deleted.
    """
    sha256s, paths = ([getattr(photo, name) for photo in dataset.validation] for name in ("sha256", "path"))
    try:
        pixel_store.open_pixels(sha256s, trained.input)
    except DataError:
        with context.console.bar("decode the validation photos", len(paths), "photos") as bar:
            pixel_store.fill_pixel_store(dataset.root, paths, trained.input, progress=bar.advance)
        try:
            pixel_store.open_pixels(sha256s, trained.input)
        except DataError as error:
            hint = "put them back, or build again with the photos that there are"
            message = "--robustness needs the validation photos of the build, and some are changed or gone"
            raise DataError(message, where=(dataset.root,), hint=hint) from error
