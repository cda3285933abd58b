"""The commands that run stages: what they print on stdout, what they show on stderr, and when they fail."""

import dataclasses
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from edgetl import cli
from edgetl.cli.output import dump_answers
from edgetl.core.device import bundle_files, targets
from edgetl.core.errors import ConfigError
from edgetl.core.evaluation import acceptance
from edgetl.core.run.pins import read_pins
from edgetl.core.verdict_records import Verdict
from edgetl.pipeline import build as build_module
from edgetl.pipeline import stages, workspace
from edgetl.pipeline.devices import Devices, Measured
from edgetl.pipeline.order import load_order, save_order
from tests.fixtures.runs import list_times

VERDICT_KEYS = {"outcome", "photos", "reference_accuracy", "accuracy", "drop", "drop_low", "drop_high", "agreement"}
NOT_MEASURED = Measured(benchmarks=(), measurements={}, verdicts={}, unmet={}, errors=())
SMALLEST_MODEL = ("--base", "mobilenet", "--alpha", "0.25", "--side", "32", "--weights", "none", "--batch-size", "8")


@pytest.fixture
def copy_of_cli_build(built_by_cli, tmp_path) -> Path:
    """A copy of the run folder that the command line built."""
    return Path(shutil.copytree(built_by_cli.run, tmp_path / "by-cli"))


def change_order(root, **changes):
    """Change the order of a run folder."""
    save_order(dataclasses.replace(load_order(root), **changes), root)


def forbid(monkeypatch, module, function):
    """Let a test fail when it calls the function of a stage."""

    def fail(*_):
        pytest.fail(f"{function} is called")

    # The fingerprint of the stage covers both.
    fail.__module__, fail.__name__ = f"edgetl.stages.{module}", function
    monkeypatch.setattr(getattr(stages, module), function, fail)


def run_json(capfd, *arguments):
    """Run a command with --json; return its JSON value and stderr."""
    code = cli.run([*map(str, arguments), "--json"])
    out, err = capfd.readouterr()
    assert code == 0, err
    return json.loads(out), err


# build


def test_build_prints_one_json_object_and_nothing_else(built_by_cli):
    process = built_by_cli.finished.process
    assert process.returncode == 0, process.stderr
    assert process.stdout.count("\n") == 1 and process.stdout.endswith("\n")
    record = json.loads(process.stdout)
    assert {"run", "bundle", "method", "model_bytes", "verdict", "seconds"} <= set(record)
    assert set(record["verdict"]) >= VERDICT_KEYS
    assert record["verdict"]["outcome"] in ("PASS", "FAIL", "UNDECIDED") and record["method"] == "int8"
    assert record["model_bytes"] == (Path(record["bundle"]) / "model.tflite").stat().st_size
    assert Path(record["run"]).is_absolute() and record["seconds"]["train"] > 0


def test_build_shows_its_progress_on_stderr_without_output_of_libraries(built_by_cli):
    stderr = built_by_cli.finished.process.stderr
    for text in ("• train mobilenet", "epoch   1", "• convert to int8", "ledger", "UNDECIDED", "bundle:"):
        assert text in stderr
    for noise in ("absl", "oneDNN", "cuda", "XNNPACK delegate", "fully_quantize", "Warning", "\x1b["):
        assert noise not in stderr, stderr
    assert (built_by_cli.run / "log.txt").is_file()


def test_finished_build_prints_the_same_and_imports_no_heavy_library(built_by_cli, edgetl):
    program = """
import sys
from edgetl.cli import run
assert run([*sys.argv[1:], "--quiet"]) == 0
heavy = {"tensorflow", "keras", "ai_edge_litert", "onnx", "onnxruntime"} & set(sys.modules)
sys.exit(f"imported: {sorted(heavy)}" if heavy else 0)
"""
    command = [sys.executable, "-c", program, *built_by_cli.arguments]
    environment = edgetl.environment(XDG_CACHE_HOME=str(built_by_cli.cache))
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0 and all(line.startswith("warning: ") for line in done.stderr.splitlines())
    first, again = json.loads(built_by_cli.finished.process.stdout), json.loads(done.stdout)
    assert set(again["seconds"].values()) == {0.0}
    assert {**first, "seconds": 0} == {**again, "seconds": 0}


def test_quiet_build_prints_the_bundle_and_warnings_and_nothing_else(run_folder, photos, recipe_file, capfd):
    line = ["build", str(photos), "--recipe", str(recipe_file), "--out", str(run_folder), "--quiet"]
    assert cli.run(line) == 0
    out, err = capfd.readouterr()
    assert out == f"{run_folder / 'bundle-tflite' / 'bundle'}\n"
    # The shared run has few photos.
    first, *rest = err.splitlines()
    assert re.match(r"warning: \d+ test photos judge the model: with fewer than 100", first)
    assert all(line.startswith("warning: ") for line in rest)


def test_bundle_checks_itself_and_classifies_a_photo(copy_of_cli_build, photos):
    bundle = copy_of_cli_build / "bundle-tflite" / "bundle"
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}

    def run_program(name, *arguments):
        command = [sys.executable, str(bundle / name), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/", check=False)

    check = run_program("selfcheck.py")
    assert check.returncode == 0, check.stdout + check.stderr
    assert check.stdout.splitlines()[-1] == bundle_files.format_closing_line((bundle / "SHA256SUMS").read_bytes())
    for label in ("circle", "square", "triangle"):
        classified = run_program("classify.py", "--json", photos / label / "003.png")
        assert classified.returncode == 0, classified.stderr
        assert json.loads(classified.stdout)["labels"][0]["label"] == label


@pytest.mark.slow
def test_explain_ranks_the_layers_of_each_format(run_folder_both, photos, recipe_file, capfd):
    line = ["build", photos, "--recipe", recipe_file, "--out", run_folder_both]
    record, err = run_json(capfd, *line, "--target", "tflite", "--target", "onnx", "--explain")
    assert list(record["layers"]) == ["tflite", "onnx"]
    for layers in record["layers"].values():
        assert layers[0]["error_steps"] >= layers[-1]["error_steps"]
    assert "TFLite" in err and "ONNX" in err


def test_build_without_explain_has_no_layers(run_folder, photos, recipe_file, capfd):
    record, _ = run_json(capfd, "build", photos, "--recipe", recipe_file, "--out", run_folder)
    assert "layers" not in record


def test_method_that_the_target_does_not_accept_is_refused(capfd, photos, tmp_path):
    folder = tmp_path / "targets" / "mine"
    folder.mkdir(parents=True)
    (folder / "target.toml").write_text(
        'schema = 1\nextends = "tflite"\ntitle = "Mine"\nsummary = "mine"\n[accepts]\nmethods = ["int8"]\n'
    )
    line = ["build", str(photos), "--target", "mine", "--target-dir", str(folder.parent), "--method", "float16"]
    assert cli.run([*line, *SMALLEST_MODEL, "--out", str(tmp_path / "run")]) == 2
    out, err = capfd.readouterr()
    assert out == "" and "target mine does not accept float16" in err and "it accepts int8" in err


def test_broken_contract_prints_the_result_and_exits_with_1(capfd, built, delivered, photos, tmp_path, monkeypatch):
    failed = delivered.verdict.model_copy(update={"outcome": "FAIL", "drop": 0.3, "limit_drop": 1e-4})
    broken = dataclasses.replace(delivered, verdict=failed)
    monkeypatch.setattr(build_module, "run_build", lambda _: dataclasses.replace(built, targets=(broken,)))
    line = ["build", str(photos), "--limit-drop", "0.0001", "--out", str(tmp_path / "run"), "--json"]
    assert cli.run(line) == 1
    out, err = capfd.readouterr()
    assert json.loads(out)["verdict"]["outcome"] == "FAIL"
    assert "error: " in err and "30.00 points" in err and "0.01" in err and "--limit-drop" in err


def test_limit_of_a_target_that_the_recipe_overrides_is_a_warning(capfd, built, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(build_module, "run_build", lambda _: built)
    folder = tmp_path / "targets" / "strict"
    folder.mkdir(parents=True)
    (folder / "target.toml").write_text(
        'schema = 1\nextends = "tflite"\ntitle = "S"\nsummary = "s"\n[limits]\naccuracy_drop = 0.001\n'
    )
    line = ["build", str(photos), "--target", "strict", "--target-dir", str(folder.parent), "--limit-drop", "0.02"]
    assert cli.run([*line, "--out", str(tmp_path / "run"), "--quiet"]) == 0
    assert "warning: target strict allows a drop of 0.1 points" in capfd.readouterr().err


@pytest.mark.slow
def test_model_made_elsewhere_is_built_without_training(built, delivered, photos, tmp_path, capfd):
    """The Keras model of the shared run predicts the same as an external model."""
    line = ["build", photos, "--model", built.trained.path, "--method", "float32", "--out", tmp_path / "external"]
    record, err = run_json(capfd, *line)
    assert "epoch" not in err and "take model.keras as it is" in err
    assert record["verdict"]["reference_accuracy"] == delivered.verdict.reference_accuracy
    assert record["verdict"]["outcome"] in ("PASS", "UNDECIDED") and record["verdict"]["agreement"] == 1.0


def test_run_folder_among_the_photos_is_refused(draw_photos, tmp_path, monkeypatch, capfd):
    photos = draw_photos(tmp_path / "shapes", range(3))
    before = sorted(photos.rglob("*"))
    monkeypatch.chdir(photos)
    assert cli.run(["build", "."]) == 2
    assert "the run folder would be inside the photos" in capfd.readouterr().err
    assert cli.run(["train", str(photos), "--out", str(photos / "circle" / "run")]) == 2
    assert "--out" in capfd.readouterr().err
    assert sorted(photos.rglob("*")) == before


# train


def test_train_prints_the_model(run_folder, photos, recipe_file, capfd, built):
    line = ["train", photos, "--recipe", recipe_file, "--out", run_folder]
    assert cli.run(list(map(str, line))) == 0
    assert capfd.readouterr().out == f"{run_folder / 'train' / 'model.keras'}\n"
    record, _ = run_json(capfd, *line)
    # The shared run is already trained.
    assert record["sha256"] == built.trained.sha256


def test_training_keeps_the_targets_of_a_built_run(plain_order, tmp_path, monkeypatch, capfd):
    before = dataclasses.replace(plain_order, targets=(targets.find_target("raspberry-pi-4"),), method="int8")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").touch()
    save_order(before, tmp_path / "run")
    orders = []

    @contextmanager
    def open_context(order, root, *, quiet):
        orders.append(order)
        raise ConfigError("far enough")
        yield

    monkeypatch.setattr(workspace, "open_context", open_context)
    assert cli.run(["train", str(plain_order.photos), "--out", str(tmp_path / "run")]) == 2
    assert [(order.targets[0].id, order.method) for order in orders] == [("raspberry-pi-4", "int8")]


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "install"), [("jax", "'edgetl[jax]'"), ("torch", "torch")])
def test_training_with_another_backend(edgetl, photos, recipe_file, tmp_path, backend, install):
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed here (pip install {install})")
    line = ("--recipe", recipe_file, "--epochs", "2", "--fine-tune-epochs", "2", "--out", tmp_path / "run")
    trained = edgetl("train", photos, *line, "--json", KERAS_BACKEND=backend)
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout)["backend"] == backend
    converted = edgetl("convert", tmp_path / "run", "--method", "int8", "--json", KERAS_BACKEND=backend)
    assert converted.returncode == 0, converted.stderr
    assert json.loads(converted.stdout)["input"]["dtype"] == "uint8"


def test_other_options_do_not_overwrite_a_run(run_folder, photos, recipe_file, capfd):
    before = list_times(run_folder)
    line = [str(photos), "--recipe", str(recipe_file), "--out", str(run_folder), "--epochs", "2", "--alpha", "0.5"]
    for command in ("build", "train"):
        assert cli.run([command, *line]) == 2
        out, err = capfd.readouterr()
        assert out == "" and "the run folder contains another build: alpha 0.25 → 0.5, epochs 3 → 2" in err
        assert f"at {run_folder}" in err and "--overwrite" in err
    assert list_times(run_folder) == before


@pytest.mark.slow
def test_overwritten_run_sets_the_bundle_of_the_earlier_model_aside(
    run_folder, photos, recipe_file, capfd, monkeypatch
):
    line = [str(photos), "--recipe", str(recipe_file), "--out", str(run_folder), "--epochs", "2", "--overwrite"]
    assert cli.run(["train", *line]) == 0
    assert "epochs 3 → 2" in capfd.readouterr().err
    assert not (run_folder / "bundle-tflite").exists()
    assert "out of date" in (run_folder / "earlier-bundle-tflite" / "README.txt").read_text()
    for command in ("bench", "verify"):
        assert cli.run([command, str(run_folder)]) == 2
        err = capfd.readouterr().err
        assert "the bundle for tflite contains an earlier model, see " in err
        build = shlex.split(re.search(r"hint: make it with: edgetl (build .*)", err)[1])
    # The command is complete: it trains nothing again.
    forbid(monkeypatch, "train", "train_model")
    assert cli.run(build) in (0, 1)
    assert (run_folder / "bundle-tflite").is_dir() and not (run_folder / "earlier-bundle-tflite").exists()
    assert cli.run(["bench", str(run_folder), "--quiet"]) == 0


# convert and bundle


def test_convert_and_bundle_by_another_method(capfd, run_folder):
    assert cli.run(["convert", str(run_folder), "--method", "float32"]) == 0
    assert capfd.readouterr().out == f"{run_folder / 'features-tflite-float32' / 'model.tflite'}\n"
    record, _ = run_json(capfd, "bundle", run_folder, "--method", "float32")
    assert record["method"] == "float32" and read_pins(run_folder) == {"tflite": "float32"}
    # Without --method, the bundle is that of the chosen file again.
    record, _ = run_json(capfd, "bundle", run_folder)
    assert record["method"] == "int8" and read_pins(run_folder) == {}


@pytest.mark.parametrize("command", ["convert", "verify", "bundle", "bench"])
def test_one_of_several_targets_of_a_run_must_be_named(capfd, run_folder, command):
    several = (*load_order(run_folder).targets, targets.find_target("raspberry-pi-armv7"))
    change_order(run_folder, targets=several)
    assert cli.run([command, str(run_folder)]) == 2
    assert "several targets: tflite, raspberry-pi-armv7" in capfd.readouterr().err
    assert cli.run([command, str(run_folder), "--target", "onnx"]) == 2
    assert "not built for target 'onnx'" in capfd.readouterr().err


def test_bundle_for_one_of_several_targets(capfd, run_folder):
    several = (*load_order(run_folder).targets, targets.find_target("raspberry-pi-armv7"))
    change_order(run_folder, targets=several)
    record, _ = run_json(capfd, "bundle", run_folder, "--target", "raspberry-pi-armv7", "--method", "int8")
    assert record["target"] == "raspberry-pi-armv7"


@pytest.mark.parametrize(
    ("line", "stage"),
    [
        (["verify"], "train"),
        (["bench"], "train"),
        (["convert", "--method", "float16"], "train"),
        (["bundle"], "train"),
        (["bundle", "--method", "prune8"], "retrain-prune"),
        (["convert", "--method", "qat8"], "retrain-qat"),
        (["verify", "--method", "float16"], "convert-tflite-float16"),
        (["bench", "--method", "float16"], "convert-tflite-float16"),
    ],
    ids=" ".join,
)
def test_what_only_a_build_makes_is_named_with_its_command(
    run_folder, line, stage, photos, recipe_file, capfd, monkeypatch
):
    forbid(monkeypatch, "train", "train_model")
    forbid(monkeypatch, "retrain", "retrain_model")
    shutil.rmtree(run_folder / stage, ignore_errors=True)
    before = list_times(run_folder)
    command, *options = line
    assert cli.run([command, str(run_folder), *options]) == 2
    out, err = capfd.readouterr()
    assert out == "" and f"the run folder has no finished stage {stage}" in err
    build = shlex.split(re.search(r"hint: make it with: edgetl (build .*)", err)[1])
    assert build[:2] == ["build", str(photos)] and build[-2:] == ["--out", str(run_folder)]
    written = {name for name, time in list_times(run_folder).items() if before.get(name) != time}
    assert written <= {".lock", "log.txt"}


@pytest.mark.parametrize("command", ["verify", "bench", "convert", "bundle"])
def test_photos_that_changed_since_the_build_are_counted(run_folder, photos, draw_photos, tmp_path, command, capfd):
    more = draw_photos(Path(shutil.copytree(photos, tmp_path / "more")), range(50, 51))
    change_order(run_folder, photos=more)
    assert cli.run([command, str(run_folder)]) == 2
    err = capfd.readouterr().err
    assert "the photos changed since the build: " in err and " added" in err
    assert f"edgetl build {more} " in err


@pytest.mark.parametrize("command", ["verify", "bench"])
def test_finished_run_that_cannot_be_written_is_verified_and_measured(
    run_folder, command, few_runs, capfd, monkeypatch
):
    before = list_times(run_folder)
    # The tests may run as a user who can write everything.
    monkeypatch.setattr(os, "access", lambda path, mode: path != run_folder or not mode & os.W_OK)
    assert cli.run([command, str(run_folder)]) == 0
    out, err = capfd.readouterr()
    results = Path(re.search(rf"{run_folder} cannot be written: results are in (\S+)", err)[1])
    assert list_times(run_folder) == before
    if command == "bench":
        assert Path(out.strip()).is_relative_to(results) and Path(out.strip()).is_file()
    shutil.rmtree(results)


# verify


def test_verify_repeats_the_verdict(capfd, run_folder, delivered):
    record, err = run_json(capfd, "verify", run_folder)
    quality, answers = record.pop("quality"), record.pop("answers")
    verdict = Verdict.model_validate(record)
    assert answers == dump_answers(delivered.answers)
    assert quality == delivered.quality.model_dump(mode="json")
    assert err.index("how good the model is") < err.index("ledger")
    without_times = {"host_ms", "host_disturbed", "hops"}
    assert verdict.model_dump(exclude=without_times) == delivered.verdict.model_dump(exclude=without_times)
    assert [hop.name for hop in verdict.hops] == [hop.name for hop in delivered.verdict.hops]
    assert "ledger" in err and "score Keras, test photos" in err


def test_undecided_verdict_is_a_failure_with_strict(capfd, run_folder, delivered):
    assert delivered.verdict.outcome == "UNDECIDED"
    assert cli.run(["verify", str(run_folder), "--strict"]) == 1
    out, err = capfd.readouterr()
    assert out == "UNDECIDED\n" and "error: " in err and "--strict" in err


@pytest.mark.parametrize("command", ["verify", "bench"])
def test_run_that_was_built_strict_stays_strict(run_folder, monkeypatch, command):
    recipe = load_order(run_folder).recipe
    contract = recipe.contract.model_copy(update={"strict": True})
    change_order(run_folder, recipe=recipe.model_copy(update={"contract": contract}))
    monkeypatch.setattr(Devices, "measure_everywhere", lambda *_, **__: NOT_MEASURED)
    calls = []
    monkeypatch.setattr(acceptance, "check_acceptance", lambda *_, strict, **__: calls.append(strict))
    assert cli.run([command, str(run_folder), "--quiet"]) == 0
    assert calls == [True]


def test_accuracy_below_the_required_one_ends_verify_and_build_with_1(
    capfd, run_folder, photos, recipe_file, delivered
):
    # All photos are predicted correctly: only the lower bound can be below.
    assert delivered.quality.accuracy == 1 and delivered.quality.accuracy_low < 0.99
    assert cli.run(["verify", str(run_folder), "--min-accuracy", "0.99", "--strict"]) == 1
    assert "below --min-accuracy 0.99, and --strict was given" in capfd.readouterr().err
    line = ["build", photos, "--recipe", recipe_file, "--out", run_folder, "--min-accuracy", "0.99", "--method", "int8"]
    assert cli.run([*map(str, line), "--strict"]) == 1
    out, err = capfd.readouterr()
    # The bundle is written all the same, and the run remembers the option.
    assert Path(out.strip()).is_dir() and "below --min-accuracy 0.99" in err
    assert cli.run(["verify", str(run_folder), "--strict"]) == 1
    assert "below --min-accuracy 0.99" in capfd.readouterr().err


@pytest.mark.parametrize("option", [("--limit-drop", "0.001"), ("--fit", "pad"), ("--contract", "balanced")])
def test_run_is_judged_by_its_own_recipe(tmp_path, option, capsys):
    assert cli.run(["verify", str(tmp_path), *option]) == 2
    assert "a run is judged by its own recipe" in capsys.readouterr().err


def test_verify_of_two_files_without_a_run(capfd, built, delivered, draw_photos, tmp_path):
    unseen = draw_photos(tmp_path / "unseen", range(100, 104))
    models = ["--reference", built.trained.path, "--artifact", delivered.artifact.path]
    record, _ = run_json(capfd, "verify", *models, "--photos", unseen)
    verdict = Verdict.model_validate(record)
    assert verdict.photos == 12 and verdict.artifact_sha256 == delivered.artifact.sha256


def test_verify_of_two_files_needs_all_three_options_and_no_option_of_a_run(capfd):
    models = ["--reference", "a.keras", "--artifact", "a.tflite"]
    assert cli.run(["verify", *models]) == 2
    assert "nothing to verify" in capfd.readouterr().err
    for option in ("--method", "--target"):
        assert cli.run(["verify", *models, "--photos", "photos", option, "int8"]) == 2
        assert "--method and --target choose a file of a run" in capfd.readouterr().err


# bench


def test_bench_measures_this_machine(run_folder, delivered, few_runs, capfd):
    record, err = run_json(capfd, "bench", run_folder, "--accuracy")
    measurement = record["measures"]["host"]
    assert measurement["model_sha256"] == delivered.artifact.sha256 and measurement["soak"] is None
    assert measurement["accuracy"]["photos"] == delivered.verdict.photos
    # The contract is judged again, with a hop from the scores of the build to those of the bundle's program.
    assert f"{delivered.artifact.method}, host" in err and f"{delivered.verdict.outcome}: " in err
    assert "milliseconds on the host" in err
    assert json.loads((run_folder / "bench-host" / "measure.json").read_text()) == measurement


@pytest.fixture
def board(fleet) -> Iterator[str]:
    """A device whose python3 makes environments that share the packages of this machine. Its measurements are short."""
    short = 'case "$1" in */bench.py) set -- "$@" --seconds 0.1 --runs 20;; esac'
    python = f'case "$*" in *"-m pip "*) exit 0;; esac; {short}; exec {sys.executable} "$@"'
    home = fleet.add("pi@board")
    fleet.program(home, "venv-python", python)
    make = 'for folder; do :; done; mkdir -p "$folder/bin" && cp "$HOME/bin/venv-python" "$folder/bin/python" && exit 0'
    fleet.program(home, "python3", f'case "$*" in *"-m venv "*) {make};; esac; exec {sys.executable} "$@"')
    yield "pi@board"
    # A real environment would fetch its packages from the network.
    assert not list(home.rglob("site-packages"))


def test_bench_on_devices_of_which_one_fails(run_folder, board, delivered, capfd):
    line = ["bench", run_folder, "--device", board, "--device", "dead", "--accuracy", "--soak", "0.5", "--json"]
    code = cli.run(list(map(str, line)))
    out, err = capfd.readouterr()
    assert code == 2, err
    record = json.loads(out)
    assert record["failed"] == ["dead: no connection: ssh: connect to host dead port 22: Connection refused"]
    measurement = record["measures"][board]
    assert measurement["soak"]["seconds"] >= 0.5 and measurement["accuracy"]["photos"] == delivered.verdict.photos
    folder = run_folder / "bench-pi_board"
    assert json.loads((folder / "measure.json").read_text())["model_sha256"] == delivered.artifact.sha256
    assert (folder / "measure.svg").is_file() and not (run_folder / "bench-dead").exists()
    assert "milliseconds on the devices" in err and f"{delivered.artifact.method}, {board}" in err
    assert "• pi@board: set up" in err and "error: dead: no connection" in err


def test_exceeded_latency_limit_exits_with_1(run_folder, monkeypatch, capfd):
    """That it applies to devices only is in tests/pipeline/test_devices.py."""
    slow = dataclasses.replace(NOT_MEASURED, unmet={"pi@board": "int8 takes 20 ms, 10 allowed"})
    monkeypatch.setattr(Devices, "measure_everywhere", lambda *_, **__: slow)
    assert cli.run(["bench", str(run_folder), "--device", "pi@board", "--quiet"]) == 1
    assert "int8 takes 20 ms, 10 allowed" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("devices", "message"), [(("-oProxyCommand=x",), "ssh"), (("pi@a", "pi_a"), "two devices of the same name")]
)
def test_impossible_devices_are_refused(run_folder, capfd, devices, message):
    assert cli.run(["bench", str(run_folder), *(f"--device={name}" for name in devices)]) == 2
    out, err = capfd.readouterr()
    assert message in err and out == ""


def test_resume_without_a_device_is_refused(run_folder, capfd):
    assert cli.run(["bench", str(run_folder), "--resume"]) == 2
    assert "--resume is for measurements on devices" in capfd.readouterr().err
