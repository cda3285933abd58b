"""A template and its values → a page: one HTML file that loads nothing.

All values are escaped by Jinja2. Names of classes and files come from strangers: the filter `name` makes their control
characters visible, which could reverse the order of letters. A Content-Security-Policy in the page forbids scripts and
everything from the network, so that a mistake in a template has no effect either.
"""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from edgetl.core.screen.printable import escape_controls

# A longer name fills the page.
_LONGEST_NAME = 160


def render_page(template: str, values: dict[str, Any]) -> str:
    """Render a template of `core/pages/templates`.

    Args:
        template: its file name.
        values: what it shows. Markup is taken as it is, and all other text is escaped.
    """
    # StrictUndefined: a misspelled name in a template is an error, and not an empty text.
    environment = Environment(
        loader=PackageLoader("edgetl.core.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["name"] = show_name
    # A command and a path are never cut.
    environment.filters["visible"] = escape_controls
    environment.filters["percent"] = lambda value: f"{value:.1%}"
    return environment.get_template(template).render(values)


def show_name(name: str) -> Markup:
    """Show a name of a stranger: escaped, cut in its middle if it is long, and apart from the direction of the text."""
    text = escape_controls(name)
    if len(text) > _LONGEST_NAME:
        half = _LONGEST_NAME // 2
        text = f"{text[:half]}…{text[-half:]}"
    return Markup("<bdi>{}</bdi>").format(text)
