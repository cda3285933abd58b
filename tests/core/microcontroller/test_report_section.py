"""The section of the report about a microcontroller."""

from dataclasses import replace

from edgetl.core.microcontroller.memory_table import BOARD_COLUMNS
from edgetl.core.microcontroller.report_section import collect_memory
from tests.fixtures.reports import make_report


def test_other_targets_have_no_section():
    assert collect_memory(*make_report()) is None


def test_sentences_and_boards_are_those_of_the_build():
    run, target = make_report()
    boards = (("rp2350", "1", "2", "3 … 4", "yes"),)
    target = replace(target, result=target.result.model_copy(update={"memory": ("arena: 1",), "boards": boards}))
    assert collect_memory(run, target) == {"lines": ("arena: 1",), "columns": BOARD_COLUMNS, "rows": boards}
