"""The design rules of docs/architecture.md. Each test names the file and the line that breaks a rule.

Most rules check the syntax of one file: a function from path and tree to violations. `test_violation_is_found` has a
violation of each.
"""

import ast
import functools
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from edgetl.core.device import targets

ROOT = Path(__file__).parents[1]
RUNTIMES = {"ai_edge_litert", "tflite_runtime", "onnxruntime"}
# Files of the camera demo that import further packages. requirements-demo.txt and DEMO.md say how to install them.
DEMO_PACKAGES = {
    "targets/raspberry-pi/demo_web.py": {"aiohttp"},
    "targets/raspberry-pi/demo_cameras.py": {"cv2", "picamera2"},
}
MOST_LINES = 300
MOST_FILES = 15
MOST_PARAMETERS = 5
LEAST_VERBS = 0.9
# Verbs of the field, of Python, and of this project.
VERBS = frozenset(
    """
    add adopt advance allocate append apply arrange assemble assign attach audit augment average await batch begin
    bench build bundle calibrate canonicalize capture cast center check choose classify clean clear clip close
    cluster collect combine compare compile complete compute concatenate connect continue convert copy count create
    crop cut decide decode decorate delete deploy dequantize derive describe detect diagnose discard distill
    download draw drop dump emulate encode ensure enter estimate evaluate examine expand explain export extend
    extract fetch fill filter find finish fit flatten flip flush fold format freeze fuse generate get give group
    guess handle has hash head hide import infer ingest init initialize insert inspect invoke is iterate join judge
    keep limit link list listen load locate log lower make map mark match measure merge move mutate name normalize
    notice open order override pack pad parse patch perform pick pin place plan plot pool predict prepare preprocess
    prevent print probe prune publish pull push put quantize queue quit raise rank read rebuild receive reciprocate
    record redirect reduce refuse register remove rename render reopen repair repeat replace report request require
    rescale reserve reset resize resolve restore restrict retrain return reverse review rewrite round run sample
    save scale scan score search select send serve set setup shape shift show shrink shuffle simplify sketch skip
    slice smooth solve sort split stack start stop store strip subtract suggest sum summarize sync tabulate take
    test to trace train transform translate transpose trim try tune turn unfreeze unpack update upload use validate
    verify visit wait walk warn widen wrap write yield
    """.split()  # noqa: SIM905  (a literal would be 200 lines)
)
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Rule = Callable[[Path, ast.Module], Iterator[str]]


def list_files(*folders: str) -> list[Path]:
    """List the Python files in folders of the project."""
    return sorted(
        path for folder in folders for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts
    )


def list_project_files() -> list[Path]:
    """List the files of the repository, as git does; without git, the files in its folders."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        folders = ("edgetl", "targets", "tests", "tools", ".ci", ".")
        paths = (path for folder in folders for path in (ROOT / folder).glob("*" if folder == "." else "**/*"))
        return sorted({path for path in paths if "__pycache__" not in path.parts and path.is_file()})
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def get_name(path: Path) -> str:
    """Return the path of a file inside the project."""
    return path.relative_to(ROOT).as_posix()


@functools.cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module", autouse=True)
def forget_trees() -> Iterator[None]:
    """Free the memory of all trees after the last test that reads them."""
    yield
    parse.cache_clear()


def list_violations(rule: Rule, paths: list[Path]) -> list[str]:
    assert paths
    return [f"{get_name(path)}:{violation}" for path in paths for violation in rule(path, parse(path))]


# Imports


def get_module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def list_module_imports(body: list[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports that run when a module is imported; those under TYPE_CHECKING do not run."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test) != "TYPE_CHECKING":
            yield from list_module_imports([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from list_module_imports([*node.body, *node.orelse, *node.finalbody])
            yield from list_module_imports([inner for handler in node.handlers for inner in handler.body])
        elif isinstance(node, ast.With | ast.ClassDef):
            yield from list_module_imports(node.body)


def resolve_import(node: ast.Import | ast.ImportFrom, modules: set[str]) -> set[str]:
    """Return the modules of edgetl that an import statement imports."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names} & modules
    assert node.level == 0, "relative import"
    names = {f"{node.module}.{alias.name}" for alias in node.names}
    return (names & modules) or ({node.module or ""} & modules)


def test_imports_have_no_cycle():
    modules = {get_module_name(path): path for path in list_files("edgetl")}
    graph = {
        name: {
            imported
            for node in list_module_imports(parse(path).body)
            for imported in resolve_import(node, set(modules))
        }
        for name, path in modules.items()
    }
    assert graph["edgetl.pipeline.build"]
    assert graph["edgetl.core.run.run_folder"] >= {"edgetl.core.errors", "edgetl.core.record"}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"imports have a cycle: {' → '.join(error.args[1])}")


IMPORT_FUNCTIONS = {"import_module", "importlib.import_module", "__import__"}


def find_lazy_imports(path: Path, tree: ast.Module) -> Iterator[str]:
    # `core.run.lazy` imports stages for the pipeline.
    if path.name == "__init__.py" or get_name(path).startswith(("edgetl/cli/", "edgetl/core/run/lazy.py")):
        return
    for function in ast.walk(tree):
        if isinstance(function, Function):
            for node in ast.walk(function):
                called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
                if isinstance(node, ast.Import | ast.ImportFrom) or called in IMPORT_FUNCTIONS:
                    yield f"{node.lineno} imports inside a function"


def test_only_the_lazy_modules_import_inside_functions():
    assert list_violations(find_lazy_imports, list_files("edgetl")) == []


# Keras 2 and the environment


def test_keras_is_never_imported_through_tensorflow():
    """Importing tfmot turns it into Keras 2."""
    pattern = re.compile(r"\b(tf|tensorflow)" + r"\.(python\.)?" + r"keras\b")
    suffixes = {".py", ".md", ".toml", ".txt", ".sh"}
    for folder in ("edgetl", "targets"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in suffixes:
                assert not pattern.search(path.read_text(encoding="utf-8")), get_name(path)
    assert pattern.search("tf" + ".keras.layers") and not pattern.search("tf_keras.layers")


DICT_WRITERS = {"setdefault", "update", "pop", "popitem", "clear", "__setitem__", "__delitem__", "__ior__"}


def find_environment_writes(path: Path, tree: ast.Module) -> Iterator[str]:
    if get_name(path) == "edgetl/engines/__init__.py":
        return
    for node in ast.walk(tree):
        writes = False
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            writes = _is_environment(node.value)
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            assigned = node.targets if isinstance(node, ast.Assign) else [node.target]
            writes = any(_is_environment(target) for target in assigned)
        elif isinstance(node, ast.Attribute):
            writes = (_is_environment(node.value) and node.attr in DICT_WRITERS) or ast.unparse(node) in (
                "os.putenv",
                "os.unsetenv",
            )
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            writes = any(alias.name in ("environ", "putenv", "unsetenv") for alias in node.names)
        if writes:
            yield f"{node.lineno} writes the environment"


def _is_environment(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.environb")


def test_environment_is_set_in_one_module():
    assert list_violations(find_environment_writes, list_files("edgetl")) == []


# One table of what differs by format


def find_format_comparisons(path: Path, tree: ast.Module) -> Iterator[str]:
    if get_name(path).startswith(("edgetl/engines/onnx/", "edgetl/engines/tflite/")):
        return
    for node in ast.walk(tree):
        values = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        if any(isinstance(value, ast.Constant) and value.value in ("onnx", "tflite") for value in values):
            yield f"{node.lineno} compares the name of a format: add a field to core.formats or a method to Backend"


def test_nothing_compares_the_name_of_a_format():
    assert list_violations(find_format_comparisons, list_files("edgetl")) == []


# Files that somebody else may have put there

# Calls that open a file as it is, whatever it is. The writes into new folders of our own are among them.
PLAIN_READS = {"read_text", "read_bytes", "open", "load", "fromfile", "memmap"}
READERS = {
    "edgetl/core/storage/regular_files.py": "opens regular files for all others",
    "edgetl/core/storage/files.py": "writes new files",
    "edgetl/core/storage/arrays.py": "checks the file first",
    "edgetl/core/storage/checksums.py": "the cache",
    "edgetl/core/storage/feature_store.py": "the cache",
    "edgetl/core/photos/segments.py": "the cache",
    "edgetl/core/photos/pixels.py": "runs on devices, and checks the file itself",
    "edgetl/core/network/description.py": "the job folder of a child process, which edgetl has just written",
    "edgetl/core/run/run_folder.py": "flushes files that a stage has just written",
    "edgetl/core/run/source_code.py": "the source code of edgetl",
    "edgetl/core/device/target_search.py": "loads an entry point, which is no file",
    "edgetl/core/machine.py": "/proc/cpuinfo",
    "edgetl/core/run/stage_cost.py": "/proc",
    "edgetl/core/interrupt.py": "/dev/null",
    "edgetl/core/screen/streams.py": "/dev/null",
    "edgetl/core/storage/keras_archive.py": "an archive that Keras has just written",
    "edgetl/core/device/browser/npm_packages.py": "archives in memory",
    "edgetl/stages/bundle.py": "the source code of pixels.py",
    "edgetl/stages/deploy.py": "archives in memory",
}


def find_plain_reads(path: Path, tree: ast.Module) -> Iterator[str]:
    """Find calls that open a file without `core.storage.regular_files`."""
    if get_name(path) in READERS:
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        # `LabelledPhotos.open` and other class methods open no file.
        if called.rpartition(".")[2] in PLAIN_READS and not called[0].isupper():
            yield f"{node.lineno} opens a file by {called}: use core.storage.regular_files"


def test_files_are_opened_as_regular_files():
    """A pipe or a device that somebody sent would block edgetl, and a file of any size would fill the memory."""
    assert list_violations(find_plain_reads, list_files("edgetl/core", "edgetl/pipeline", "edgetl/stages")) == []
    assert [name for name in READERS if not (ROOT / name).is_file()] == []


# Code that runs on the device


def list_device_files() -> list[Path]:
    return [ROOT / "edgetl" / "core" / "photos" / "pixels.py", *list_files("targets")]


def find_imports_unknown_to_devices(path: Path, tree: ast.Module) -> Iterator[str]:
    siblings = {other.stem for other in list_device_files()} if get_name(path).startswith("targets/") else set()
    allowed = set(sys.stdlib_module_names) | {"numpy", "PIL"} | siblings
    if siblings:
        allowed |= RUNTIMES | DEMO_PACKAGES.get(get_name(path), set())
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"{node.lineno} imports relatively"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in IMPORT_FUNCTIONS:
            names = [str(argument.value) if isinstance(argument, ast.Constant) else "?" for argument in node.args[:1]]
        for name in names:
            if name.partition(".")[0] not in allowed:
                yield f"{node.lineno} imports {name}, which devices do not have"


def test_code_for_devices_imports_only_what_devices_have():
    assert len(list_device_files()) > 1
    assert list_violations(find_imports_unknown_to_devices, list_device_files()) == []


# Targets and mirrored tests


def test_every_shipped_target_loads(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGETL_TARGETS", raising=False)
    shipped = {path.parent.name for path in (ROOT / "targets").glob("*/target.toml")}
    assert shipped and shipped <= {target.id for target in targets.list_targets()}
    for name in shipped:
        target = targets.find_target(name)
        assert target.source.parent.parent == ROOT / "targets" and target.payload


def mirror(path: Path) -> Path:
    """Return where the tests of a module are."""
    inside = path.relative_to(ROOT / "edgetl")
    return ROOT / "tests" / inside.parent / f"test_{inside.stem.strip('_')}.py"


def has_code(path: Path) -> bool:
    """Return whether a module contains more than a docstring."""
    return len(parse(path).body) > 1


@pytest.mark.parametrize("path", [path for path in list_files("edgetl") if has_code(path)], ids=get_name)
def test_every_module_has_its_tests(path):
    assert mirror(path).is_file(), f"{get_name(path)} needs {get_name(mirror(path))}"
    assert "\ndef test_" in mirror(path).read_text(encoding="utf-8"), f"{get_name(mirror(path))} contains no test"


def test_every_test_file_has_its_module():
    whole_builds = {
        Path(__file__),
        *(ROOT / "tests" / f"test_{name}.py" for name in ("real_photos", "every_base", "tutorial", "multi_label")),
    }
    mirrored = {mirror(path) for path in list_files("edgetl")} | whole_builds
    # Tests of these are named after behaviour or after files outside edgetl/.
    elsewhere = {"device", "targets", "tools"}
    stray = [
        get_name(path)
        for path in list_files("tests")
        if path.name.startswith("test_") and path not in mirrored
        if path.relative_to(ROOT / "tests").parts[0] not in elsewhere
    ]
    assert stray == []


# Size and names


def find_many_parameters(path: Path, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, Function):
            continue
        name = getattr(node, "name", "lambda")
        decorators = [ast.unparse(decorator) for decorator in getattr(node, "decorator_list", [])]
        # The parameters of a command are its options.
        if get_name(path).startswith("edgetl/cli/") and any(text.startswith("app.") for text in decorators):
            continue
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        names = [argument.arg for argument in arguments if argument.arg not in ("self", "cls")]
        names += [argument.arg for argument in (node.args.vararg, node.args.kwarg) if argument]
        # Fields of a dataclass that is written by hand are not counted: their constructor is keyword-only.
        if len(names) > MOST_PARAMETERS:
            yield f"{node.lineno} {name} has {len(names)} parameters: make them a record"


def test_functions_have_five_parameters_at_most():
    assert list_violations(find_many_parameters, list_files("edgetl", "targets")) == []


def find_many_lines(path: Path, tree: ast.Module) -> Iterator[str]:
    lines = max((getattr(node, "end_lineno", 0) or 0 for node in tree.body), default=0)
    if lines > MOST_LINES:
        yield f"{lines} has more than {MOST_LINES} lines: split it by idea"


def test_files_have_300_lines_at_most():
    assert list_violations(find_many_lines, list_files("edgetl", "targets")) == []


def test_folders_have_15_files_at_most():
    counts: dict[Path, int] = defaultdict(int)
    for path in list_files("edgetl"):
        counts[path.parent] += path.name != "__init__.py"
    assert max(counts.values()) > 5
    assert [f"{get_name(folder)}: {count} files" for folder, count in counts.items() if count > MOST_FILES] == []


def list_public_names(tree: ast.Module) -> list[str]:
    """List the public functions and classes of a module."""
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node.name for node in tree.body if isinstance(node, definitions) and not node.name.startswith("_")]


def find_shared_names(modules: dict[str, list[str]]) -> list[str]:
    """Find public names that several modules define; the engines of two formats share their names on purpose.

    Args:
        modules: path of each module → its public names.
    """
    places: dict[str, set[str]] = defaultdict(set)
    for path, names in modules.items():
        for name in names:
            places[name].add(path)
    shared = []
    for name, paths in places.items():
        engines = {re.sub(r"^edgetl/engines/(tflite|onnx)/", "", path) for path in paths}
        # `main` is the entry point of a program.
        if len(paths) > 1 and len(engines) > 1 and name != "main":
            shared.append(f"{name}: {', '.join(sorted(paths))}")
    return sorted(shared)


def test_no_public_name_is_defined_in_two_modules():
    assert find_shared_names({get_name(path): list_public_names(parse(path)) for path in list_files("edgetl")}) == []


def test_shared_names_are_found():
    engines = {"edgetl/engines/tflite/runtime.py": ["predict_file"], "edgetl/engines/onnx/runtime.py": ["predict_file"]}
    assert find_shared_names(engines) == []
    assert find_shared_names({**engines, "edgetl/core/a.py": ["predict_file"]})
    assert find_shared_names({"edgetl/core/a.py": ["load"], "edgetl/core/b.py": ["load"]}) == [
        "load: edgetl/core/a.py, edgetl/core/b.py"
    ]
    # Of different modules of the two engines, the same name means two things.
    assert find_shared_names({"edgetl/engines/tflite/convert.py": ["f"], "edgetl/engines/onnx/graph.py": ["f"]})


def test_most_public_functions_begin_with_a_verb():
    functions = [
        (get_name(path), node.name)
        for path in list_files("edgetl")
        for node in parse(path).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")
    ]
    others = [f"{path}: {name}" for path, name in functions if name.partition("_")[0] not in VERBS]
    assert len(functions) > 100
    assert 1 - len(others) / len(functions) >= LEAST_VERBS, "\n".join(others)


# The order of the tests


def test_files_that_the_order_of_the_tests_names_exist(pytestconfig):
    """A name that is not there would change the order, and nothing else would show it."""
    conftest = pytestconfig.pluginmanager.get_plugin(str(ROOT / "tests" / "conftest.py"))
    starts = [start for row in conftest._TOGETHER.values() for start in row]
    names = [*starts, *(name for name in conftest._FIRST if name not in conftest._TOGETHER)]
    assert len(names) > 5 and [name for name in names if not (ROOT / name).exists()] == []


# No machine in particular


def test_no_file_names_a_machine():
    hosts = [".".join(parts) for parts in (("pypi", "org"), ("files", "pythonhosted", "org"), ("npmjs", "com"))]
    folders = ["/".join(parts) for parts in (("", "work", ""), ("", "tmp", "lab"))]
    texts = {path: path.read_bytes().decode("utf-8", errors="replace") for path in list_project_files()}
    named = [
        f"{get_name(path)} contains {text}"
        for path, content in texts.items()
        for text in hosts + folders
        if text in content
    ]
    assert named == []


# Warnings and exceptions


def find_suppressions(path: Path, tree: ast.Module) -> Iterator[str]:
    """Find filters for all warnings, bare handlers, and broad handlers without a comment that says why."""
    in_tests = get_name(path).startswith("tests/")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else ast.unparse(tree).splitlines()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            covers_all = first == "ignore" and len(node.args) == 1 and not node.keywords
            if covers_all and (called == "filterwarnings" or (called == "simplefilter" and not in_tests)):
                yield f"{node.lineno} ignores every warning"
        elif isinstance(node, ast.ExceptHandler):
            if node.type is None:
                yield f"{node.lineno} catches everything"
                continue
            names = {part.id for part in ast.walk(node.type) if isinstance(part, ast.Name)}
            if names & {"Exception", "BaseException"} and not _has_reason(lines, node.lineno):
                yield f"{node.lineno} catches Exception without a comment that says why"


def _has_reason(lines: list[str], number: int) -> bool:
    """Return whether a comment stands above a line, below it, or beside it with more than a noqa."""
    beside = lines[number - 1].partition("#")[2].split("noqa: BLE001")[-1]
    around = [lines[index].strip() for index in (number - 2, number) if 0 <= index < len(lines)]
    return len(beside.strip(" ()")) > 10 or any(line.startswith("#") for line in around)


def test_no_warning_and_no_exception_is_suppressed_without_a_reason():
    assert list_violations(find_suppressions, list_files("edgetl", "targets", "tools", "tests")) == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("except Exception:", False),
        ("except Exception:  # noqa: BLE001", False),
        ("except Exception:  # noqa: BLE001  (the boundary: no traceback is shown)", True),
        ("# Keras wraps every failure.\nexcept Exception:", True),
        ("except Exception:\n    # It may be anything.", True),
    ],
)
def test_comment_near_a_handler_is_its_reason(code, expected):
    lines = code.splitlines()
    number = next(index for index, text in enumerate(lines, 1) if text.startswith("except"))
    assert _has_reason(lines, number) is expected


# Pinned versions


def test_every_constraint_is_one_version():
    lines = (ROOT / "tools" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line.strip() and not line.startswith("#")]
    assert len(pins) > 10
    for line in pins:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.+!]*( ; .+)?", line), line
    names = [line.partition("==")[0].lower().replace("_", "-") for line in pins]
    assert len(names) == len(set(names))
    assert not re.search(r"://|@|--", "\n".join(lines))


# Documentation


def list_pages() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_readme_has_150_lines_at_most():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize("page", list_pages(), ids=get_name)
def test_relative_links_of_pages_exist(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


# Import name → distribution, where they differ.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "ai_edge_litert": "ai-edge-litert",
    "ethosu": "ethos-u-vela",
    "mlflow": "mlflow-skinny",
    "google": "protobuf",
    "pillow_heif": "pillow-heif",
    "pillow_jxl": "pillow-jxl-plugin",
    "pydantic_core": "pydantic-core",
    "sklearn": "scikit-learn",
    "tensorflow_model_optimization": "tensorflow-model-optimization",
    "tflite_micro": "tflite-micro",
}


def list_imported_packages(folder: str) -> set[str]:
    names = set()
    for path in list_files(folder):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    return {DISTRIBUTIONS.get(name, name) for name in names - set(sys.stdlib_module_names) - {"edgetl"}}


def test_imported_packages_are_the_declared_ones():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    # alembic and sqlalchemy are imported by MLflow.
    tracking = [line for line in optional["mlflow"] if line.startswith("mlflow-skinny")]
    extras = [line for name in ("browser", "ethos", "heif", "micro", "ray") for line in optional[name]]
    # fsspec imports s3fs for s3://.
    extras += [line for line in optional["s3"] if line.startswith("fsspec")]
    lines = [*project["dependencies"], *extras, *tracking]
    declared = {re.split(r"[<>=!\[]", line)[0].strip() for line in lines}
    assert list_imported_packages("edgetl") == declared


# The rules themselves


@pytest.mark.parametrize(
    ("rule", "place", "code"),
    [
        (find_lazy_imports, "edgetl/pipeline/build.py", "def f():\n    import keras"),
        (find_lazy_imports, "edgetl/pipeline/build.py", "def f():\n    if x:\n        from a import b"),
        (find_lazy_imports, "edgetl/pipeline/build.py", "def f():\n    importlib.import_module('keras')"),
        (find_format_comparisons, "edgetl/pipeline/build.py", "x = 1 if form == 'onnx' else 2"),
        (find_environment_writes, "edgetl/pipeline/build.py", "os.environ['A'] = 'b'"),
        (find_environment_writes, "edgetl/pipeline/build.py", "del os.environ['A']"),
        (find_environment_writes, "edgetl/pipeline/build.py", "os.environ.setdefault('A', 'b')"),
        (find_environment_writes, "edgetl/pipeline/build.py", "os.environ |= {}"),
        (find_environment_writes, "edgetl/pipeline/build.py", "os.putenv('A', 'b')"),
        (find_environment_writes, "edgetl/pipeline/build.py", "from os import environ"),
        (find_imports_unknown_to_devices, "edgetl/core/photos/pixels.py", "import ai_edge_litert"),
        (find_imports_unknown_to_devices, "edgetl/core/photos/pixels.py", "from edgetl.core import errors"),
        (find_imports_unknown_to_devices, "targets/common/classify.py", "def f():\n    import requests"),
        (find_imports_unknown_to_devices, "targets/common/classify.py", "from . import pixels"),
        (find_imports_unknown_to_devices, "targets/common/classify.py", "import aiohttp"),
        (find_imports_unknown_to_devices, "targets/common/classify.py", "importlib.import_module('cv2')"),
        (find_imports_unknown_to_devices, "targets/raspberry-pi/demo_web.py", "import cv2"),
        (find_imports_unknown_to_devices, "targets/raspberry-pi/demo_cameras.py", "importlib.import_module(name)"),
        (find_plain_reads, "edgetl/pipeline/build.py", "text = path.read_text(encoding='utf-8')"),
        (find_plain_reads, "edgetl/pipeline/build.py", "with open(path) as file: ..."),
        (find_plain_reads, "edgetl/stages/verify.py", "scores = np.load(path)"),
        (find_many_parameters, "edgetl/pipeline/build.py", "def f(a, b, c, *, d, e, f): ..."),
        (find_many_parameters, "edgetl/cli/verbs.py", "def _check(a, b, c, d, e, *f): ..."),
        (find_many_parameters, "edgetl/pipeline/build.py", "lambda a, b, c, d, e, f: 1"),
        (find_many_lines, "edgetl/pipeline/build.py", "x = 1\n" * 301),
        (find_suppressions, "edgetl/none.py", "try:\n    pass\nexcept:\n    pass"),
        (find_suppressions, "edgetl/none.py", "try:\n    pass\nexcept Exception:\n    pass"),
        (find_suppressions, "edgetl/none.py", "try:\n    pass\nexcept (OSError, BaseException) as error:\n    pass"),
        (find_suppressions, "tests/none.py", "warnings.filterwarnings('ignore')"),
        (find_suppressions, "edgetl/none.py", "warnings.simplefilter('ignore')"),
    ],
)
def test_violation_is_found(rule, place, code):
    assert len(list(rule(ROOT / place, ast.parse(code)))) == 1


@pytest.mark.parametrize(
    ("rule", "place", "code"),
    [
        (find_lazy_imports, "edgetl/cli/verbs.py", "def f():\n    import keras"),
        (find_lazy_imports, "edgetl/pipeline/build.py", "if TYPE_CHECKING:\n    import keras"),
        (
            find_environment_writes,
            "edgetl/pipeline/build.py",
            "x = {**os.environ, 'A': 'b'}\ny = os.environ.get('A')",
        ),
        (find_environment_writes, "edgetl/pipeline/build.py", "os.environ['A']"),
        (find_environment_writes, "edgetl/pipeline/build.py", "child = os.environ.copy()\nchild['A'] = 'b'"),
        (
            find_imports_unknown_to_devices,
            "targets/common/classify.py",
            "import runtime, numpy as np\nfrom PIL import Image",
        ),
        (find_imports_unknown_to_devices, "targets/raspberry-pi/demo_web.py", "from aiohttp import web"),
        (find_imports_unknown_to_devices, "targets/raspberry-pi/demo_cameras.py", "importlib.import_module('cv2')"),
        (find_plain_reads, "edgetl/pipeline/build.py", "read_json(path, hint='')\nLabelledPhotos.open(photos, spec)"),
        (find_many_parameters, "edgetl/pipeline/build.py", "class A:\n    def f(self, a, b, c, d, e): ..."),
        (find_many_parameters, "edgetl/cli/app.py", "@app.command()\ndef build(a, b, c, d, e, f): ..."),
        (find_many_lines, "edgetl/pipeline/build.py", "x = 1\n" * 300),
        (find_suppressions, "edgetl/none.py", "try:\n    pass\nexcept OSError:\n    pass"),
        (find_suppressions, "tests/none.py", "warnings.filterwarnings('ignore', message='x')"),
    ],
)
def test_correct_code_is_no_violation(rule, place, code):
    assert list(rule(ROOT / place, ast.parse(code))) == []
