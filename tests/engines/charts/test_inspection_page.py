"""The page of an inspection is one file with thumbnails of its photos."""

from edgetl.core.inspection.findings import Inspection, LearningCurve, Suspect
from edgetl.core.records import InputSpec
from edgetl.engines.charts.inspection_page import write_inspection_page


def test_page_has_thumbnails_and_the_chart(shared_dataset, order, tmp_path):
    side_px = order.recipe.base.side_px
    curve = LearningCurve(label=-1, photos=(9, 90), accuracies=(0.5, 0.9), more=9, gain=0, gain_low=0, gain_high=0.1)
    inspection = Inspection(
        classes=shared_dataset.classes,
        counts=(40, 40, 40),
        accuracy=0.9,
        recalls=(0.9, 0.9, 0.9),
        suspects=(Suspect(row=3, suggested=1, score=0.1, neighbours=(50,)),),
        curves=(curve,),
    )
    words = {"title": "shapes", "suspects_file": "suspects.csv", "command": "edgetl build", "version": "1"}
    path = write_inspection_page(
        tmp_path / "a.html",
        inspection,
        shared_dataset,
        InputSpec(height_px=side_px, width_px=side_px, fit=order.recipe.photos.fit),
        words,
    )
    page = path.read_text(encoding="utf-8")
    assert page.count("data:image/webp") == 2 and 'aria-label="Learning curve' in page
