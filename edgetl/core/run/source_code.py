"""The code behind a stage: which modules of edgetl and which libraries a module imports, directly or not.

A result that is kept must be computed again when the code that computed it changes. Which code that is follows from
the import statements; no list of files is kept by hand.
"""

import ast
import hashlib
import re
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parents[2]
# These print messages and hold errors. No number depends on them.
_WITHOUT_NUMBERS = frozenset({"edgetl.core.console", "edgetl.core.errors", "edgetl.core.progress"})
_MODULE_NAME = re.compile(r"edgetl(\.[a-z_0-9]+)+")


@cache
def hash_code(module: str) -> str:
    """Return the sha256 over the source of a module of edgetl and of all modules of edgetl that it imports."""
    digest = hashlib.sha256()
    for name in list_modules(module):
        digest.update(name.encode() + b"\n" + _locate(name).read_bytes())
    return digest.hexdigest()


@cache
def list_modules(module: str) -> tuple[str, ...]:
    """List the modules of edgetl that run when `module` does, itself included, in alphabetical order.

    A module whose name stands in a string, as in `[python, "-m", "edgetl.engines.tfmot"]`, is run as a child process
    and counts as imported.
    """
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in reached and name not in _WITHOUT_NUMBERS:
            reached.add(name)
            waiting += _scan_imports(name)[0]
    return tuple(sorted(reached))


@cache
def list_libraries(module: str) -> tuple[str, ...]:
    """List the import names of the packages outside edgetl that `list_modules(module)` import, without duplicates."""
    return tuple(sorted({library for name in list_modules(module) for library in _scan_imports(name)[1]}))


@cache
def _scan_imports(module: str) -> tuple[frozenset[str], frozenset[str]]:
    """Read the modules of edgetl and the top-level packages that one module names."""
    ours, libraries = set[str](), set[str]()
    for node in ast.walk(ast.parse(_locate(module).read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _MODULE_NAME.fullmatch(node.value):
            names = [node.value, f"{node.value}.__main__"]
        else:
            continue
        for name in names:
            if name.partition(".")[0] != "edgetl":
                libraries.add(name.partition(".")[0])
            elif _exists(name):
                ours.add(name)
    return frozenset(ours), frozenset(libraries)


def _exists(module: str) -> bool:
    return module != "edgetl" and _locate(module).is_file()


def _locate(module: str) -> Path:
    """Return the file of a module of edgetl, whether or not there is one."""
    path = _PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
