"""An artifact and photos of one part → Scores: its predictions in a headless browser."""

from edgetl.core.device.browser.page_runtimes import PAGE_RUNTIMES
from edgetl.core.evaluation.details.score_files import write_predictions
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.records import Artifact, Scores
from edgetl.core.run.workspace import Workspace
from edgetl.engines.browser import predict


def score_in_browser(work: Workspace, artifact: Artifact, photos: PhotoSet, programs: str) -> Scores:
    """Write the predictions of the artifact in a headless browser to scores.npy.

    Args:
        work: folder and console of the stage.
        artifact: a model file, whose format chooses the runtime.
        photos: the photos.
        programs: sha256 of the programs of the page, so that other programs predict again.

    Raises:
        ConfigError: the runtime has not been fetched, or the artifact's input does not match the photos.
        StageError: the browser does not start, or the page fails.
    """
    del programs
    runtime = PAGE_RUNTIMES[artifact.format]
    title = f"{artifact.method}, {runtime.title} in a browser, {photos.part} photos"
    with work.console.bar(title, len(photos.photos), "photos") as bar:
        predictions = predict.predict_in_browser(artifact, photos.open_pixels(), bar.advance)
    return write_predictions(work.folder, artifact, photos.part, predictions, runtime.kernels)
