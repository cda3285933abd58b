"""The results of a build are written and read back as they are."""

from edgetl.core.run.build_results import BuildResults
from tests.fixtures.reports import Sample, make_report


def test_results_are_read_back_as_they_were_written(tmp_path):
    run, target = make_report(Sample(labels=True))
    results = run.results.model_copy(update={"targets": (target.result,)})
    assert BuildResults.from_json(results.to_json(tmp_path), tmp_path) == results
