"""source_code.py: a change in any module that a stage runs changes the hash of its code, and no other change does."""

import shutil
import textwrap
from pathlib import Path

import pytest

from edgetl.core.run import source_code

STAGES = sorted(path.stem for path in (source_code._PACKAGE / "stages").glob("[a-z]*.py"))


@pytest.fixture(autouse=True)
def empty_caches():
    """The functions cache their results for the lifetime of a process, in which source code does not change."""
    _clear_caches()
    yield
    _clear_caches()


def _clear_caches() -> None:
    for function in (
        source_code.hash_code,
        source_code.list_modules,
        source_code.list_libraries,
        source_code._scan_imports,
    ):
        function.cache_clear()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Writes modules of a small package named edgetl: name → source."""
    root = tmp_path / "edgetl"
    monkeypatch.setattr(source_code, "_PACKAGE", root)

    def write(**modules: str) -> None:
        root.mkdir(exist_ok=True)
        for name, source in modules.items():
            (root / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")

    return write


def hash_again(module: str) -> str:
    _clear_caches()
    return source_code.hash_code(module)


def test_imports_are_followed(package):
    package(a="from edgetl import b", b="import edgetl.c", c="", d="")
    assert source_code.list_modules("edgetl.a") == ("edgetl.a", "edgetl.b", "edgetl.c")


def test_circular_imports_are_followed_once(package):
    package(a="import edgetl.b", b="import edgetl.a")
    assert source_code.list_modules("edgetl.a") == ("edgetl.a", "edgetl.b")


@pytest.mark.parametrize(
    "source",
    [
        "import edgetl.b",
        "import os, edgetl.b as name",
        "import edgetl.b  # noqa: E402",
        "from edgetl import b",
        "from edgetl import b as name, c",
        "from edgetl.b import function",
        "from edgetl import (\n    c,  # noqa: F401 (used elsewhere)\n    b,\n)",
        "def f():\n    from edgetl import b",
        'COMMAND = [python, "-m", "edgetl.b"]',
        "COMMAND = [python, '-m', 'edgetl.b']",
    ],
)
def test_statement_imports_a_module(package, source):
    package(a=source, b="", c="")
    assert "edgetl.b" in source_code.list_modules("edgetl.a")


@pytest.mark.parametrize("source", ["import edgetlx.b", "from other import b", "edgetl.b", "# edgetl.b"])
def test_text_imports_no_module(package, source):
    package(a=source, b="")
    assert source_code.list_modules("edgetl.a") == ("edgetl.a",)


def test_package_started_with_m_runs_its_main_module(package, tmp_path):
    package(a='COMMAND = [python, "-m", "edgetl.tool"]')
    (tmp_path / "edgetl" / "tool").mkdir()
    for name, source in (("__init__", ""), ("__main__", "import scipy")):
        (tmp_path / "edgetl" / "tool" / f"{name}.py").write_text(source, encoding="utf-8")
    assert source_code.list_modules("edgetl.a") == ("edgetl.a", "edgetl.tool", "edgetl.tool.__main__")
    assert source_code.list_libraries("edgetl.a") == ("scipy",)


def test_packages_that_contain_a_module_count(package, tmp_path):
    package(a="import edgetl.tool.part")
    (tmp_path / "edgetl" / "tool").mkdir()
    for name, source in (("__init__", "import scipy"), ("part", "")):
        (tmp_path / "edgetl" / "tool" / f"{name}.py").write_text(source, encoding="utf-8")
    assert source_code.list_modules("edgetl.a") == ("edgetl.a", "edgetl.tool", "edgetl.tool.part")
    assert source_code.list_libraries("edgetl.a") == ("scipy",)


def test_libraries_are_those_of_all_modules(package):
    package(a="import os\nimport numpy as np\nfrom edgetl import b", b="from PIL import Image\nimport keras.layers")
    assert source_code.list_libraries("edgetl.a") == ("PIL", "keras", "numpy", "os")


def test_changed_module_changes_the_hash(package):
    package(a="import edgetl.b", b="X = 1", c="X = 1")
    before = source_code.hash_code("edgetl.a")
    package(c="X = 2")
    assert hash_again("edgetl.a") == before
    package(b="X = 2")
    assert hash_again("edgetl.a") != before
    package(b="X = 1")
    assert hash_again("edgetl.a") == before


def test_renamed_module_changes_the_hash(package):
    package(a='NAMES = ["edgetl.b", "edgetl.c"]', b="X = 1")
    before = source_code.hash_code("edgetl.a")
    Path(source_code._PACKAGE / "b.py").rename(source_code._PACKAGE / "c.py")
    assert hash_again("edgetl.a") != before


@pytest.fixture
def copied_package(tmp_path, monkeypatch):
    """A copy of edgetl's source code, whose files may be changed."""
    root = tmp_path / "edgetl"
    shutil.copytree(source_code._PACKAGE, root, ignore=shutil.ignore_patterns("__pycache__", "weights"))
    monkeypatch.setattr(source_code, "_PACKAGE", root)
    return root


def change(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"# changed\n")


def test_every_changed_module_of_a_stage_changes_its_hash(copied_package):
    """The modules of retraining include those of the child process."""
    modules = source_code.list_modules("edgetl.stages.retrain")
    files = [source_code._locate(module) for module in modules]
    names = {path.relative_to(copied_package).as_posix() for path in files}
    assert names >= {
        "core/photos/augment.py",
        "core/photos/pixels.py",
        "engines/__init__.py",
        "engines/keras/to_network.py",
        "engines/tfmot/__main__.py",
        "engines/tfmot/launcher.py",
        "engines/tfmot/qat.py",
        "stages/retrain.py",
    }
    hashes = {source_code.hash_code("edgetl.stages.retrain")}
    for path in files:
        change(path)
        hashes.add(hash_again("edgetl.stages.retrain"))
    assert len(hashes) == len(files) + 1


@pytest.mark.parametrize("stage", ["train", "retrain", "convert", "score", "verify", "bundle"])
def test_console_errors_and_progress_do_not_count(copied_package, stage):
    before = source_code.hash_code(f"edgetl.stages.{stage}")
    for name in ("console", "errors", "progress"):
        change(copied_package / "core" / f"{name}.py")
    assert hash_again(f"edgetl.stages.{stage}") == before


def test_a_stage_does_not_count_what_it_does_not_run(copied_package):
    before = source_code.hash_code("edgetl.stages.train")
    change(copied_package / "engines" / "tfmot" / "qat.py")
    change(copied_package / "engines" / "onnx" / "convert.py")
    assert hash_again("edgetl.stages.train") == before


@pytest.mark.parametrize("stage", STAGES)
def test_no_string_makes_a_stage_count_another_stage_or_a_higher_layer(stage):
    modules = source_code.list_modules(f"edgetl.stages.{stage}")
    assert [name for name in modules if name.startswith("edgetl.stages.")] == [f"edgetl.stages.{stage}"]
    assert not [name for name in modules if name.startswith(("edgetl.pipeline", "edgetl.cli"))]


def test_hash_of_the_package_covers_every_module(monkeypatch, tmp_path):
    def compute() -> str:
        source_code.hash_package.cache_clear()
        return source_code.hash_package()

    monkeypatch.setattr(source_code, "_PACKAGE", tmp_path)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.py").write_text("1")
    before = compute()
    (tmp_path / "inner" / "a.py").write_text("2")
    changed = compute()
    (tmp_path / "inner" / "a.py").rename(tmp_path / "inner" / "b.py")
    assert len({before, changed, compute()}) == 3
    source_code.hash_package.cache_clear()
