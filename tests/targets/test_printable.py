"""printable.py: labels and file names cannot control a terminal, as in core/screen/printable.py."""

import pytest

from edgetl.core.screen.printable import escape_controls


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[31m",
        "\x9b2J",
        "a\rb",
        "a\nb",
        "\u202ecod",
        "\u2066x",
        "\udcff",
        "x\u2028y",
        "\u0645\u06cc\u200c\u062e",
        "👩\u200d🌾",
        "ä",
        "",
    ],
)
def test_text_is_escaped_as_by_edgetl(import_payload, text):
    printable = import_payload("printable").make_printable(text)
    assert printable == escape_controls(text)
    assert printable.replace("\u200c", "").replace("\u200d", "").isprintable()
