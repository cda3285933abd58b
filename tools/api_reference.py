"""Generates the reference of the Python API in docs/api.md from signatures and docstrings.

Usage: python tools/api_reference.py [--check]
"""

import argparse
import inspect
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import edgetl
from edgetl.core.errors import EdgetlError
from edgetl.pipeline.options import BuildOptions, list_options

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"
BEGIN, END = "<!-- api:begin -->", "<!-- api:end -->"


def render() -> str:
    """Render all public functions, results, the options of `build`, and the errors."""
    public = {name: getattr(edgetl, name) for name in edgetl.__all__}
    functions = {name: value for name, value in public.items() if inspect.isfunction(value)}
    errors = {
        name: value for name, value in public.items() if inspect.isclass(value) and issubclass(value, EdgetlError)
    }
    results = {name: value for name, value in public.items() if name not in functions and name not in errors}
    lines = ["## Functions", ""]
    for name, function in functions.items():
        lines += [f"### edgetl.{name}", "", "```python", _render_signature(name, function), "```", ""]
        lines += [_render_docstring(function), ""]
    lines += ["## Options of build and train", "", "| option | type | default | |", "|---|---|---|---|"]
    for name, annotation, option, default in list_options(BuildOptions):
        if name != "photos":
            lines.append(f"| `{name}` | {_render_type(annotation)} | `{default!r}` | {option.help} |")
    lines += ["", "## Results", ""]
    for name, result in results.items():
        lines += [f"### edgetl.{name}", "", _render_docstring(result), ""]
        rows = _list_fields(result)
        if rows:
            lines += ["| field | type |", "|---|---|", *(f"| `{field}` | {kind} |" for field, kind in rows), ""]
    lines += ["## Errors", "", "| exception | exit code | when |", "|---|---|---|"]
    for name, error in errors.items():
        lines.append(f"| `{name}` | {error.exit_code} | {(inspect.getdoc(error) or '').splitlines()[0]} |")
    return "\n".join(lines).rstrip() + "\n"


def update(text: str) -> str:
    """Replace the part between the markers of a page.

    Raises:
        ValueError: not exactly one pair of markers.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"the page needs one {BEGIN} and one {END} behind it")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{render()}{END}{rest.split(END)[1]}"


def _render_signature(name: str, function: Any) -> str:
    """Render the parameters; those that are options of `build` stand for `**options`."""
    parameters = inspect.signature(function).parameters.values()
    takes_options = name in ("build", "train")
    options = {option for option, _, _, _ in list_options(BuildOptions)} - {"photos"} if takes_options else set()
    parts: list[str] = []
    for parameter in parameters:
        if parameter.name in options:
            continue
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        default = "" if parameter.default is inspect.Parameter.empty else f"={parameter.default!r}"
        parts.append(f"{parameter.name}{default}")
    return f"{name}({', '.join(parts)}{', **options' if takes_options else ''})"


def _render_docstring(value: Any) -> str:
    """Turn the sections of a docstring into Markdown lists."""
    lines: list[str] = []
    for line in (inspect.getdoc(value) or "").splitlines():
        if line.rstrip() in ("Args:", "Returns:", "Raises:", "Attributes:"):
            lines += [f"**{line.strip().removesuffix(':')}**", ""]
        elif line.startswith("        "):
            lines[-1] += f" {line.strip()}"
        elif line.startswith("    "):
            name, colon, text = line.strip().partition(": ")
            lines.append(f"- `{name}`: {text}" if colon else f"- {line.strip()}")
        else:
            lines.append(line)
    return "\n".join(lines)


def _list_fields(value: Any) -> list[tuple[str, str]]:
    if is_dataclass(value):
        return [(field.name, _render_type(field.type)) for field in fields(value)]
    if hasattr(value, "model_fields"):
        return [(name, _render_type(field.annotation)) for name, field in value.model_fields.items()]
    return []


def _render_type(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    for prefix in ("edgetl.core.", "edgetl.pipeline.", "verdict_records.", "records.", "pathlib.", "typing."):
        text = text.replace(prefix, "")
    return f"`{text}`".replace("|", "\\|")


def main() -> int:
    """Update the page, or with --check return 1 if it is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if the page is out of date")
    options = parser.parse_args()
    text = PAGE.read_text(encoding="utf-8")
    renewed = update(text)
    if options.check:
        return int(renewed != text)
    PAGE.write_text(renewed, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
