"""Which file is chosen, by prepared verdicts. What the stages make of the choice is in test_build.py."""

import dataclasses

import pytest

from edgetl.core.device import targets
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.evaluation import ladder
from edgetl.core.methods import METHODS
from edgetl.core.records import Artifact
from edgetl.core.run.latencies import DeviceLatency, add_latency
from edgetl.core.verdict_records import Flip, Verdict
from edgetl.pipeline import selection as selection_module
from edgetl.pipeline.context import Context, StageClock
from edgetl.pipeline.selection import Selection
from tests.fixtures.execution import FakeExecutor

EXECUTOR = FakeExecutor()
VARIANTS = ladder.list_variants("mixed8")
# Most tests are about methods of which each makes one file.
SKIPPED = dict.fromkeys(("int8_more", "int8_adaround", *VARIANTS, "qat8"), "no better file")


class PreparedFiles:
    """In place of `pipeline.files.Files`: files that are never made.

    Attributes:
        skips: method → why it is skipped.
        errors: method → why its conversion fails.
        sizes: method → bytes of its file, by default 1000.
        made: methods of the files in the order in which they were needed.
        lacks_kernels: whether the model has layers without an int8 kernel.
    """

    def __init__(self, skips, errors, sizes):
        self.skips, self.errors, self.sizes = skips, errors, sizes
        self.made = []
        self.lacks_kernels = False

    def has_float_layers(self, format_name):
        if "ranges" in self.errors:
            raise StageError(self.errors["ranges"])
        return self.lacks_kernels

    def explain_skip(self, format_name, method):
        return self.skips.get(method.name, "")

    def make(self, format_name, method_name):
        if method_name in self.errors:
            raise StageError(self.errors[method_name])
        self.made.append(method_name if format_name == "tflite" else f"{format_name} {method_name}")
        return Artifact.model_construct(
            format=format_name,
            method=method_name,
            bytes=self.sizes.get(method_name, 1000),
            sha256=f"{format_name} {method_name}",
        )


class PreparedScores:
    """In place of `pipeline.scores.ModelScores`: verdicts by method. Every drop is compared with a limit of 0.02.

    A method that loses 0.01 breaks the first hundredth of the photos.
    """

    def __init__(self, drops, outcomes, photos):
        self.drops, self.outcomes, self.photos = drops, outcomes, photos

    def measure_memory(self, artifact, target):
        return ()

    def score_reference(self, part):
        assert part == "validation"

    def judge(self, artifact, part, kernels, *, ledger=False):
        assert part == "validation" and not ledger
        assert kernels == {"tflite": "xnnpack", "onnx": "onnxruntime"}[artifact.format]
        drop, outcome = self.drops[artifact.method], self.outcomes.get(artifact.method, "UNDECIDED")
        broke = round(drop * self.photos)
        return Verdict.model_construct(
            drop=drop,
            limit_drop=0.02,
            outcome=outcome,
            photos=self.photos,
            broke=broke,
            fixed=0,
            host_ms=1.0,
            host_disturbed=False,
            flips=tuple(
                Flip(path=f"{number}", truth="a", reference="a", artifact="b", confidence=0.5)
                for number in range(broke)
            ),
        )


@pytest.fixture
def select(empty_context):
    """Return a function that makes a selection over prepared files; it returns both."""

    def make(
        drops,
        *,
        outcomes=None,
        photos=4000,
        skips=SKIPPED,
        errors=None,
        sizes=None,
        target=None,
        clock=None,
        executor=None,
        **order,
    ):
        files = PreparedFiles(skips, errors or {}, sizes or {})
        target = target or empty_context.order.targets[0]
        context = Context(
            order=dataclasses.replace(empty_context.order, targets=(target,), **order),
            run=empty_context.run,
            console=empty_context.console,
            clock=clock or StageClock(),
            executor=executor,
        )
        return Selection(context, files, PreparedScores(drops, outcomes or {}, photos), target), files

    return make


def change_target(name="tflite", *, accepts=None, limits=None):
    """Return a shipped target with other tables."""
    target = targets.find_target(name)
    return target.model_copy(
        update={
            "accepts": target.accepts.model_copy(update=accepts or {}),
            "limits": target.limits.model_copy(update=limits or {}),
        }
    )


def list_reasons(selection):
    return {attempt.method: attempt.reason for attempt in selection.attempts}


# Order and limit


def test_first_method_that_holds_the_limit_is_chosen_and_no_further_is_made(select):
    selection, files = select({"int8": 0.01})
    assert selection.choose().method == "int8" and files.made == ["int8"]


def test_methods_are_tried_in_the_order_of_the_target(select):
    selection, files = select({"int8": 0.05, "float16": 0.03, "float32": 0.0})
    assert selection.choose().method == "float32" and files.made == ["int8", "float16", "float32"]


def test_drop_equal_to_the_limit_is_within_it(select):
    selection, _ = select({"int8": 0.02})
    assert selection.choose().method == "int8"


def test_method_with_a_failed_verdict_is_not_chosen(select):
    selection, _ = select({"int8": 0.015, "float16": 0.0}, outcomes={"int8": "FAIL"})
    assert selection.choose().method == "float16"


def test_nearest_file_is_chosen_where_none_is_within_the_limit(select):
    selection, _ = select({"int8": 0.5, "float16": 0.04, "float32": 0.03, "int16x8": 0.1, "dynamic": 0.03})
    assert selection.choose().method == "float32"


def test_strict_contract_accepts_a_pass_only(select, empty_context):
    recipe = empty_context.order.recipe
    strict = recipe.model_copy(update={"contract": recipe.contract.model_copy(update={"strict": True})})
    selection, _ = select({"int8": 0.0, "float16": 0.0}, outcomes={"float16": "PASS"}, recipe=strict)
    assert selection.choose().method == "float16"


def test_climb_goes_on_after_a_file_that_is_within_the_limit_and_may_not_hold_it(select):
    selection, files = select({"int8": 0.015, "float16": 0.0}, photos=200)
    assert selection.choose().method == "float16" and files.made == ["int8", "float16"]
    assert list_reasons(selection)["int8"] == (
        "loses 1.50 points, within the limit of 2, but its true drop may be +3.69: over 1.5 times the limit"
    )


def test_every_further_file_needs_more_to_hold_the_limit(select):
    drops = {"int8": 0.05, "float16": 0.02, "float32": 0.02}
    assert select({"int8": 0.02}, photos=1100)[0].choose().method == "int8"
    selection, files = select(drops, photos=1100)
    assert selection.choose().method == "float16" and files.made == list(drops)
    numbers = [attempt.candidate.number for attempt in selection.attempts if attempt.candidate]
    assert numbers == [1, 2, 3], "attempts without a file do not count"


def test_all_methods_are_made_and_the_objective_decides(select):
    drops = {"int8": 0.05, "float16": 0.0, "float32": 0.0, "int16x8": 0.01, "dynamic": 0.0}
    sizes = {"float16": 500, "int16x8": 250, "dynamic": 300}
    selection, files = select(drops, all_methods=True, sizes=sizes)
    assert selection.choose().method == "dynamic" and files.made == list(drops)
    selection, _ = select(drops, all_methods=True, sizes=sizes, prefer="bytes")
    assert selection.choose().method == "int16x8"


def test_objective_of_the_target_applies_unless_the_order_has_one(select):
    target = change_target(accepts={"prefer": "bytes", "methods": ("int8", "float16", "float32")})
    options = {"sizes": {"int8": 900, "float16": 800}, "target": target, "all_methods": True}
    drops = {"int8": 0.0, "float16": 0.01, "float32": 0.0}
    assert select(drops, **options)[0].choose().method == "float16"
    assert select(drops, **options, prefer="accuracy")[0].choose().method == "int8"


def test_every_attempt_says_why_it_was_chosen_or_not(select):
    selection, _ = select({"int8": 0.05, "float16": 0.0})
    choice = selection.explain(selection.choose())
    reasons = {attempt.method: attempt.reason for attempt in choice.attempts}
    assert reasons["int8"] == "loses 5.00 points, over the limit of 2" and reasons["qat8"] == "no better file"
    assert reasons["float16"].startswith("chosen: ") and choice.next_method == ""


def test_pinned_file_is_chosen_by_the_option(select):
    selection, _ = select(
        {"int8": 0.0, "float16": 0.0, "float32": 0.0, "int16x8": 0.0, "dynamic": 0.0},
        method="float16",
        all_methods=True,
    )
    choice = selection.explain(selection.choose())
    reasons = {attempt.method: attempt.reason for attempt in choice.attempts}
    assert reasons["float16"].startswith("chosen: --method names it") and choice.next_method == "int8"


def test_method_that_trains_is_not_tried_on_too_few_photos_unless_all_are_requested(select):
    skips = dict.fromkeys(("int8_more", "int8_adaround", *VARIANTS), "no better file")
    drops = dict.fromkeys(("int8", "qat8", "float16", "float32", "int16x8", "dynamic"), 0.0)
    selection, files = select(drops, photos=50, skips=skips)
    assert selection.choose().method == "int8" and files.made == ["int8", "float16", "float32"]
    assert list_reasons(selection)["qat8"].startswith("not tried: 50 validation photos cannot show")
    selection, files = select(drops, photos=50, skips=skips, all_methods=True)
    assert selection.choose().method == "int8" and "qat8" in files.made


def test_method_that_the_target_does_not_accept_is_not_tried(select):
    target = change_target(accepts={"methods": ("int8", "float32")})
    selection, files = select({"int8": 0.05, "float32": 0.0}, target=target, skips={})
    assert selection.choose().method == "float32" and files.made == ["int8", "float32"]


def test_formats_are_tried_in_the_order_of_the_target_for_each_method(select):
    target = change_target(accepts={"formats": ("onnx", "tflite"), "methods": ("int16x8", "int8")})
    selection, files = select({"int16x8": 0.5, "int8": 0.01}, target=target, all_methods=True)
    chosen = selection.choose()
    assert (chosen.format, chosen.method) == ("onnx", "int8")
    assert files.made == ["int16x8", "onnx int8", "int8"]


# The ladder


def test_every_attempt_has_its_result_or_the_reason_why_it_was_skipped(select):
    selection, files = select(
        {"int8": 0.05, "int8_adaround": 0.04, "mixed8-1": 0.03, "mixed8-2": 0.01},
        skips={"int8_more": "no further photos"},
    )
    assert selection.choose().method == "mixed8-2"
    assert [(attempt.method, attempt.reason, attempt.candidate is None) for attempt in selection.attempts] == [
        ("int8", "loses 5.00 points, over the limit of 2", False),
        ("int8_more", "no further photos", True),
        ("int8_adaround", "loses 4.00 points, over the limit of 2", False),
        ("mixed8-1", "loses 3.00 points, over the limit of 2", False),
        ("mixed8-2", "loses 1.00 points, within the limit of 2", False),
    ]
    assert files.made == ["int8", "int8_adaround", "mixed8-1", "mixed8-2"]


def test_with_all_methods_a_cluster_makes_what_does_not_wait_for_another_file(select, monkeypatch):
    calls = []
    monkeypatch.setattr(selection_module, "list_missing", lambda _context, _target, plan: plan)
    monkeypatch.setattr(selection_module, "make_files_elsewhere", lambda *arguments: calls.append(arguments))
    drops = dict.fromkeys(METHODS, 0.0)
    for all_methods in (False, True):
        selection, _ = select(drops, all_methods=all_methods, executor=EXECUTOR)
        assert selection.attempts
    (call,) = calls
    files = [method for _, method in call[3]]
    assert call[1] is EXECUTOR and "int8" in files and not set(files) & set(SKIPPED)


def test_with_all_methods_only_mixed8_ends_at_its_first_variant_that_holds_the_limit(select):
    drops = dict.fromkeys(
        ("int8", "int8_more", "int8_adaround", "mixed8-1", "qat8", "float16", "float32", "int16x8", "dynamic"), 0.0
    )
    selection, files = select(drops, all_methods=True, skips={})
    assert files.made == [] and selection.choose().method == "int8"
    assert files.made == list(drops)


def test_retraining_that_fails_is_an_attempt_without_a_file(select):
    selection, _ = select(
        {"int8": 0.05, "float16": 0.0},
        errors={"qat8": "model and file do not agree"},
        skips=dict.fromkeys(("int8_more", "int8_adaround", *VARIANTS), "no better file"),
    )
    assert selection.choose().method == "float16"
    assert list_reasons(selection)["qat8"] == "failed: model and file do not agree"


def test_model_made_elsewhere_is_not_retrained(select, empty_context):
    recipe = empty_context.order.recipe
    external = recipe.external.model_copy(update={"path": "model.keras"})
    drops = dict.fromkeys(
        ("int8", "int8_more", "int8_adaround", "mixed8-1", "float16", "float32", "int16x8", "dynamic"), 0.0
    )
    selection, files = select(
        drops, recipe=recipe.model_copy(update={"external": external}), all_methods=True, skips={}
    )
    assert selection.choose().method == "int8" and files.made == list(drops)


def test_conversion_that_fails_is_an_attempt_without_a_file(select):
    selection, files = select({"float32": 0.0}, errors={"int8": "a crash", "float16": "the converter failed"})
    assert selection.choose().method == "float32" and files.made == ["float32"]
    reasons = list_reasons(selection)
    assert (reasons["int8"], reasons["float16"]) == ("failed: a crash", "failed: the converter failed")


@pytest.mark.parametrize("all_methods", [False, True])
def test_pinned_method_whose_conversion_fails_ends_the_build_with_the_same_sentence(select, all_methods):
    drops = dict.fromkeys(("float16", "float32", "int16x8", "dynamic"), 0.0)
    selection, _ = select(drops, errors={"int8": "a crash"}, method="int8", all_methods=all_methods)
    with pytest.raises(StageError, match=r"^a crash$"):
        selection.choose("int8")


def test_build_without_any_file_names_each_failure_once(select):
    target = change_target(accepts={"methods": ("int8", "float16", "float32")})
    errors = {"int8": "a crash", "float16": "no operator", "float32": "no operator"}
    selection, _ = select({}, errors=errors, target=target)
    with pytest.raises(StageError) as caught:
        selection.choose()
    assert caught.value.message == (
        "no file was made for tflite: int8: failed: a crash; float16, float32: failed: no operator"
    )


def test_calibrator_that_fails_makes_one_row_for_all_variants_of_mixed8(select):
    errors = dict.fromkeys(("ranges", "int8", "int8_adaround", *VARIANTS), "a crash")
    selection, _ = select({"float16": 0.0}, errors=errors, skips={"int8_more": "too few photos", "qat8": "no"})
    assert selection.choose().method == "float16"
    assert [(attempt.method, attempt.reason) for attempt in selection.attempts][:5] == [
        ("int8", "failed: a crash"),
        ("int8_more", "too few photos"),
        ("int8_adaround", "failed: a crash"),
        ("mixed8", "failed: for the reason of int8"),
        ("qat8", "no"),
    ]


def test_mixed8_0_is_tried_for_models_with_layers_without_a_kernel_only(select):
    errors = dict.fromkeys(
        ("int8", "int8_adaround"), "LayerNormalization 'norm' stays in float32: no int8 kernel for NEG"
    )
    selection, files = select({"mixed8-0": 0.01}, errors=errors, skips={"int8_more": "too few photos"})
    files.lacks_kernels = True
    assert selection.choose().method == "mixed8-0" and files.made == ["mixed8-0"]


def test_seconds_of_an_attempt_are_those_of_its_own_stages(select, monkeypatch):
    clock = StageClock()
    selection, files = select({"int8": 0.05, "float16": 0.0}, clock=clock)
    make = files.make

    def make_slowly(format_name, method_name):
        clock.count(f"convert-{method_name}", {"int8": 2.0, "float16": 3.0}[method_name])
        return make(format_name, method_name)

    monkeypatch.setattr(files, "make", make_slowly)
    clock.count("train", 60.0)
    assert [attempt.seconds for attempt in selection.attempts if attempt.candidate] == [2.0, 3.0]


# A pinned method


def test_pinned_method_is_the_only_attempt(select):
    selection, _ = select({"dynamic": 0.9}, method="dynamic")
    assert selection.choose().method == selection.choose("dynamic").method == "dynamic"
    assert [attempt.method for attempt in selection.attempts] == ["dynamic"]


def test_run_that_was_built_for_one_method_continues_with_it(select):
    """Also with --all-methods: bench, bundle and verify without --method use the pinned one."""
    selection, files = select({"int8": 0.0, "float16": 0.0}, method="float16", all_methods=True)
    assert selection.choose().method == "float16" and selection.choose("int8").method == "int8"
    assert files.made == ["float16", "int8"]


@pytest.mark.parametrize(("pinned", "made"), [("mixed8", ["mixed8-1", "mixed8-2"]), ("mixed8-3", ["mixed8-3"])])
def test_pinned_mixed8_tries_its_variants_and_a_pinned_variant_is_made(select, pinned, made):
    drops = {"mixed8-1": 0.03, "mixed8-2": 0.01, "mixed8-3": 0.03}
    selection, files = select(drops, method=pinned, skips={})
    assert selection.choose(pinned).method == made[-1]
    assert list(dict.fromkeys(files.made)) == made


def test_mixed8_tries_its_variants_after_another_method_was_chosen(select):
    selection, files = select({"int8": 0.0, "mixed8-1": 0.03, "mixed8-2": 0.01}, skips={})
    assert selection.choose().method == "int8" and selection.choose("mixed8").method == "mixed8-2"
    assert files.made == ["int8", "mixed8-1", "mixed8-2"]


def test_pinned_method_that_is_skipped_is_an_error_with_the_reason(select):
    selection, _ = select({}, method="int8_more")
    with pytest.raises(ConfigError, match="no file was made for tflite: int8_more: no better file") as caught:
        selection.choose()
    assert "--method" in caught.value.hint


def test_ladder_without_any_file_is_an_error_with_all_reasons(select):
    target = change_target(accepts={"methods": ("int8_more", "qat8")})
    selection, _ = select({}, target=target)
    with pytest.raises(ConfigError, match="no file was made for tflite: int8_more, qat8: no better file"):
        selection.choose()


@pytest.mark.parametrize("pinned", ["qat8", "int16x8"])
def test_pinned_method_that_fails_is_an_error(select, pinned):
    selection, _ = select({}, method=pinned, errors={pinned: "model and file do not agree"}, skips={})
    with pytest.raises(StageError, match="do not agree"):
        _ = selection.attempts


def test_beside_a_pinned_method_a_retraining_may_fail(select):
    drops = dict.fromkeys(("int8", "float16", "float32", "int16x8", "dynamic"), 0.0)
    selection, _ = select(
        drops,
        method="int8",
        all_methods=True,
        errors={"qat8": "model and file do not agree"},
        skips=dict.fromkeys(("int8_more", "int8_adaround", *VARIANTS), "no better file"),
    )
    assert list_reasons(selection)["qat8"] == "failed: model and file do not agree"


def test_method_that_the_target_does_not_accept_is_refused(select):
    target = change_target(accepts={"methods": ("int8", "float32")})
    with pytest.raises(ConfigError, match="target tflite does not accept float16") as caught:
        select({}, target=target, method="float16")
    assert caught.value.hint == "it accepts int8, float32" and caught.value.where == (str(target.source),)
    selection, _ = select({}, target=target)
    with pytest.raises(ConfigError, match="target tflite does not accept float16"):
        selection.choose("float16")


def test_convert_makes_a_file_that_the_target_does_not_accept(select):
    target = change_target(accepts={"methods": ("int8", "float32")})
    selection, _ = select({}, target=target)
    assert selection.convert("float16").method == "float16"


def test_convert_tries_the_variants_of_mixed8(select):
    selection, _ = select({"mixed8-1": 0.03, "mixed8-2": 0.01}, skips={})
    assert selection.convert("mixed8").method == "mixed8-2" and selection.convert("mixed8-4").method == "mixed8-4"


def test_method_without_a_format_of_the_target_is_refused(select):
    target = targets.find_target("onnx")
    selection, _ = select({}, target=target)
    with pytest.raises(ConfigError, match="int16x8 makes tflite files, and target onnx accepts onnx") as caught:
        selection.convert("int16x8")
    assert caught.value.hint == f"it accepts {', '.join(target.accepts.methods)}"
    with pytest.raises(ConfigError, match="target onnx does not accept int8_u8s8"):
        selection.choose("int8_u8s8")


# A pin in the run folder


def test_pinned_method_is_used_until_the_pin_is_removed(select):
    selection, _ = select({"int8": 0.0})
    selection.pin("float16")
    assert selection.choose().method == "float16" and selection.choose("int8").method == "int8"
    assert selection.unpin() == "float16" and selection.unpin() == ""
    assert selection.choose().method == "int8"


def test_method_that_the_target_does_not_accept_is_not_pinned(select):
    selection, _ = select({}, target=change_target(accepts={"methods": ("int8", "float32")}))
    with pytest.raises(ConfigError, match="does not accept float16"):
        selection.pin("float16")
    assert selection.unpin() == ""


# Latencies on a device


def test_latencies_on_a_device_decide_where_all_files_have_one(select, empty_context):
    drops = {"int8": 0.0, "float16": 0.0}
    options = {
        "target": change_target(accepts={"methods": ("int8", "float16")}),
        "all_methods": True,
        "prefer": "latency",
    }
    assert select(drops, **options)[0].choose().method == "int8"
    for method, ms in (("int8", 30.0), ("float16", 20.0)):
        digest = f"tflite {method}"
        add_latency(empty_context.run.root, DeviceLatency(target="tflite", device="pi@a", model_sha256=digest, ms=ms))
        expected = {"int8": "int8", "float16": "float16"}[method]
        assert select(drops, **options)[0].choose().method == expected


# Limits of the target


def test_file_that_is_too_large_for_the_target_is_passed_over(select):
    target = change_target(limits={"model_bytes": 500})
    selection, _ = select({"int8": 0.0, "float16": 0.01}, target=target, sizes={"float16": 400})
    assert selection.choose().method == "float16"
    assert list_reasons(selection)["int8"] == "int8 takes 1000 bytes, 500 allowed"


def test_small_file_over_the_accuracy_limit_is_nearer_than_a_large_file(select):
    drops = {"int8": 0.0, "float16": 0.05, "float32": 0.0, "int16x8": 0.0, "dynamic": 0.0}
    target = change_target(limits={"model_bytes": 500})
    selection, _ = select(drops, target=target, sizes={"float16": 400})
    assert selection.choose().method == "float16"
