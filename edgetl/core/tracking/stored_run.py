"""Where a tool has stored the results of a run."""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRun:
    """A run in the store of MLflow.

    Attributes:
        store: address of the store, without a password.
        experiment: id of the experiment.
        run_id: id of the run.
        name: of the run.
        updated: whether the same results were there before.
    """

    store: str
    experiment: str
    run_id: str
    name: str
    updated: bool


def hide_password(address: str) -> str:
    """Return the address of a store without user and password."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else address
