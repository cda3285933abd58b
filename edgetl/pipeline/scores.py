"""The stages that all targets of an order share: photos → Dataset → Trained → Artifacts → Verdicts, each made once.

What is chosen for a target, bundled and measured is `delivery`'s: this file knows formats and kernels, no target.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from edgetl import stages
from edgetl.core import bases
from edgetl.core.evaluation import metrics
from edgetl.core.formats import FORMATS, KernelSet
from edgetl.core.photos.evaluation_set import EvaluationSet
from edgetl.core.records import Artifact, Part, Scores, Verdict
from edgetl.core.runs import installed_versions
from edgetl.pipeline.files import FileChain

# Plain kernels are slow (see `formats`); the ledger may spend this long on them.
_LEDGER_S = 90.0


class Chain(FileChain):
    """All stages of one order in one run folder, each run when something asks for its result."""

    def verdict(self, artifact: Artifact, part: Part, kernels: KernelSet, *, ledger: bool = False) -> Verdict:
        """The artifact on these kernels judged against the Keras reference on one part of the photos."""
        photos, contract = self.dataset.part(part), self.order.recipe.contract
        reference, answers = self.reference(part), self.answers(artifact, part, kernels)
        case = stages.verify.Case(
            method=artifact.method,
            photos=photos,
            classes=self.dataset.classes,
            reference=reference,
            artifact=answers,
            steps=self.steps(artifact, part, kernels) if ledger else (),
        )
        depends_on = {
            "reference": reference.sha256,
            "artifact": answers.sha256,
            "host_ms": answers.invoke_ms,
            "steps": [(name, scores.sha256) for name, scores in case.steps],
            # The answers to renamed photos are the old ones; the verdict names photos and classes.
            "said": [case.classes, [(photo.path, photo.label) for photo in photos]],
            "contract": contract.model_dump(),
        }
        # Two boards of one order may take the same file and run it on other kernels.
        plain = "reference-" if kernels == "reference" else ""
        name = f"verify-{artifact.format}-{artifact.method}-{plain}{part}"
        return self.stage(name, depends_on, lambda _: stages.verify.verify(case, contract), Verdict, title="")

    def steps(self, artifact: Artifact, part: Part, kernels: KernelSet) -> tuple[tuple[str, Scores], ...]:
        """Keras → the format in float32 → the artifact on plain kernels → on fast ones: each with its answers."""
        form, method = FORMATS[artifact.format], artifact.method
        answers = self.answers(artifact, part, kernels)
        steps = [("Keras", self.reference(part))]
        if method != "float32":
            float32 = self.artifact(artifact.format, "float32")
            steps.append((f"float32 {form.title}", self.answers(float32, part, form.fast_kernels)))
        if kernels == "reference":
            return (*steps, (f"{method}, {form.reference_title}", answers))
        affordable = form.count_affordable_photos(_LEDGER_S, answers.invoke_ms, accelerated=answers.accelerated)
        plain = self.answers(artifact, part, "reference", at_most=affordable)
        steps.append((f"{method}, {form.reference_title}", plain))
        steps.append((f"{method}, {form.fast_title if answers.accelerated else form.runtime}", answers))
        return tuple(steps)

    def reference(self, part: Part) -> Scores:
        """The Keras model's answers to one part of the photos."""
        trained = self.trained
        questions = EvaluationSet(part=part, photos=self.dataset.part(part), shape=self.shape)
        depends_on = {
            "model": trained.sha256,
            "photos": questions.sha256,
            "libraries": installed_versions("keras", bases.requested_backend()),
        }
        return self._scored(
            f"score-keras-{part}",
            depends_on,
            questions,
            lambda folder, advance: stages.score.reference(trained, questions, folder, advance=advance),
        )

    def answers(self, artifact: Artifact, part: Part, kernels: KernelSet, at_most: int = 2**31) -> Scores:
        """The artifact's answers to one part of the photos, or to so many of them, evenly drawn."""
        photos = self.dataset.part(part)
        drawn = tuple(photos[row] for row in metrics.sample_evenly(len(photos), at_most))
        questions = EvaluationSet(part=part, photos=drawn, shape=self.shape)
        # A board without fast kernels is asked all of them on the plain ones, and lives beside the ledger's few.
        few = "-few" if len(drawn) < len(photos) else ""
        depends_on = {
            "model": artifact.sha256,
            "photos": questions.sha256,
            "libraries": installed_versions(FORMATS[artifact.format].runtime_package),
        }
        return self._scored(
            f"score-{artifact.format}-{artifact.method}-{kernels}-{part}{few}",
            depends_on,
            questions,
            lambda folder, advance: stages.score.artifact(artifact, questions, kernels, folder, advance=advance),
        )

    def _scored(
        self,
        name: str,
        depends_on: Mapping[str, object],
        questions: EvaluationSet,
        make: Callable[[Path, Callable[[int], None]], Scores],
    ) -> Scores:
        def work(folder: Path) -> Scores:
            with self.console.bar(name.replace("-", " "), len(questions.photos), "photos") as bar:
                return make(folder, bar.advance)

        return self.stage(name, depends_on, work, Scores, title=f"{name.replace('-', ' ')} photos")
