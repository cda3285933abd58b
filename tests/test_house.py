"""The house rules (DESIGN.md), each as a test that names the file and the line that breaks it.

Most rules look at one file's syntax: `path, tree → offences`. `test_a_rule_can_fail` holds a breach of each.
"""

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import ModuleType

import pytest

from edgetl.core.device import targets

ROOT = Path(__file__).parents[1]
HEAVY = {"tensorflow", "keras", "tf_keras", "onnx", "onnxruntime", "ai_edge_litert", "sklearn", "scipy", "jax"}
RUNTIMES = {"ai_edge_litert", "tflite_runtime", "onnxruntime"}
# What one file of the camera demo may load besides; requirements-demo.txt and DEMO.md say where it comes from.
DEMO_ONLY = {
    "targets/raspberry-pi/demo_web.py": {"aiohttp"},
    "targets/raspberry-pi/demo_cameras.py": {"cv2", "picamera2"},
}
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def files(*folders: str) -> list[Path]:
    return sorted(
        path for folder in folders for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts
    )


def every_file() -> list[Path]:
    """What belongs to the repository, as git sees it; where there is no git, what stands in its folders."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        folders = ("edgetl", "targets", "tests", "tools", ".ci", ".")
        found = (path for folder in folders for path in (ROOT / folder).glob("*" if folder == "." else "**/*"))
        return sorted({path for path in found if "__pycache__" not in path.parts and path.is_file()})
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def offences(rule: Callable[[Path, ast.Module], Iterator[str]], paths: list[Path]) -> list[str]:
    assert paths
    found = []
    for path in paths:
        found += [f"{named(path)}:{offence}" for offence in rule(path, ast.parse(path.read_text(encoding="utf-8")))]
    return found


# 1. Imports


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def at_module_level(body: list[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that run when a module is imported; those for the type checker alone do not."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test) != "TYPE_CHECKING":
            yield from at_module_level([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from at_module_level([*node.body, *node.orelse, *node.finalbody])
            yield from at_module_level([inner for handler in node.handlers for inner in handler.body])
        elif isinstance(node, ast.With | ast.ClassDef):
            yield from at_module_level(node.body)


def imported(node: ast.Import | ast.ImportFrom, known: set[str]) -> set[str]:
    """The modules of edgetl that an import loads."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names} & known
    assert node.level == 0, "relative import"
    inner = {f"{node.module}.{alias.name}" for alias in node.names}
    return (inner & known) or ({node.module or ""} & known)


def test_no_import_goes_in_a_circle():
    modules = {module_name(path): path for path in files("edgetl")}
    graph = {
        name: {
            other
            for node in at_module_level(ast.parse(path.read_text(encoding="utf-8")).body)
            for other in imported(node, set(modules))
        }
        for name, path in modules.items()
    }
    assert graph["edgetl.pipeline.build"] and graph["edgetl.core.run.run_folder"] >= {
        "edgetl.core.errors",
        "edgetl.core.records",
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"imports in a circle: {' → '.join(error.args[1])}")


IMPORTERS = {"import_module", "importlib.import_module", "__import__"}


def lazy_imports(path: Path, tree: ast.Module) -> Iterator[str]:
    if path.name == "__init__.py" or named(path).startswith("edgetl/cli/"):
        return
    for function in ast.walk(tree):
        if isinstance(function, Function):
            for node in ast.walk(function):
                called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
                if isinstance(node, ast.Import | ast.ImportFrom) or called in IMPORTERS:
                    yield f"{node.lineno} imports inside a function"


def test_only_the_seam_imports_inside_functions():
    assert offences(lazy_imports, files("edgetl")) == []


@pytest.mark.parametrize("arguments", [["--help"], ["build", "--help"], ["bases"], ["targets"], ["methods"]])
def test_looking_around_loads_nothing_heavy(arguments, tmp_path):
    command = [sys.executable, "-X", "importtime", "-m", "edgetl", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert {"edgetl", "typer"} <= loaded
    assert loaded & HEAVY == set()
    assert done.stdout.strip()


# 2. and 3. Words and the environment


def test_one_keras_only():
    needle = re.compile(r"\b(tf|tensorflow)" + r"\.(python\.)?" + r"keras\b")
    kinds = {".py", ".md", ".toml", ".txt", ".sh"}
    for folder in ("edgetl", "targets"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in kinds:
                assert not needle.search(path.read_text(encoding="utf-8")), named(path)
    assert needle.search("tf" + ".keras.layers") and not needle.search("tf_keras.layers")


WRITERS = {"setdefault", "update", "pop", "popitem", "clear", "__setitem__", "__delitem__", "__ior__"}


def environment_writes(path: Path, tree: ast.Module) -> Iterator[str]:
    if named(path) == "edgetl/engines/__init__.py":
        return
    for node in ast.walk(tree):
        writes = False
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            writes = _is_environment(node.value)
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            aims = node.targets if isinstance(node, ast.Assign) else [node.target]
            writes = any(_is_environment(aim) for aim in aims)
        elif isinstance(node, ast.Attribute):
            writes = (_is_environment(node.value) and node.attr in WRITERS) or ast.unparse(node) in (
                "os.putenv",
                "os.unsetenv",
            )
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            writes = any(alias.name in ("environ", "putenv", "unsetenv") for alias in node.names)
        if writes:
            yield f"{node.lineno} writes the environment"


def _is_environment(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.environb")


def test_the_environment_is_set_in_one_place():
    assert offences(environment_writes, files("edgetl")) == []


# 4. What travels to the device


def travelling() -> list[Path]:
    return [ROOT / "edgetl" / "core" / "photos" / "pixels.py", *files("targets")]


def device_imports(path: Path, tree: ast.Module) -> Iterator[str]:
    siblings = {other.stem for other in travelling()} if named(path).startswith("targets/") else set()
    allowed = set(sys.stdlib_module_names) | {"numpy", "PIL"} | siblings
    if siblings:
        allowed |= RUNTIMES | DEMO_ONLY.get(named(path), set())
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"{node.lineno} imports relatively"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in IMPORTERS:
            names = [str(argument.value) if isinstance(argument, ast.Constant) else "?" for argument in node.args[:1]]
        for name in names:
            if name.partition(".")[0] not in allowed:
                yield f"{node.lineno} imports {name}, which no device has"


def test_what_travels_needs_only_what_a_device_has():
    assert len(travelling()) > 1
    assert offences(device_imports, travelling()) == []


# 5. Targets and mirrors


def test_every_shipped_target_loads(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGETL_TARGETS", raising=False)
    shipped = {path.parent.name for path in (ROOT / "targets").glob("*/target.toml")}
    assert shipped and shipped <= {target.id for target in targets.list_targets()}
    for name in shipped:
        found = targets.find_target(name)
        assert found.source.parent.parent == ROOT / "targets" and found.payload


def mirror(path: Path) -> Path:
    inside = path.relative_to(ROOT / "edgetl")
    return ROOT / "tests" / inside.parent / f"test_{inside.stem.strip('_')}.py"


def has_code(path: Path) -> bool:
    """Whether there is more to it than a docstring."""
    return len(ast.parse(path.read_text(encoding="utf-8")).body) > 1


@pytest.mark.parametrize("path", [path for path in files("edgetl") if has_code(path)], ids=named)
def test_every_module_has_its_mirror(path):
    assert mirror(path).is_file(), f"{named(path)} needs {named(mirror(path))}"
    assert "\ndef test_" in mirror(path).read_text(encoding="utf-8"), f"{named(mirror(path))} tests nothing"


def test_no_mirror_without_its_module():
    whole_chain = {Path(__file__), *(ROOT / "tests" / f"test_{name}.py" for name in ("real_photos", "every_base"))}
    mirrored = {mirror(path) for path in files("edgetl")} | whole_chain
    stray = [
        named(path)
        for path in files("tests")
        if path.name.startswith("test_")
        if path.parent.name not in ("device", "targets", "tools") or path.parent.parent.name == "core"
        if path not in mirrored
    ]
    assert stray == []


# 6. Five parameters


def parameters(path: Path, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, Function):
            continue
        name = getattr(node, "name", "lambda")
        commands = [ast.unparse(decorator) for decorator in getattr(node, "decorator_list", [])]
        if named(path).startswith("edgetl/cli/") and any(text.startswith("app.c") for text in commands):
            continue
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        taken = [argument.arg for argument in arguments if argument.arg not in ("self", "cls")]
        taken += [argument.arg for argument in (node.args.vararg, node.args.kwarg) if argument]
        if len(taken) > 5:
            yield f"{node.lineno} {name} takes {len(taken)} parameters: make it a record"


def test_five_parameters_at_most():
    assert offences(parameters, files("edgetl", "targets")) == []


# 7. Nobody's machine


def test_no_file_knows_a_machine():
    hosts = [".".join(parts) for parts in (("pypi", "org"), ("files", "pythonhosted", "org"), ("npmjs", "com"))]
    places = ["/".join(parts) for parts in (("", "work", ""), ("", "tmp", "lab"))]
    needles = [*hosts, *places]
    found = []
    for path in every_file():
        text = path.read_bytes().decode("utf-8", errors="replace")
        found += [f"{named(path)} says {needle}" for needle in needles if needle in text]
    assert found == []


# 8. Nothing is hushed up


def hushed(path: Path, tree: ast.Module) -> Iterator[str]:
    """Blanket filters, bare handlers, and broad ones without a word of why, beside them or above."""
    ours = not named(path).startswith("tests/")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else ast.unparse(tree).splitlines()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            called = ast.unparse(node.func).rpartition(".")[2]
            first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            blanket = first == "ignore" and len(node.args) == 1 and not node.keywords
            if blanket and (called == "filterwarnings" or (called == "simplefilter" and ours)):
                yield f"{node.lineno} ignores every warning"
        elif isinstance(node, ast.ExceptHandler):
            if node.type is None:
                yield f"{node.lineno} catches everything, named nothing"
                continue
            caught = {part.id for part in ast.walk(node.type) if isinstance(part, ast.Name)}
            if caught & {"Exception", "BaseException"} and not _says_why(lines, node.lineno):
                yield f"{node.lineno} catches Exception and does not say why"


def _says_why(lines: list[str], number: int) -> bool:
    """A comment above, in the block's first line, or beside: more than a noqa."""
    beside = lines[number - 1].partition("#")[2].split("noqa: BLE001")[-1]
    around = [lines[index].strip() for index in (number - 2, number) if 0 <= index < len(lines)]
    return len(beside.strip(" ()")) > 10 or any(line.startswith("#") for line in around)


def test_nothing_is_hushed_up():
    assert offences(hushed, files("edgetl", "targets", "tools", "tests")) == []


# 9. Pins


def test_every_pin_is_one_version():
    lines = (ROOT / "tools" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line.strip() and not line.startswith("#")]
    assert len(pins) > 10
    for line in pins:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.+!]*( ; .+)?", line), line
    names = [line.partition("==")[0].lower().replace("_", "-") for line in pins]
    assert len(names) == len(set(names))
    assert not re.search(r"://|@|--", "\n".join(lines))


# 10. README


def readme_help() -> ModuleType:
    spec = importlib.util.spec_from_file_location("readme_help", ROOT / "tools" / "readme_help.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_shows_the_help_as_it_is():
    tool, readme = readme_help(), ROOT / "README.md"
    if not readme.is_file() or tool.BEGIN not in readme.read_text(encoding="utf-8"):
        pytest.fail(f"README.md has no {tool.BEGIN} … {tool.END}: add both lines and run tools/readme_help.py")
    text = readme.read_text(encoding="utf-8")
    assert tool.renewed(text) == text, "the help has changed: run python tools/readme_help.py"


def test_the_help_fits_and_is_plain():
    block = readme_help().block()
    assert block.count("```") == 4 and "$ edgetl build --help" in block and "\x1b" not in block
    assert 60 < max(map(len, block.splitlines())) <= 100


def test_the_help_goes_between_the_markers():
    tool = readme_help()
    old = f"# Title\n\n{tool.BEGIN}\nold\n{tool.END}\n\nMore.\n"
    new = tool.renewed(old)
    assert new.startswith(f"# Title\n\n{tool.BEGIN}\n```console\n") and new.endswith(f"```\n{tool.END}\n\nMore.\n")
    assert tool.renewed(new) == new and "\nold\n" not in new
    for wrong in ("", tool.BEGIN, f"{tool.END}\n{tool.BEGIN}", old + old):
        with pytest.raises(ValueError, match="needs one"):
            tool.renewed(wrong)


# The rules themselves


@pytest.mark.parametrize(
    ("rule", "place", "code"),
    [
        (lazy_imports, "edgetl/pipeline/build.py", "def f():\n    import keras"),
        (lazy_imports, "edgetl/pipeline/build.py", "def f():\n    if x:\n        from a import b"),
        (lazy_imports, "edgetl/pipeline/build.py", "def f():\n    importlib.import_module('keras')"),
        (environment_writes, "edgetl/pipeline/build.py", "os.environ['A'] = 'b'"),
        (environment_writes, "edgetl/pipeline/build.py", "del os.environ['A']"),
        (environment_writes, "edgetl/pipeline/build.py", "os.environ.setdefault('A', 'b')"),
        (environment_writes, "edgetl/pipeline/build.py", "os.environ |= {}"),
        (environment_writes, "edgetl/pipeline/build.py", "os.putenv('A', 'b')"),
        (environment_writes, "edgetl/pipeline/build.py", "from os import environ"),
        (device_imports, "edgetl/core/photos/pixels.py", "import ai_edge_litert"),
        (device_imports, "edgetl/core/photos/pixels.py", "from edgetl.core import errors"),
        (device_imports, "targets/common/classify.py", "def f():\n    import requests"),
        (device_imports, "targets/common/classify.py", "from . import pixels"),
        (device_imports, "targets/common/classify.py", "import aiohttp"),
        (device_imports, "targets/common/classify.py", "importlib.import_module('cv2')"),
        (device_imports, "targets/raspberry-pi/demo_web.py", "import cv2"),
        (device_imports, "targets/raspberry-pi/demo_cameras.py", "importlib.import_module(name)"),
        (parameters, "edgetl/pipeline/build.py", "def f(a, b, c, *, d, e, f): ..."),
        (parameters, "edgetl/cli/verbs.py", "def _fault(a, b, c, d, e, *f): ..."),
        (parameters, "edgetl/pipeline/build.py", "lambda a, b, c, d, e, f: 1"),
        (hushed, "edgetl/none.py", "try:\n    pass\nexcept:\n    pass"),
        (hushed, "edgetl/none.py", "try:\n    pass\nexcept Exception:\n    pass"),
        (hushed, "edgetl/none.py", "try:\n    pass\nexcept (OSError, BaseException) as error:\n    pass"),
        (hushed, "tests/none.py", "warnings.filterwarnings('ignore')"),
        (hushed, "edgetl/none.py", "warnings.simplefilter('ignore')"),
    ],
)
def test_a_rule_can_fail(rule, place, code):
    assert len(list(rule(ROOT / place, ast.parse(code)))) == 1


@pytest.mark.parametrize(
    ("rule", "place", "code"),
    [
        (lazy_imports, "edgetl/cli/verbs.py", "def f():\n    import keras"),
        (lazy_imports, "edgetl/pipeline/build.py", "if TYPE_CHECKING:\n    import keras"),
        (environment_writes, "edgetl/pipeline/build.py", "x = {**os.environ, 'A': 'b'}\ny = os.environ.get('A')"),
        (environment_writes, "edgetl/pipeline/build.py", "os.environ['A']"),
        (environment_writes, "edgetl/pipeline/build.py", "child = os.environ.copy()\nchild['A'] = 'b'"),
        (device_imports, "targets/common/classify.py", "import runtime, numpy as np\nfrom PIL import Image"),
        (device_imports, "targets/raspberry-pi/demo_web.py", "from aiohttp import web"),
        (device_imports, "targets/raspberry-pi/demo_cameras.py", "importlib.import_module('cv2')"),
        (parameters, "edgetl/pipeline/build.py", "class A:\n    def f(self, a, b, c, d, e): ..."),
        (parameters, "edgetl/cli/verbs.py", "@app.command()\ndef build(a, b, c, d, e, f): ..."),
        (hushed, "edgetl/none.py", "try:\n    pass\nexcept OSError:\n    pass"),
        (hushed, "tests/none.py", "warnings.filterwarnings('ignore', message='x')"),
    ],
)
def test_a_rule_can_hold(rule, place, code):
    assert list(rule(ROOT / place, ast.parse(code))) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("except Exception:", False),
        ("except Exception:  # noqa: BLE001", False),
        ("except Exception:  # noqa: BLE001  (the boundary: nothing leaves bare)", True),
        ("# Keras wraps every failure.\nexcept Exception:", True),
        ("except Exception:\n    # It may be anything.", True),
    ],
)
def test_what_says_why(line, says):
    lines = line.splitlines()
    number = next(index for index, text in enumerate(lines, 1) if text.startswith("except"))
    assert _says_why(lines, number) is says
