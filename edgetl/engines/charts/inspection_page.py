"""Findings → inspection.html."""

from pathlib import Path
from typing import Any

import numpy as np

from edgetl.core.inspection.findings import Inspection
from edgetl.core.inspection.page_values import collect_values
from edgetl.core.pages.page import render_page
from edgetl.core.pages.thumbnails import Thumbnails
from edgetl.core.photos import pixel_store
from edgetl.core.photos.parts.folds import list_all_photos
from edgetl.core.records import Dataset, InputSpec
from edgetl.core.storage.files import write_text
from edgetl.engines.charts.learning_curve_chart import draw_learning_curve


def write_inspection_page(
    path: Path, inspection: Inspection, dataset: Dataset, input_spec: InputSpec, words: dict[str, Any]
) -> Path:
    """Write the page, and return its path.

    Args:
        path: the page.
        inspection: the findings.
        dataset: the photos that were inspected.
        input_spec: of the pixels in the store.
        words: title, suspects_file, command and version.

    Raises:
        DataError: the decoded photos are not in the cache any more.
    """
    photos = list_all_photos(dataset)
    pixels = pixel_store.open_pixels([photo.sha256 for photo in photos], input_spec)
    values = collect_values(inspection, photos, Thumbnails(lambda rows: pixels.rows(np.array(rows))))
    chart = draw_learning_curve(inspection.curves[0]) if inspection.curves else ""
    write_text(path, render_page("inspection.html", {**values, **words, "chart": chart}))
    return path
