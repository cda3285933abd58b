"""A bundle → a Benchmark: its own bench.py run here, as a device would run it. The host's figures, not a device's."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.core.device import benchmark as benchmark_file
from edgetl.core.device.benchmark import BenchmarkRequest
from edgetl.core.errors import StageError
from edgetl.core.records import Benchmark, Bundle

# bench.py: 0 measured, 1 measured but INVALID, which stands in measure.json too.
_MEASURED = (0, 1)


def bench(bundle: Bundle, wanted: BenchmarkRequest, folder: Path, *, said: Callable[[str], None]) -> Benchmark:
    """Run bench.py on this machine.

    Args:
        bundle: whose model is `wanted`; nothing is written into it.
        wanted: what is measured.
        folder: takes measure.json, measure.svg and, where photos were scored, scores.npy.
        said: told what is being measured.

    Raises:
        StageError: bench.py could not measure, or left something else than its measure.
    """
    with TemporaryDirectory(prefix="edgetl-") as photos:
        command = [sys.executable, str(bundle.root / "bench.py"), "--out", str(folder), "--soak", f"{wanted.soak_s:g}"]
        if wanted.photos:
            benchmark_file.link_photos(wanted, Path(photos))
            command += ["--photos", photos]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        last = "no message"
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace", env=environment) as child:
            for line in child.stderr or ():
                if line.startswith("• "):
                    said(line.removeprefix("• ").rstrip())
                else:
                    last = line.strip() or last
                    print(line, end="", file=sys.stderr)
    if child.returncode not in _MEASURED:
        reason = f"killed by signal {-child.returncode}" if child.returncode < 0 else last
        raise StageError(f"bench.py could not measure: {reason}", where=(bundle.root,))
    return benchmark_file.read_benchmark("host", wanted, folder)
