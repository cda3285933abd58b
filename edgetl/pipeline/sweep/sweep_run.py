"""Photos and networks → one chosen network, built and judged on the test photos, and the Pareto front as a page."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgetl.core.run.fingerprint import installed_version
from edgetl.core.storage.files import write_json
from edgetl.core.sweep.gate_costs import dump_sweep
from edgetl.core.sweep.paired_tests import choose_model, estimate_optimism
from edgetl.core.sweep.results import SweepChoice, SweepResult, order_by_preference
from edgetl.core.sweep.space import SweepCandidate
from edgetl.pipeline import stages, workspace
from edgetl.pipeline.build import Built, run_build
from edgetl.pipeline.context import Context
from edgetl.pipeline.forecast.steps import plan_steps
from edgetl.pipeline.runs.build_command import show_path
from edgetl.pipeline.sweep.candidate_run import number_decisions, open_candidate
from edgetl.pipeline.sweep.gates import RESULT_FILE, SweepGates
from edgetl.pipeline.sweep.plan import SweepPlan, choose_sweep_folder, keep_sweep_plan

_PAGE = "sweep.html"
_RULES = {"latency": "the fastest", "bytes": "the smallest"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Swept:
    """A finished sweep.

    Attributes:
        root: its folder.
        result: rows and choice.
        built: the chosen network: `built.run` is a run folder like that of `edgetl build`.
        page: the page with the Pareto front.
    """

    root: Path
    result: SweepResult
    built: Built
    page: Path


@contextmanager
def open_sweep(plan: SweepPlan, out: Path | None, *, overwrite: bool, quiet: bool) -> Iterator[Context]:
    """Yield the context of a sweep in its folder.

    Raises:
        ConfigError: the folder is in use, has other files or another sweep, or is inside the photos.
    """
    root = choose_sweep_folder(plan, out)
    with workspace.open_workspace(root, quiet=quiet) as (run, console):
        keep_sweep_plan(plan, run.root, overwrite=overwrite)
        if out is None:
            console.say(f"folder of the sweep: {root}")
        yield Context(order=plan.order, run=run, console=console)


def run_sweep(context: Context, plan: SweepPlan) -> Swept:
    """Run all gates. What is finished in the folder of the sweep is read back.

    Raises:
        ConfigError, DataError: options or photos that cannot be used.
        StageError: no candidate is left.
    """
    console, gates = context.console, SweepGates(context, plan)
    limits = plan.describe_limits()
    console.say(f"{len(plan.orders)} networks, {limits or 'no limits'}; {plan.latency.sentence}")
    gates.measure()
    gates.train_heads()
    gates.fine_tune()
    compared = gates.list_left()
    # Of the trained networks: those whose files are made have no further chance to be lucky.
    tuned = gates.make_tests(compared)
    gates.make_files()
    finalists = gates.list_left()
    preference = order_by_preference([gates.rows[candidate] for candidate in finalists], plan.prefer)
    tests = gates.make_tests(finalists)
    chosen = finalists[choose_model(tests, np.array(preference))]
    for worse, better in tests.find_worse().items():
        _end(gates, finalists[worse], f"its file is certainly less accurate than that of {finalists[better].name}")
    for candidate in gates.list_left():
        if candidate != chosen:
            cost = "slower" if plan.prefer == "latency" else "larger"
            _end(gates, candidate, f"not certainly more accurate than {chosen.name}, and {cost}")
    places = order_by_preference([gates.rows[candidate] for candidate in compared], plan.prefer)
    optimism = estimate_optimism(
        tuned,
        np.array(places),
        number_decisions(gates.read_dataset(chosen)),
        seed=plan.order.recipe.training.seed,
    )
    gates.set_row(chosen, replace(gates.rows[chosen], gate="chosen"))
    order = plan.orders[chosen]
    with open_candidate(context, order, "tuned", chosen.name) as inner:
        built = run_build(replace(inner, plan=plan_steps(order, inner.run.root)))
    row, quality = gates.rows[chosen], built.quality
    choice = SweepChoice(
        name=chosen.name,
        rule=f"{_RULES[plan.prefer]} of the networks that are not certainly less accurate than another one",
        accuracy=row.file or 0.0,
        optimism=optimism,
        test_accuracy=quality.accuracy,
        test_low=quality.accuracy_low,
        test_high=quality.accuracy_high,
        test_photos=built.verdict.photos,
        outcome=built.verdict.outcome,
        bundle=str(built.bundle.root),
        commands=_list_commands(plan, built),
    )
    result = replace(gates.make_result(), choice=choice)
    write_json(context.run.root / RESULT_FILE, dump_sweep(result))
    page = context.run.root / _PAGE
    stages.sweep_page.write_sweep_page(page, result, installed_version("edgetl"))
    return Swept(root=context.run.root, result=result, built=built, page=page)


def _end(gates: SweepGates, candidate: SweepCandidate, reason: str) -> None:
    gates.set_row(candidate, replace(gates.rows[candidate], reason=reason))


def _list_commands(plan: SweepPlan, built: Built) -> tuple[str, ...]:
    """List what to type next: the run of the chosen network is finished, so that nothing is trained again."""
    run, device = str(show_path(built.run)), plan.device or "USER@HOST"
    # No program can measure a microcontroller from here.
    bench = [["bench", run, "--device", device]] if plan.target.runtime.python else []
    return tuple(shlex.join(["edgetl", *words]) for words in (["report", run, "--open"], *bench, ["demo", run]))
