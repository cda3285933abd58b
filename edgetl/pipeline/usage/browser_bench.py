"""The file of a run, measured in a headless browser on this machine, from the files of the test photos."""

import numpy as np

from edgetl.core.device.browser.browser_measurement import BrowserMeasurement
from edgetl.core.device.browser.page_runtimes import PAGE_RUNTIMES
from edgetl.core.device.judges import JUDGES
from edgetl.core.errors import MissingPackage
from edgetl.core.photos import pixel_store
from edgetl.core.records import Artifact
from edgetl.core.storage.arrays import read_array
from edgetl.pipeline import stages
from edgetl.pipeline.pipeline import TargetPipeline

STAGE = "bench-browser"


def measure_in_browser(pipeline: TargetPipeline, artifact: Artifact) -> tuple[BrowserMeasurement, float]:
    """Measure a file, and keep the measurement in the run.

    Returns:
        The measurement, and the latency of the model on one thread of this machine, milliseconds.

    Raises:
        MissingPackage: the browser, or what controls it, is missing.
        StageError: the browser does not start, or the page fails.
    """
    judge = JUDGES[PAGE_RUNTIMES[artifact.format].judge]
    absence = judge.explain_absence()
    if absence:
        raise MissingPackage(f"a browser cannot be measured: {absence}", hint=f"install it: {judge.install}")
    dataset, spec = pipeline.model.dataset, pipeline.model.input_spec
    photos = dataset.test
    console = pipeline.context.console
    with console.bar(f"{artifact.method} in a browser, files of test photos", len(photos), "photos") as bar:
        measurement, labels = stages.browser_bench.bench_in_browser(
            artifact,
            pixel_store.open_pixels([photo.sha256 for photo in photos], spec),
            [dataset.root / photo.path for photo in photos],
            bar.advance,
        )
    host = pipeline.delivery.score_on_host(artifact)
    same = int((read_array(host.path).argmax(axis=1) == np.array(labels)).sum())
    kept = pipeline.context.keep(STAGE, measurement.model_copy(update={"same_label": same}))
    return kept, host.invoke_ms
