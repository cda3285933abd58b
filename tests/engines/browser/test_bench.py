"""The measurement in a browser: from the files of photos to labels, with the pixels of the build."""

import pytest
from PIL import Image

from edgetl.core.photos import pixels
from edgetl.core.photos.pixel_store import DecodedPixels
from tests.fixtures.browser import CHROMIUM

pytest.importorskip("playwright", reason="playwright is not installed: pip install 'edgetl[browser]'")
import numpy as np

from edgetl.engines.browser.bench import bench_in_browser


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt install chromium")
def test_files_give_the_pixels_of_the_build(pipeline, built, browser_runtime, tmp_path):
    artifact, spec = pipeline.files.make("tflite", "int8"), built.trained.input
    noise = np.random.default_rng(2)
    paths = []
    for number, orientation in enumerate((1, 6, 3)):
        exif = Image.Exif()
        exif[274] = orientation
        coarse = Image.fromarray(noise.integers(0, 256, (6, 9, 3), dtype=np.uint8))
        paths.append(tmp_path / f"{number}.jpg")
        coarse.resize((190, 120)).save(paths[-1], quality=90, exif=exif)
    decoded = np.stack([pixels.load_photo(path, spec.height_px, spec.width_px, spec.fit) for path in paths])
    seen = []
    measurement, labels = bench_in_browser(artifact, DecodedPixels(decoded, spec), paths, seen.append)
    assert sum(seen) == len(paths) == measurement.photos and len(labels) == len(paths)
    # Decoders of JPEG may differ by a step.
    assert measurement.largest_pixel_difference <= 3
    assert measurement.load_ms > 0 and measurement.first_ms > 0 and measurement.photo.p50_ms > measurement.model.p50_ms
