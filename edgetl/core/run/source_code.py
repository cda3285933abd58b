"""The code behind a stage: the modules of edgetl and the libraries that a module imports, directly or indirectly.

A stored result must be computed again when the code that computed it changes. The import statements determine which
code that is, so there is no list of files to maintain.
"""

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parents[2]
# These modules show messages, define errors and end the work. They change no result.
_WITHOUT_EFFECT = frozenset(f"edgetl.core.{name}" for name in ("console", "errors", "interrupt", "progress"))
_IMPORT = re.compile(r"^\s*import (?P<names>[\w., ]+?)\s*(#.*)?$", re.MULTILINE)
_FROM_IMPORT = re.compile(r"^\s*from (?P<module>[\w.]+) import (?P<names>\((?:[^)#]|#.*)*\)|[\w, ]+)", re.MULTILINE)
_MODULE_STRING = re.compile(r"""["'](?P<module>edgetl(\.[a-z_0-9]+)+)["']""")
_COMMENT = re.compile(r"#.*")


@cache
def hash_code(module: str) -> str:
    """Return the sha256 over the source of a module of edgetl and of all modules of edgetl that it imports."""
    digest = hashlib.sha256()
    for name in list_modules(module):
        digest.update(name.encode() + b"\n" + _locate(name).read_bytes())
    return digest.hexdigest()


@cache
def hash_package() -> str:
    """Return the sha256 over the source of all modules of edgetl, with their names."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\n" + path.read_bytes())
    return digest.hexdigest()


@cache
def list_modules(module: str) -> tuple[str, ...]:
    """List the modules of edgetl that run when `module` is imported, in alphabetical order.

    They include the module itself and the packages that contain a module, whose __init__.py runs first. A module that
    is named by a string counts as imported: such a string starts a child process with `python -m`.
    """
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in reached and name not in _WITHOUT_EFFECT:
            reached.add(name)
            waiting += _scan_imports(name)[0] | _list_parents(name)
    return tuple(sorted(reached))


@cache
def list_libraries(module: str) -> tuple[str, ...]:
    """List the import names of the packages outside edgetl that `list_modules(module)` import, in alphabetical order.

    The standard library is included.
    """
    return tuple(sorted({library for name in list_modules(module) for library in _scan_imports(name)[1]}))


@cache
def _scan_imports(module: str) -> tuple[frozenset[str], frozenset[str]]:
    """Find the modules of edgetl, and the top-level names of other packages, in the source of one module."""
    ours, libraries = set[str](), set[str]()
    for name in _list_names(_locate(module).read_text(encoding="utf-8")):
        package = name.partition(".")[0]
        if package != "edgetl":
            libraries.add(package)
        elif _exists(name):
            ours.add(name)
    return frozenset(ours), frozenset(libraries)


def _list_names(source: str) -> Iterator[str]:
    """Yield every name in a source that may be a module: of import statements, and of strings that name a module.

    Regular expressions take a tenth of the time of a parser, and a finished build reads a hundred modules. A name that
    is no module has no effect. A module too many only causes a stage to run again.
    """
    for match in _IMPORT.finditer(source):
        yield from (name.split()[0] for name in match["names"].split(",") if name.strip())
    for match in _FROM_IMPORT.finditer(source):
        yield match["module"]
        names = _COMMENT.sub("", match["names"]).strip("()").replace("\n", " ")
        # An imported name can be a module or something inside the module.
        yield from (f"{match['module']}.{name.split()[0]}" for name in names.split(",") if name.strip())
    for match in _MODULE_STRING.finditer(source):
        yield from (match["module"], f"{match['module']}.__main__")


def _list_parents(module: str) -> frozenset[str]:
    """List the packages that contain a module, except edgetl itself, which computes nothing and names all modules."""
    parts = module.split(".")
    return frozenset(".".join(parts[:count]) for count in range(2, len(parts)))


def _exists(module: str) -> bool:
    return module != "edgetl" and _locate(module).is_file()


def _locate(module: str) -> Path:
    """Return the path that a module of edgetl has if it exists."""
    path = _PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
