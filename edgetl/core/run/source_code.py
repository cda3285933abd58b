"""The code behind a stage: which modules of edgetl and which libraries a module imports, directly or not.

A result that is kept must be computed again when the code that computed it changes. Which code that is follows from
the import statements; no list of files is kept by hand.
"""

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parents[2]
# These print messages and hold errors. No number depends on them.
_WITHOUT_NUMBERS = frozenset({"edgetl.core.console", "edgetl.core.errors", "edgetl.core.progress"})
_IMPORT = re.compile(r"^\s*import (?P<names>[\w., ]+)$", re.MULTILINE)
_FROM_IMPORT = re.compile(r"^\s*from (?P<module>[\w.]+) import (?P<names>\([^)]*\)|[\w, ]+)", re.MULTILINE)
_MODULE_STRING = re.compile(r"""["'](?P<module>edgetl(\.[a-z_0-9]+)+)["']""")


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
    """Find the modules of edgetl and the top-level packages that one module names."""
    ours, libraries = set[str](), set[str]()
    for name in _list_names(_locate(module).read_text(encoding="utf-8")):
        if name.partition(".")[0] != "edgetl":
            libraries.add(name.partition(".")[0])
        elif _exists(name):
            ours.add(name)
    return frozenset(ours), frozenset(libraries)


def _list_names(source: str) -> Iterator[str]:
    """Yield every name that may be a module: of import statements, and of strings that name a module of edgetl.

    Regular expressions take a tenth of the time of a parser, and a finished build reads a hundred modules. A name too
    many only repeats a stage.
    """
    for match in _IMPORT.finditer(source):
        yield from (name.split()[0] for name in match["names"].split(",") if name.strip())
    for match in _FROM_IMPORT.finditer(source):
        yield match["module"]
        names = match["names"].strip("()").replace("\n", " ")
        yield from (f"{match['module']}.{name.split()[0]}" for name in names.split(",") if name.strip())
    for match in _MODULE_STRING.finditer(source):
        yield from (match["module"], f"{match['module']}.__main__")


def _exists(module: str) -> bool:
    return module != "edgetl" and _locate(module).is_file()


def _locate(module: str) -> Path:
    """Return the file of a module of edgetl, whether or not there is one."""
    path = _PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
