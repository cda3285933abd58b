"""What a build was made of, and the command that repeats it: photos, hashes, versions, recipe."""

from typing import Any

from edgetl.core.report_page.facts import RunFacts, TargetFacts


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
    }
