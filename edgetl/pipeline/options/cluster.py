"""The option that decides on which machines tasks run."""

from dataclasses import dataclass
from typing import Annotated

from edgetl.pipeline.options.option import Option


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Where tasks run."""

    cluster: Annotated[
        str,
        Option(
            help="Where photos are decoded and features computed: local, auto for the Ray cluster of this machine, or "
            "its address. A sweep trains there too, and --all-methods converts there.",
            metavar="local|auto|HOST:PORT",
        ),
    ] = "local"
