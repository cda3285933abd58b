"""What a build was made of, and the command that repeats it: photos, hashes, versions, recipe."""

from typing import Any

from edgetl.core.report_page.facts import RunFacts, TargetFacts
from edgetl.core.run.stage_cost import StageCost

COST_COLUMNS = ("stage", "seconds", "processor seconds", "peak memory, MB")
# Shorter stages are left out: a build has dozens.
_SHORTEST_S = 0.1


def collect_repeat(run: RunFacts, target: TargetFacts) -> dict[str, Any]:  # noqa: ARG001  (one form for all sections)
    """Collect the facts about the run, and those of the file of each target."""
    dataset, trained = run.dataset, run.trained
    several = len(run.results.targets) > 1
    hashes = [("photos", dataset.sha256), ("Keras model", trained.sha256)]
    for result in run.results.targets:
        hashes.append((f"{result.target} {result.method}" if several else f"{result.method} file", result.sha256))
    return {
        "command": run.commands.get("build", ""),
        "facts": [
            ("network", f"{trained.base}, alpha {trained.alpha:g}, {trained.parameters:,} parameters"),
            ("input", trained.input.size),
            ("weights it started from", trained.weights),
            ("trained with", f"{trained.backend} on {trained.device}, {trained.precision}"),
            (
                "photos",
                f"{len(dataset.train)} training, {len(dataset.validation)} validation, {len(dataset.test)} test; "
                f"{len(dataset.left_out)} files left out",
            ),
        ],
        "files": [
            {
                "title": f"{result.target}: {result.method} {result.format_title}",
                "input": f"{result.input.dtype} {list(result.input.shape)}",
                "output": f"{result.output.dtype} {list(result.output.shape)}",
                "bytes": f"{result.bytes:,}",
                "gzip_bytes": f"{result.gzip_bytes:,}",
                "operators": ", ".join(f"{count} {name}" for name, count in sorted(result.operators.items())),
            }
            for result in run.results.targets
        ],
        "notes": dataset.notes,
        "lines": (*run.results.agreements, *run.results.procedures),
        "hashes": hashes,
        "versions": sorted(run.results.versions.items()),
        "recipe": run.recipe,
        "costs": list_costs(run),
    }


def list_costs(run: RunFacts) -> list[list[str]]:
    """List the stages that took longest: cells in the order of `COST_COLUMNS`, and their sum in the last row.

    Stages of earlier versions have no processor seconds and no memory.
    """
    costs = {name: cost for name, cost in run.costs.items() if cost.seconds >= _SHORTEST_S}
    if not costs:
        return []
    total = StageCost(
        sum(cost.seconds for cost in costs.values()),
        sum(cost.processor_s for cost in costs.values()),
        max(cost.peak_bytes for cost in costs.values()),
    )
    longest = sorted(costs.items(), key=lambda pair: -pair[1].seconds)
    return [_list_cost_cells(name, cost) for name, cost in [*longest, ("all of them", total)]]


def _list_cost_cells(name: str, cost: StageCost) -> list[str]:
    measured = [f"{cost.processor_s:.1f}", f"{cost.peak_bytes / 1e6:.0f}"] if cost.peak_bytes else ["", ""]
    return [name, f"{cost.seconds:.1f}", *measured]
