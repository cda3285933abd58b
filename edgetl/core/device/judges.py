"""The table of judges: runtimes beside that of a file format which predict the test photos for the verdict.

A target whose device runs a file on other kernels than the host names a judge in `[runtime] judge`. The ladder, the
thresholds and the golden outputs are computed on the kernels of the host; the verdict is on the judge's predictions,
which are the last hop of the ledger. `pipeline.stages` has the stage of each judge.

To add a judge: a name in `core.formats.JudgeName`, a row here, a module in `stages/judges` and a row in
`pipeline.stages`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

from edgetl.core.device.browser.browsers import describe_browser_program, explain_missing_browser
from edgetl.core.device.browser.page_programs import hash_page_programs
from edgetl.core.device.browser.page_runtimes import PAGE_RUNTIMES
from edgetl.core.formats import FormatName, JudgeName


@dataclass(frozen=True, kw_only=True, slots=True)
class Judge:
    """A judge.

    Attributes:
        name: its name in target.toml.
        title: its name in the ledger and in sentences.
        formats: formats of the files that it runs.
        follows_reference: whether it computes what the reference kernels of the format compute, else the fast ones.
        required: whether a build for a target with this judge ends with an error where the judge is missing. The
            verdict without another judge is on the kernels of the host, with the reason in `not_judged`.
        install: the command that installs it.
        explain_absence: returns what is missing on this machine, as in "tflite-micro is not installed", or "".
        describe: returns what is installed on this machine.
        hash_programs: returns the sha256 of programs in other languages that it runs; "" for none.
    """

    name: JudgeName
    title: str
    formats: tuple[FormatName, ...]
    follows_reference: bool
    required: bool
    install: str
    explain_absence: Callable[[], str]
    describe: Callable[[], str] = lambda: "installed"
    hash_programs: Callable[[], str] = lambda: ""


def require_module(module: str, distribution: str) -> Callable[[], str]:
    """Return a function that returns whether a module is missing. It loads nothing."""

    def explain_absence() -> str:
        return "" if find_spec(module) else f"{distribution} is not installed"

    return explain_absence


def _make_browser_judge(format_name: FormatName) -> Judge:
    """Make the judge of the page that runs files of a format."""
    runtime = PAGE_RUNTIMES[format_name]
    return Judge(
        name=runtime.judge,
        title=f"a browser ({runtime.title})",
        formats=(format_name,),
        follows_reference=False,
        # Its kernels are those of the host, for another processor: the verdict on the host's is used instead.
        required=False,
        install="pip install 'edgetl[browser]', and apt install chromium",
        explain_absence=partial(explain_missing_browser, runtime),
        describe=partial(describe_browser_program, runtime),
        hash_programs=partial(hash_page_programs, runtime),
    )


JUDGES: dict[JudgeName, Judge] = {
    "browser": _make_browser_judge("tflite"),
    "browser-onnx": _make_browser_judge("onnx"),
    "tflm": Judge(
        name="tflm",
        title="TensorFlow Lite Micro",
        formats=("tflite",),
        follows_reference=True,
        required=True,
        install="pip install 'edgetl[micro]'",
        explain_absence=require_module("tflite_micro", "tflite-micro"),
    ),
}
