"""--json names photos and classes."""

import json

from edgetl.core.inspection.dump import dump_inspection


def test_findings_are_plain_values_with_names(inspection, photos):
    value = json.loads(json.dumps(dump_inspection(inspection, photos)))
    assert value["photos"] == 8 and [entry["photos"] for entry in value["classes"]] == [4, 4]
    first = value["wrong_labels"][0]
    assert (first["path"], first["label"], first["suggested"]) == (photos[1].path, *inspection.classes)
    assert first["neighbours"] == [photos[4].path, photos[7].path]
    assert value["near_duplicates"] == [[photos[4].path, photos[5].path]] and value["outliers"] == [photos[5].path]
    assert [curve["class"] for curve in value["learning_curves"]] == ["", inspection.classes[0]]
    assert value["confused_pairs"][0]["between"] == [photos[1].path, photos[2].path]
    assert value["shortcuts"][0]["is_shortcut"] is True
