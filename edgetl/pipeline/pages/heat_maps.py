"""The heat maps of a build, which its report shows."""

from edgetl.core.errors import StageError
from edgetl.core.heat_maps.records import HeatMapRequest, HeatMaps, name_heat_maps_stage
from edgetl.core.records import Artifact
from edgetl.core.run.run_folder import StageSpec
from edgetl.pipeline import stages
from edgetl.pipeline.pipeline import Pipeline, TargetPipeline


def add_heat_maps(pipeline: Pipeline, part: TargetPipeline, artifact: Artifact) -> HeatMaps | None:
    """Make the heat maps of a target's file as a stage of the run.

    None if a library fails on the file with all its tensors: the report lacks them then, and the build is complete.
    """
    context = pipeline.context
    request = HeatMapRequest(
        trained=pipeline.model.trained,
        artifact=artifact,
        dataset=pipeline.model.dataset,
        scores=(pipeline.scores.score_reference("test"), part.delivery.score(artifact, "test")),
        seed=context.order.recipe.training.seed,
    )
    title = f"heat maps of Keras and of {artifact.method}"
    spec = StageSpec(name=name_heat_maps_stage(part.target.id), record=HeatMaps, title=title)
    try:
        return context.run_stage(spec, stages.heat_maps.make_heat_maps, request)
    except StageError as error:
        context.console.warn(f"the report has no heat maps: {error.message}")
        return None
