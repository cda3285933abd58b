import sys

from edgetl.engines.processes.run import run_child


def test_exit_code_and_both_streams_are_returned():
    code = "import sys; print('out', flush=True); print('err', file=sys.stderr, flush=True); sys.exit(3)"
    assert run_child([sys.executable, "-c", code], 60) == (3, "out\nerr\n")


def test_a_child_that_takes_longer_is_killed():
    assert run_child([sys.executable, "-c", "import time; time.sleep(60)"], 0.2) == (
        1,
        "it was stopped after 0.2 s",
    )
