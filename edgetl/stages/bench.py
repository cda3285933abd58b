"""Bundle → Benchmark: runs the bundle's own bench.py on this machine. It measures the host, not a device.

Programs of the bundle run only if its files are those of its record, and bench.py only after the self-check.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.core.device import benchmark, bundle_check
from edgetl.core.device.benchmark import Benchmark, BenchmarkRequest
from edgetl.core.errors import StageError
from edgetl.core.interrupt import call_when_interrupted, check_interrupt
from edgetl.core.records import Bundle
from edgetl.core.run.workspace import Workspace

# Exit codes of bench.py: 0 is a measurement, 1 an INVALID one. Both are kept: measure.json contains the reasons.
_MEASURED = (0, 1)
# Lines that begin with this are progress messages; all others are errors or output of libraries.
_MESSAGE = "• "


def bench_bundle(work: Workspace, bundle: Bundle, request: BenchmarkRequest) -> Benchmark:
    """Run bench.py; write measure.json, measure.svg and, where photos are scored, scores.npy.

    Raises:
        StageError: the bundle changed, this machine does not compute what the build computed, bench.py could not
            measure, or it did not write a measurement of this model.
        Interrupted: ^C or SIGTERM was received, and bench.py was ended.
    """
    bundle_check.check_record(bundle)
    _run_self_check(bundle)
    with TemporaryDirectory(prefix="edgetl-") as photos:
        # A bundle contains no other files, so Python must not write a __pycache__ into it (-B).
        command = [sys.executable, "-B", str(bundle.root / "bench.py"), "--out", str(work.folder)]
        command += ["--soak", f"{request.soak_s:g}"]
        # bench.py takes one folder per label: the dataset may have its parts in folders, or photos left out.
        if request.photos:
            benchmark.link_photos(request, Path(photos))
            command += ["--photos", photos]
        last_line = "no message"
        # In a process group of its own, bench.py gets no ^C from the terminal: this process ends it.
        with (
            subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace", process_group=0) as child,
            call_when_interrupted(child.kill),
        ):
            for line in child.stderr or ():
                if line.startswith(_MESSAGE):
                    work.console.say(line.removeprefix(_MESSAGE).rstrip())
                else:
                    last_line = line.strip() or last_line
                    print(line, end="", file=sys.stderr)
    check_interrupt()
    if child.returncode not in _MEASURED:
        reason = f"killed by signal {-child.returncode}" if child.returncode < 0 else last_line
        raise StageError(f"bench.py could not measure: {reason}", where=(bundle.root,))
    return benchmark.read_benchmark("host", request, work.folder)


def _run_self_check(bundle: Bundle) -> None:
    """Run selfcheck.py; its last line counts, because a program that ends early may end with exit code 0."""
    command = [sys.executable, "-B", str(bundle.root / "selfcheck.py")]
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, errors="replace", process_group=0) as child,
        call_when_interrupted(child.kill),
    ):
        output, errors = child.communicate()
    check_interrupt()
    # An error of Python is printed on stderr.
    bundle_check.require_closing_line(bundle, "this machine", output or errors, child.returncode)
