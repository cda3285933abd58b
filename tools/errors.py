"""The error boundary of the scripts: errors of edgetl are printed without a traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from edgetl.core.console import Console
from edgetl.core.errors import EdgetlError


@contextmanager
def report_errors() -> Iterator[None]:
    """Print an EdgetlError as the command line of edgetl does, and exit with its code."""
    try:
        yield
    except EdgetlError as error:
        Console().error(error.message, error.where, error.hint)
        sys.exit(error.exit_code)
