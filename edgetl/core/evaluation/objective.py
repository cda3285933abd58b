"""What a file is chosen by, among those that are within the limit: the values of --prefer and of `accepts.prefer`."""

from typing import Literal

from edgetl.core.errors import unknown_name

Objective = Literal["accuracy", "bytes", "latency", "balanced"]

# Objective → how a table describes the file that it chooses.
OBJECTIVES: dict[Objective, str] = {
    "accuracy": "the most accurate",
    "bytes": "the smallest",
    "latency": "the fastest",
    "balanced": "the smallest and fastest that is about as accurate as the best",
}


def find_objective(name: str) -> Objective:
    """Find an objective by its name.

    Raises:
        ConfigError: unknown name; the hint suggests similar ones.
    """
    for objective in OBJECTIVES:
        if objective == name:
            return objective
    raise unknown_name("--prefer", name, OBJECTIVES)
