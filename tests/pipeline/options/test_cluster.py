"""options/cluster.py: tasks run on this machine unless a cluster is named."""

import pytest

from edgetl.pipeline.options import BuildOptions, ClusterOptions, SweepOptions, TrainOptions


@pytest.mark.parametrize("group", [BuildOptions, ClusterOptions, SweepOptions, TrainOptions])
def test_default_is_this_machine(group):
    assert group().cluster == "local"
