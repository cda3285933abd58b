"""The value of --cluster → the executor of a command."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib.util import find_spec

from edgetl.core.errors import ConfigError, MissingPackage
from edgetl.pipeline import stages
from edgetl.pipeline.context import Context

LOCAL = "local"
_ADDRESS = re.compile(r"auto|(ray://)?[\w.-]+:\d{1,5}|(ray://)?\[[\da-fA-F:]+\]:\d{1,5}")


def check_cluster(name: str) -> None:
    """Check the value of --cluster, before a run folder is created.

    Raises:
        ConfigError: it is neither local, auto nor an address.
        MissingPackage: Ray is not installed.
    """
    if name == LOCAL:
        return
    if not _ADDRESS.fullmatch(name):
        raise ConfigError(
            f"--cluster {name!r}: it is local, auto or the address of a Ray cluster",
            hint="--cluster auto for the cluster of this machine, --cluster HOST:6379 for another one",
        )
    if find_spec("ray") is None:
        raise MissingPackage(
            f"--cluster {name} needs Ray, which is not installed", hint="pip install 'edgetl[ray]', on all machines"
        )


@contextmanager
def use_cluster(context: Context, name: str) -> Iterator[Context]:
    """Yield a context whose tasks run on a cluster; the context itself for local.

    Args:
        context: of a command.
        name: value of --cluster.

    Raises:
        ConfigError: see `check_cluster`; or there is no cluster at the address.
        MissingPackage: Ray is not installed.
    """
    check_cluster(name)
    if name == LOCAL:
        yield context
        return
    with ExitStack() as stack:
        with context.console.wait(f"connect to the Ray cluster at {name}"):
            executor = stack.enter_context(stages.ray_cluster.connect_to_ray(name))
        yield replace(context, executor=executor)
