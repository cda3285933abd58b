"""label_threshold.py: a record that is read back from JSON, without numpy."""

import subprocess
import sys

from edgetl.core.tasks.label_threshold import LabelThreshold


def test_record_is_read_back():
    threshold = LabelThreshold(name="a", value=0.25, photos=12, chosen=True)
    assert LabelThreshold.model_validate_json(threshold.model_dump_json()) == threshold


def test_record_needs_no_numpy():
    code = "import sys, edgetl.core.records; print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
