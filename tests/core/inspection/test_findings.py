"""Findings are kept as JSON."""

import json

from edgetl.core.inspection.findings import Inspection


def test_findings_are_read_back_from_json(inspection, tmp_path):
    value = json.loads(json.dumps(inspection.to_json(tmp_path)))
    assert Inspection.from_json(value, tmp_path) == inspection
