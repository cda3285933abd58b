"""Arrays of a run folder that somebody may have sent: a .npy file may declare more than it contains."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetl.core.errors import ConfigError, first_line
from edgetl.core.storage.regular_files import LARGEST_RECORD_BYTES, explain_os_error, open_regular


def read_array(path: Path) -> NDArray[Any]:
    """Read a .npy file of a run folder, without pickles.

    Raises:
        ConfigError: the file cannot be read, is no regular file or too large, or it declares more than it contains.
    """
    try:
        open_regular(path, LARGEST_RECORD_BYTES, follow_links=False).close()
        # Mapped: an array that is larger than its file is an error, and allocates nothing. A product of lengths above
        # 2**63 overflows.
        with np.errstate(over="raise"):
            return np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    except OSError as error:
        reason = explain_os_error(error)
    except (ValueError, ArithmeticError, EOFError, SyntaxError) as error:
        reason = first_line(error)
    hint = f"remove {path.parent} and run the same command again"
    raise ConfigError(f"the file cannot be read: {reason}", where=(path,), hint=hint)
