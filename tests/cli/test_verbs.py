"""The command line as a user meets it: exit codes, what stands on stdout, what survives being killed."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from edgetl import cli
from edgetl.core.device import limits as demands
from edgetl.core.device import targets
from edgetl.core.errors import ConfigError, ContractBroken
from edgetl.core.methods import METHODS
from edgetl.core.network.base_table import BASES
from edgetl.core.run import run_folder as runs
from edgetl.core.verdict_records import Verdict
from edgetl.pipeline import build as building
from edgetl.pipeline.delivery import Delivery
from edgetl.pipeline.order import Order

VERBS = ("build", "train", "convert", "verify", "bundle", "bench", "bases", "methods", "targets", "recipe", "doctor")
VERDICT_KEYS = {"outcome", "photos", "reference_accuracy", "accuracy", "drop", "drop_low", "drop_high", "agreement"}
TINY = ("--base", "mobilenet", "--alpha", "0.25", "--side", "32", "--weights", "none", "--batch-size", "8")


@pytest.fixture
def run_folder(built, tmp_path) -> Path:
    """A copy of the shared run."""
    return Path(shutil.copytree(built.run, tmp_path / "copied"))


@pytest.fixture(scope="module")
def kept(built_by_cli) -> Path:
    """The run folder that `edgetl build` wrote in a process of its own."""
    return Path(json.loads(built_by_cli.stdout)["run"])


@contextmanager
def watched(edgetl, *arguments: object, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A running edgetl; killed at the end if it still runs, and at the latest after five minutes."""
    with subprocess.Popen(
        edgetl.command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=edgetl.folder,
        env=edgetl.environment(**environment),
    ) as child:
        watchdog = threading.Timer(300, child.kill)
        watchdog.start()
        try:
            yield child
        finally:
            watchdog.cancel()
            child.kill()


def until(child: subprocess.Popen[str], said: str) -> None:
    """Read its stderr up to the line that says this."""
    assert child.stderr is not None
    lines = []
    for line in child.stderr:
        lines.append(line)
        if said in line:
            return
    pytest.fail(f"it ended without saying {said!r}:\n{''.join(lines)}")


def stored(cache: Path) -> dict[Path, int]:
    """Every file of the pixel store and when it was written."""
    return {path: path.stat().st_mtime_ns for path in (cache / "edgetl" / "pixels").rglob("*") if path.is_file()}


# What it says of itself.


def test_help(edgetl):
    done = edgetl("--help")
    assert done.returncode == 0 and done.stderr == ""
    for verb in VERBS:
        assert re.search(rf"\b{verb}\b", done.stdout)


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_every_verb(verb, capsys):
    assert cli.run([verb, "--help"]) == 0
    told = capsys.readouterr()
    assert f"edgetl {verb}" in told.out and told.err == ""


def test_what_is_listed_loads_nothing_heavy(edgetl):
    program = """
import sys
from edgetl.cli import run
for line in (["--help"], ["bases"], ["methods"], ["targets"], ["targets", "tflite"], ["recipe"], ["build", "--help"]):
    assert run(line) == 0, line
heavy = {"tensorflow", "keras", "ai_edge_litert", "onnx", "onnxruntime", "sklearn", "scipy", "jax"} & set(sys.modules)
sys.exit(f"loaded: {sorted(heavy)}" if heavy else 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=edgetl.environment(), check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_build_that_finds_everything_done_loads_nothing_heavy(edgetl, kept, photos, recipe_file):
    program = f"""
import sys
from edgetl.cli import run
assert run({["build", str(photos), "--recipe", str(recipe_file), "--out", str(kept), "--quiet"]}) == 0
heavy = {{"tensorflow", "keras", "ai_edge_litert", "onnx", "onnxruntime"}} & set(sys.modules)
sys.exit(f"loaded: {{sorted(heavy)}}" if heavy else 0)
"""
    environment = edgetl.environment(XDG_CACHE_HOME=str(kept.parent / "cache"))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0 and done.stdout, done.stderr


def test_tables_for_scripts(capsys):
    def listed(*arguments: str) -> object:
        assert cli.run([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    assert [row["name"] for row in listed("bases")] == list(BASES)
    assert [row["name"] for row in listed("methods")] == list(METHODS)
    assert "tflite" in [row["id"] for row in listed("targets")]
    assert listed("targets", "tflite")["id"] == "tflite"
    assert listed("recipe", "--alpha", "0.5")["base"]["alpha"] == 0.5


def test_tables_for_people(capsys):
    told = (("bases", "mobilenet_v2"), ("bases", "--weights formula"), ("methods", "int8"), ("targets", "tflite"))
    for verb, name in told:
        assert cli.run([verb]) == 0
        assert name in capsys.readouterr().out


def test_a_recipe_can_be_written_down_and_given_back(capsys, tmp_path):
    assert cli.run(["recipe", "--alpha", "0.35", "--epochs", "3", "--no-augment", "--strict"]) == 0
    text = capsys.readouterr().out
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    assert cli.run(["recipe", "--recipe", str(path)]) == 0
    assert capsys.readouterr().out == text and "alpha = 0.35" in text and "strict = true" in text


def test_doctor(capfd):
    assert cli.run(["doctor", "--json"]) in (0, 2)
    findings = json.loads(capfd.readouterr().out)
    assert {"python", "tensorflow", "XNNPACK", "cache"} <= {finding["subject"] for finding in findings}


# What is wrong.


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["build", ".", "--base", "mobilnet_v2"], "did you mean mobilenet_v2"),
        (["build", ".", "--method", "int9"], "did you mean int8"),
        (["build", ".", "--target", "tflight"], "did you mean tflite"),
        (["build", ".", "--target", "tflite", "--target", "tflight"], "did you mean tflite"),
        (["build", ".", "--target", "tflite", "--target", "tflite"], "a target is given twice"),
        (["build", ".", "--recipe", "clasic"], "did you mean classic"),
        (["build", ".", "--recipe", "key.toml"], "did you mean epochs"),
        (["build", ".", "--recipe", "table.toml"], "phase1"),
        (["build", ".", "--recipe", "gone.toml"], "no such recipe file"),
        (["build", ".", "--alpha", "-1"], "base.alpha"),
        (["build", ".", "--side", "8"], "base.side_px"),
        (["build", ".", "--learning-rate", "nan"], "phase1.learning_rate"),
        (["train", ".", "--fit", "squeeze"], "photos.fit"),
        (["build", "--epoch", "3"], "--epochs"),
        (["build", ".", "--alpha", "wide"], "--alpha"),
        (["biuld"], "build"),
        (["targets", "raspbery"], "unknown target"),
        (["verify"], "nothing to verify"),
        (["verify", "run", "--photos", "."], "not both"),
        (["verify", "gone"], "give the folder that edgetl build wrote"),
        (["convert", "gone"], "give the folder that edgetl build wrote"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_misspelt_or_absent(capfd, tmp_path, monkeypatch, arguments, told):
    (tmp_path / "key.toml").write_text("[phase1]\nepoch = 3\n")
    (tmp_path / "table.toml").write_text("[phase]\nepochs = 3\n")
    monkeypatch.chdir(tmp_path)
    assert cli.run(arguments) == 2
    out, err = capfd.readouterr()
    assert out == "" and told in err and "Traceback" not in err
    assert not (tmp_path / "edgetl-runs").exists(), "nothing is made before the command line is understood"


def test_the_exit_code_leaves_the_process(edgetl):
    done = edgetl("build", ".", "--base", "mobilnet_v2")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: unknown base 'mobilnet_v2'" in done.stderr and "did you mean mobilenet_v2" in done.stderr


def test_photos_that_are_not_there(edgetl):
    done = edgetl("build", "nowhere", "--out", "run")
    assert (done.returncode, done.stdout) == (2, "") and "Traceback" not in done.stderr
    assert "error: the folder of photos does not exist" in done.stderr and "one folder per class" in done.stderr


def test_a_folder_with_other_files_is_not_taken_over(capfd, photos, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    assert cli.run(["build", str(photos), "--out", str(tmp_path)]) == 2
    assert "files that edgetl did not write" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_run_folder_that_is_in_use(edgetl, photos, run_folder):
    with runs.open_run(run_folder):
        for arguments in (("build", photos, "--out", run_folder), ("verify", run_folder)):
            done = edgetl(*arguments)
            assert (done.returncode, done.stdout) == (2, "")
            assert f"another build (process {os.getpid()}) works in this run folder" in done.stderr


def test_a_method_that_the_target_does_not_take(capfd, photos, tmp_path):
    folder = tmp_path / "targets" / "mine"
    folder.mkdir(parents=True)
    (folder / "target.toml").write_text(
        'schema = 1\nextends = "tflite"\ntitle = "Mine"\nsummary = "mine"\n[accepts]\nmethods = ["int8"]\n'
    )
    line = ["build", str(photos), "--target", "mine", "--target-dir", str(folder.parent), "--method", "float16"]
    assert cli.run([*line, *TINY, "--out", str(tmp_path / "run")]) == 2
    out, err = capfd.readouterr()
    assert out == "" and "target mine does not take float16" in err and "it takes int8" in err


def test_a_bug_is_not_a_bare_traceback(edgetl, photos, tmp_path):
    program = """
import sys
from edgetl import cli
from edgetl.pipeline import build
build.build = lambda *_: 1 / 0
sys.exit(cli.run(sys.argv[1:]))
"""
    command = [sys.executable, "-c", program, "build", str(photos), "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, env=edgetl.environment(), check=False)
    log = tmp_path / "run" / "log.txt"
    assert (done.returncode, done.stdout) == (3, "")
    assert "ZeroDivisionError: division by zero" in done.stderr and "Traceback" not in done.stderr
    assert f"log: {log}" in done.stderr and "Traceback" in log.read_text()


# A whole build.


def test_explain_ranks_the_layers_of_each_format(built, photos, recipe_file, tmp_path, capsys):
    root = shutil.copytree(built.run, tmp_path / "run")
    told = ["build", str(photos), "--recipe", str(recipe_file), "--out", str(root), "--explain", "--json"]
    assert cli.run(told) == 0
    layers = json.loads(capsys.readouterr().out)["layers"]
    assert list(layers) == ["tflite"] and layers["tflite"][0]["error_steps"] >= layers["tflite"][-1]["error_steps"]


def test_build_prints_one_json_object_and_nothing_else(built_by_cli):
    assert built_by_cli.returncode == 0, built_by_cli.stderr
    assert built_by_cli.stdout.count("\n") == 1 and built_by_cli.stdout.endswith("\n")
    told = json.loads(built_by_cli.stdout)
    assert {"run", "bundle", "method", "model_bytes", "verdict", "seconds"} <= set(told)
    assert set(told["verdict"]) >= VERDICT_KEYS
    assert told["verdict"]["outcome"] in ("PASS", "FAIL", "UNDECIDED") and told["method"] == "int8"
    assert told["model_bytes"] == (Path(told["bundle"]) / "model.tflite").stat().st_size
    assert Path(told["run"]).is_absolute() and told["seconds"]["train"] > 0


def test_build_tells_its_progress_on_stderr_without_noise(built_by_cli):
    said = built_by_cli.stderr
    for news in ("• train mobilenet", "epoch   1", "• convert to int8", "ledger", "UNDECIDED", "bundle:"):
        assert news in said
    for noise in ("absl", "oneDNN", "cuda", "XNNPACK delegate", "fully_quantize", "Warning", "\x1b["):
        assert noise not in said, said


def test_what_the_libraries_said_is_in_the_log(kept):
    assert (kept / "log.txt").is_file()


def test_a_second_build_makes_nothing_and_says_the_same(edgetl, kept, built_by_cli, photos, recipe_file):
    arguments = ("build", photos, "--recipe", recipe_file, "--out", kept, "--json", "--quiet")
    done = edgetl(*arguments, XDG_CACHE_HOME=str(kept.parent / "cache"))
    assert (done.returncode, done.stderr) == (0, "")
    first, again = json.loads(built_by_cli.stdout), json.loads(done.stdout)
    assert set(again["seconds"].values()) == {0.0}
    assert {**first, "seconds": 0} == {**again, "seconds": 0}


def test_quiet_prints_the_bundle_and_nothing_else(edgetl, kept, photos, recipe_file):
    arguments = ("build", photos, "--recipe", recipe_file, "--out", kept, "--quiet")
    done = edgetl(*arguments, XDG_CACHE_HOME=str(kept.parent / "cache"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{kept / 'bundle-tflite' / 'bundle'}\n"


def test_the_bundle_checks_itself_and_names_a_photo(kept, photos, tmp_path):
    bundle = shutil.copytree(kept / "bundle-tflite" / "bundle", tmp_path / "bundle")
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}

    def started(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(bundle / program), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/", check=False)

    checked = started("selfcheck.py")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for name in ("circle", "square", "triangle"):
        named = started("classify.py", "--json", photos / name / "003.png")
        assert named.returncode == 0, named.stderr
        assert json.loads(named.stdout)["labels"][0]["label"] == name


# Single verbs on a run.


def test_verify_repeats_the_verdict(capfd, run_folder, built):
    assert cli.run(["verify", str(run_folder), "--json"]) == 0
    again = Verdict.model_validate_json(capfd.readouterr().out)
    assert again.model_dump(exclude={"host_ms", "hops"}) == built.verdict.model_dump(exclude={"host_ms", "hops"})
    assert [hop.name for hop in again.hops] == [hop.name for hop in built.verdict.hops]


def test_undecided_is_a_failure_when_strict(capfd, run_folder, built):
    assert built.verdict.outcome == "UNDECIDED"
    assert cli.run(["verify", str(run_folder), "--strict"]) == 1
    out, err = capfd.readouterr()
    assert out == "UNDECIDED\n" and "error: " in err and "--strict" in err


@pytest.mark.parametrize("verb", ["verify", "bench"])
def test_a_run_that_was_built_strict_stays_so(run_folder, monkeypatch, verb):
    before, found = Order.of(run_folder), []
    contract = before.recipe.contract.model_copy(update={"strict": True})
    dataclasses.replace(before, recipe=before.recipe.model_copy(update={"contract": contract})).save(run_folder)
    monkeypatch.setattr(cli, "_keep_contracts", lambda verdicts, unmet, *, strict: found.append(strict))
    assert cli.run([verb, str(run_folder), "--quiet"]) == 0
    assert found == [True]


def test_verify_of_files_made_anywhere(capfd, built, draw_photos, tmp_path):
    unseen = draw_photos(tmp_path / "unseen", range(100, 104))
    files = ["--reference", str(built.trained.path), "--artifact", str(built.artifact.path), "--photos", str(unseen)]
    assert cli.run(["verify", *files, "--json"]) == 0
    verdict = Verdict.model_validate_json(capfd.readouterr().out)
    assert verdict.photos == 12 and verdict.artifact_sha256 == built.artifact.sha256
    assert cli.run(["verify", *files[:4]]) == 2
    assert "nothing to verify" in capfd.readouterr().err
    assert cli.run(["verify", *files, "--method", "int8"]) == 2
    assert "--method and --target choose from a run's files" in capfd.readouterr().err


def test_convert_and_bundle_by_another_method(capfd, run_folder):
    assert cli.run(["convert", str(run_folder), "--method", "float32"]) == 0
    assert capfd.readouterr().out == f"{run_folder / 'convert-tflite-float32' / 'model.tflite'}\n"
    assert cli.run(["bundle", str(run_folder), "--method", "float32", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["method"] == "float32"


@pytest.mark.parametrize(
    ("outcome", "drop", "strict", "kept"),
    [
        ("PASS", 0.0, True, True),
        ("FAIL", 0.2, False, False),
        ("UNDECIDED", 0.01, False, True),
        ("UNDECIDED", 0.05, False, False),
        ("UNDECIDED", 0.0, True, False),
    ],
)
def test_when_the_contract_is_kept(built, outcome, drop, strict, kept):
    verdict = built.verdict.model_copy(update={"outcome": outcome, "drop": drop, "limit_drop": 0.02})
    if kept:
        cli._keep_contracts({"tflite": verdict}, {}, strict=strict)
        return
    with pytest.raises(ContractBroken) as caught:
        cli._keep_contracts({"tflite": verdict}, {}, strict=strict)
    assert caught.value.exit_code == 1 and "--limit-drop" in caught.value.hint


def test_of_several_targets_every_broken_one_is_named(built):
    failed = built.verdict.model_copy(update={"outcome": "FAIL", "drop": 0.3})
    verdicts = {"tflite": built.verdict, "onnx": failed, "mine": failed}
    with pytest.raises(ContractBroken, match=r"onnx: the accuracy .*30\.00 points.*; mine: the") as caught:
        cli._keep_contracts(verdicts, {}, strict=False)
    assert "tflite" not in caught.value.message


def test_what_else_a_target_demands_is_a_part_of_the_contract(built):
    kept = built.verdict.model_copy(update={"outcome": "PASS"})
    cli._keep_contracts({"tflite": kept}, {"tflite": ""}, strict=True)
    for verdicts in ({"tflite": kept}, {}):
        with pytest.raises(ContractBroken, match=r"^int8 takes 9 bytes, 8 allowed$") as caught:
            cli._keep_contracts(verdicts, {"tflite": "int8 takes 9 bytes, 8 allowed"}, strict=False)
        assert "a narrower --alpha" in caught.value.hint and "wider" not in caught.value.hint


def test_verbs_on_a_run_for_several_targets(capfd, run_folder):
    both = Order.of(run_folder)
    dataclasses.replace(both, targets=(*both.targets, targets.find_target("raspberry-pi-armv7"))).save(run_folder)
    for verb in ("convert", "verify", "bundle", "bench"):
        assert cli.run([verb, str(run_folder)]) == 2
        assert "several targets: tflite, raspberry-pi-armv7" in capfd.readouterr().err
        assert cli.run([verb, str(run_folder), "--target", "onnx"]) == 2
        assert "not built for target 'onnx'" in capfd.readouterr().err
    assert cli.run(["bundle", str(run_folder), "--target", "raspberry-pi-armv7", "--method", "int8", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["target"] == "raspberry-pi-armv7"


def test_a_broken_contract_prints_its_result_and_exits_1(capfd, built, photos, tmp_path, monkeypatch):
    failed = built.verdict.model_copy(update={"outcome": "FAIL", "drop": 0.3, "limit_drop": 1e-4})
    broken = dataclasses.replace(built.targets[0], verdict=failed)
    monkeypatch.setattr(building, "build", lambda *_: dataclasses.replace(built, targets=(broken,)))
    line = ["build", str(photos), "--limit-drop", "0.0001", "--out", str(tmp_path / "run"), "--json"]
    assert cli.run(line) == 1
    out, err = capfd.readouterr()
    assert json.loads(out)["verdict"]["outcome"] == "FAIL"
    assert "error: " in err and "30.00 points" in err and "0.01" in err and "--limit-drop" in err


# Being stopped.


def test_interrupted_then_killed_then_finished(edgetl, photos, recipe_file, tmp_path):
    cache, run = tmp_path / "cache", tmp_path / "run"
    line = ("train", photos, "--recipe", recipe_file, "--fine-tune-epochs", "2", "--out", run)
    environment = {"XDG_CACHE_HOME": str(cache)}
    with watched(edgetl, *line, **environment) as child:
        until(child, "epoch   1")
        child.send_signal(signal.SIGINT)
        said, out = child.stderr.read(), child.stdout.read()
        assert child.wait(timeout=60) == 130 and out == "" and "Traceback" not in said
        assert "interrupted: the same command goes on" in said
    assert not list(run.glob("train*")) and not list(run.glob(".*.tmp")), "nothing half-written"
    decoded = stored(cache)
    assert decoded
    with watched(edgetl, *line, **environment) as child:
        until(child, "epoch   1")
        child.kill()
        assert child.wait(timeout=60) == -signal.SIGKILL
    assert not (run / "train").exists() and (run / "ingest" / "ingest.json").is_file()
    done = edgetl(*line, **environment)
    assert (done.returncode, done.stdout) == (0, f"{run / 'train' / 'model.keras'}\n"), done.stderr
    assert (run / "train" / "train.json").is_file() and not list(run.glob(".*.tmp"))
    assert stored(cache) == decoded, "the photos were decoded again"
    log = (run / "train" / "log.csv").read_text().splitlines()
    assert len(log) == 1 + 3 + 2, "the epochs of the finished training, not of the killed ones"


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "install"), [("jax", "'edgetl[jax]'"), ("torch", "torch")])
def test_another_backend(edgetl, photos, recipe_file, tmp_path, backend, install):
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed here (pip install {install})")
    line = ("--recipe", recipe_file, "--epochs", "2", "--fine-tune-epochs", "2", "--out", tmp_path / "run")
    done = edgetl("train", photos, *line, "--json", KERAS_BACKEND=backend)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["backend"] == backend
    done = edgetl("convert", tmp_path / "run", "--method", "int8", "--json", KERAS_BACKEND=backend)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["input"]["dtype"] == "uint8"


# Measuring.


def test_bench_here(run_folder, edgetl, built):
    done = edgetl("bench", run_folder, "--accuracy", "--json")
    assert done.returncode == 0, done.stderr
    measure = json.loads(done.stdout)["measures"]["host"]
    assert measure["model_sha256"] == built.artifact.sha256 and measure["soak"] is None
    assert measure["accuracy"]["photos"] == built.verdict.photos
    assert "milliseconds on the host, not the device" in done.stderr
    # The contract is judged again, with the hop from the build's answers to the program's.
    assert f"{built.artifact.method}, host" in done.stderr and f"{built.verdict.outcome}: " in done.stderr
    assert json.loads((run_folder / "bench-host" / "measure.json").read_text()) is not None


@pytest.fixture
def board(fleet) -> str:
    """A device whose python3 makes environments that share this one's packages."""
    inner = f'if [ "$1 $2" = \'-m pip\' ]; then exit 0; fi; exec {sys.executable} "$@"'
    home = fleet.add("pi@board")
    fleet.program(home, "venv-python", inner)
    make = 'mkdir -p "$3/bin" && cp "$HOME/bin/venv-python" "$3/bin/python" && exit 0'
    fleet.program(home, "python3", f'if [ "$1 $2" = \'-m venv\' ]; then {make}; fi; exec {sys.executable} "$@"')
    return "pi@board"


def test_bench_on_devices_of_which_one_is_dead(run_folder, edgetl, board, built):
    done = edgetl("bench", run_folder, "--device", board, "--device", "dead", "--accuracy", "--soak", "0.5", "--json")
    assert done.returncode == 2, done.stderr
    told = json.loads(done.stdout)
    assert told["failed"] == ["dead: no connection: ssh: connect to host dead port 22: Connection refused"]
    measure = told["measures"][board]
    assert measure["soak"]["seconds"] >= 0.5 and measure["accuracy"]["photos"] == built.verdict.photos
    kept = run_folder / "bench-pi_board"
    assert json.loads((kept / "measure.json").read_text())["model_sha256"] == built.artifact.sha256
    assert (kept / "measure.svg").is_file() and not (run_folder / "bench-dead").exists()
    assert "milliseconds on the devices" in done.stderr and f"{built.artifact.method}, {board}" in done.stderr
    assert "• pi@board: set up" in done.stderr and "error: dead: no connection" in done.stderr


def test_milliseconds_are_demanded_of_devices_and_not_of_this_machine(run_folder, monkeypatch, capfd):
    monkeypatch.setattr(demands, "check_latency", lambda measure, limits: "int8 takes 20 ms, 10 allowed")
    monkeypatch.setattr(Delivery, "fleet", lambda self, devices, made, wanted: [self.benched(made, wanted)])
    assert cli.run(["bench", str(run_folder), "--quiet"]) == 0
    assert cli.run(["bench", str(run_folder), "--device", "pi@board", "--soak", "0", "--quiet"]) == 1
    assert "int8 takes 20 ms, 10 allowed" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("devices", "says"),
    [(("-oProxyCommand=x",), "is not a device name for ssh"), (("a", "a"), "two devices of the same name")],
)
def test_devices_that_cannot_be(run_folder, edgetl, devices, says):
    done = edgetl("bench", run_folder, *(f"--device={name}" for name in devices))
    assert done.returncode == 2 and says in done.stderr and done.stdout == ""


# A model of one's own.


def test_build_with_a_model_of_ones_own(edgetl, built, photos, tmp_path):
    """The shared run's own Keras model, given as a stranger's: nothing is trained, and it answers as it did."""
    command = (
        "build",
        photos,
        "--model",
        built.trained.path,
        "--method",
        "float32",
        "--out",
        tmp_path / "own",
        "--json",
    )
    done = edgetl(*command)
    assert done.returncode == 0, done.stderr
    assert "epoch" not in done.stderr and "take model.keras as it is" in done.stderr
    verdict = json.loads(done.stdout)["verdict"]
    assert verdict["reference_accuracy"] == built.verdict.reference_accuracy
    assert verdict["outcome"] in ("PASS", "UNDECIDED") and verdict["agreement"] == 1.0


def test_a_run_folder_among_the_photos_is_refused(draw_photos, edgetl, tmp_path):
    photos = draw_photos(tmp_path / "shapes", range(3))
    before = sorted(photos.rglob("*"))
    done = subprocess.run(
        edgetl.command("build", "."), cwd=photos, capture_output=True, text=True, env=edgetl.environment(), check=False
    )
    assert done.returncode == 2 and "the run folder would lie inside the photos" in done.stderr
    done = edgetl("train", photos, "--out", photos / "circle" / "run")
    assert done.returncode == 2 and "--out" in done.stderr
    assert sorted(photos.rglob("*")) == before


@pytest.mark.parametrize("flag", [("--limit-drop", "0.001"), ("--fit", "pad")])
def test_a_run_is_judged_by_its_own_recipe(run_folder, flag, capsys):
    assert cli.run(["verify", str(run_folder), *flag]) == 2
    assert "a run is judged by its own recipe" in capsys.readouterr().err


def test_a_closed_pipe_is_no_broken_contract(edgetl):
    with subprocess.Popen(edgetl.command("bases"), stdout=subprocess.PIPE, env=edgetl.environment()) as child:
        assert child.stdout is not None
        child.stdout.close()
    assert child.returncode == 0


def test_a_training_leaves_the_targets_of_a_built_run(order, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    built = dataclasses.replace(order, targets=(targets.find_target("raspberry-pi-4"),), method="int8")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").touch()
    built.save(tmp_path / "run")
    kept = []

    @contextmanager
    def chained(order, root, *, quiet):
        kept.append(order)
        raise ConfigError("far enough")
        yield

    monkeypatch.setattr(cli, "_chain", chained)
    assert cli.run(["train", str(order.photos), "--out", "run"]) == 2
    assert [(one.targets[0].id, one.method) for one in kept] == [("raspberry-pi-4", "int8")]


def test_a_path_that_is_not_utf8(tmp_path, capsys):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/photos-\xff"))
    folder.mkdir()
    assert cli.run(["build", str(folder)]) == 2
    assert "--photos is not UTF-8" in capsys.readouterr().err
    assert cli.run(["recipe", "--weights", os.fsdecode(b"\xff.h5")]) == 2
    assert "--weights is not UTF-8" in capsys.readouterr().err


def test_only_a_reader_that_has_gone_ends_quietly(monkeypatch, capsys):
    def ends(why):
        def app(*_, **__):
            try:
                raise why
            except OSError:
                sys.exit(1)

        return app

    monkeypatch.setattr(cli, "app", ends(BrokenPipeError()))
    assert cli.run([]) == 0 and capsys.readouterr().err == ""
    monkeypatch.setattr(cli, "app", ends(PermissionError()))
    assert cli.run([]) == 3 and "SystemExit: 1" in capsys.readouterr().err
