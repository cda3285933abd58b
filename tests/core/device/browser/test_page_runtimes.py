"""The table of runtimes of pages fits the tables of formats, judges and targets."""

import re

import pytest

from edgetl.core.device.browser.npm_packages import RUNTIMES
from edgetl.core.device.browser.page_runtimes import PAGE_RUNTIMES
from edgetl.core.device.judges import JUDGES
from edgetl.core.device.target_search import locate_shipped_targets
from edgetl.core.device.targets import find_target
from edgetl.core.formats import FORMATS

_EXPORT = re.compile(r"^export (?:async )?(?:function|const|class) (\w+)", re.MULTILINE)


def test_every_format_has_a_runtime():
    assert PAGE_RUNTIMES.keys() == FORMATS.keys()


@pytest.mark.parametrize("format_name", PAGE_RUNTIMES)
def test_target_and_judge_of_a_runtime_take_its_format(format_name):
    runtime = PAGE_RUNTIMES[format_name]
    target = find_target(runtime.target)
    judge = target.find_judge(format_name)
    assert target.accepts.formats == (format_name,)
    assert judge is JUDGES[runtime.judge]
    assert runtime.title in judge.title and RUNTIMES[runtime.target] == runtime.packages


@pytest.mark.parametrize("format_name", PAGE_RUNTIMES)
def test_folders_of_a_runtime_have_the_programs_of_its_target(format_name):
    runtime = PAGE_RUNTIMES[format_name]
    programs = {file.name: file.path for file in find_target(runtime.target).payload if file.path.suffix == ".js"}
    roots = [locate_shipped_targets() / folder for folder in runtime.folders]
    assert {path.name for root in roots for path in root.glob("*.js")} == programs.keys()
    for name, path in programs.items():
        assert path == next(root / name for root in roots if (root / name).is_file())


def test_pages_differ_in_the_module_of_the_runtime_alone():
    pages = {name: {file.name: file.path for file in find_target(name).payload} for name in ("browser", "browser-onnx")}
    other = {name for name, path in pages["browser-onnx"].items() if pages["browser"].get(name) != path}
    assert other == {"onnx_loader.js", "runtime.js", "RUNTIME.md"}
    assert pages["browser"].keys() <= pages["browser-onnx"].keys()


def test_modules_of_the_runtimes_have_the_same_exports():
    folders = [locate_shipped_targets() / runtime.folders[0] for runtime in PAGE_RUNTIMES.values()]
    exports = [set(_EXPORT.findall((folder / "runtime.js").read_text(encoding="utf-8"))) for folder in folders]
    assert exports[0] == exports[1] == {"KERNELS", "Model", "TITLE", "VARIANTS", "chooseVariant"}
