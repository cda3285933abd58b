"""Names of other programs are understood, with a sentence; every alias leads to a name that edgetl has."""

import pytest
import typer

from edgetl import cli
from edgetl.cli.aliases import OPTION_ALIASES, TARGET_ALIASES, VERB_ALIASES, VERBS_IN_PARTS, resolve_aliases
from edgetl.cli.app import app
from edgetl.core.device import targets
from edgetl.core.errors import ConfigError

FLAGS = {
    verb: {flag for parameter in command.params for flag in parameter.opts}
    for verb, command in typer.main.get_command(app).commands.items()
}


def resolve(line: str) -> tuple[str, list[str]]:
    resolved = resolve_aliases(line.split(), FLAGS)
    return " ".join(resolved.arguments), resolved.sentences


@pytest.mark.parametrize(
    ("line", "expected", "sentences"),
    [
        ("build photos --lr 0.01", "build photos --learning-rate 0.01", ["--lr is --learning-rate"]),
        ("build photos --lr=0.01", "build photos --learning-rate=0.01", ["--lr is --learning-rate"]),
        ("build --image-size 96", "build --side 96", ["--image-size is --side"]),
        ("build --imgsz 96", "build --side 96", ["--imgsz is --side"]),
        ("build --img-size 96", "build --side 96", ["--img-size is --side"]),
        ("build --img_size 96", "build --side 96", ["--img_size is --side"]),
        ("build --batch 16", "build --batch-size 16", ["--batch is --batch-size"]),
        ("build --batch-size 16", "build --batch-size 16", []),
        ("build --batch_size 16", "build --batch-size 16", ["--batch_size is --batch-size"]),
        ("train --learning_rate 1", "train --learning-rate 1", ["--learning_rate is --learning-rate"]),
        ("train --Epochs 1", "train --epochs 1", ["--Epochs is --epochs"]),
        ("build --output run", "build --out run", ["--output is --out"]),
        ("build --data photos", "build --photos photos", ["--data is --photos"]),
        ("train --data photos", "train --photos photos", ["--data is --photos"]),
        ("fit photos", "train photos", ["fit is train"]),
        ("export run", "convert run", ["export is convert"]),
        ("evaluate run", "verify run", ["evaluate is verify"]),
        ("eval run", "verify run", ["eval is verify"]),
        ("benchmark run --host pi", "bench run --device pi", ["benchmark is bench", "--host is --device"]),
        ("build --target rpi4", "build --target raspberry-pi-4", ["rpi4 is raspberry-pi-4"]),
        ("build --target=pi-5", "build --target=raspberry-pi-5", ["pi-5 is raspberry-pi-5"]),
        (
            "export r --format lite",
            "convert r --target tflite",
            ["export is convert", "--format is --target", "lite is tflite"],
        ),
        ("build --target onnx --target", "build --target onnx --target", []),
        ("version", "--version", ["version is --version"]),
        ("version --json", "--version", ["version is --version"]),
    ],
)
def test_name_of_another_program_is_replaced_with_a_sentence(line, expected, sentences):
    assert resolve(line) == (expected, sentences)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--help",
        "biuld photos",
        "build photos --epoch 3",
        "build photos --zzz 3",
        # The verb has no option of this meaning.
        "bases --lr 3",
        "build photos -- --lr",
        "build photos -lr",
    ],
)
def test_other_names_are_left_as_they_are(line):
    assert resolve(line) == (line, [])


@pytest.mark.parametrize("verb", VERBS_IN_PARTS)
def test_verb_that_several_verbs_share_is_an_error_that_names_them(verb):
    with pytest.raises(ConfigError, match=f"no verb '{verb}'") as error:
        resolve(f"{verb} run")
    assert sum(f"edgetl {name} " in f"{error.value.hint} " for name in FLAGS) >= 2


def test_aliases_lead_to_names_that_exist():
    verbs = {name for name in VERB_ALIASES.values() if not name.startswith("-")}
    assert verbs <= set(FLAGS)
    assert {f"--{name}" for name in OPTION_ALIASES.values()} <= set().union(*FLAGS.values()) | {"--overwrite"}


def test_target_aliases_lead_to_shipped_targets():
    ids = {target.id for target in targets.list_targets()}
    assert set(TARGET_ALIASES.values()) <= ids and not set(TARGET_ALIASES) & ids


def test_no_alias_is_a_name_of_edgetl():
    assert not (set(VERB_ALIASES) | set(VERBS_IN_PARTS)) & set(FLAGS)
    assert not set(VERB_ALIASES) & set(VERBS_IN_PARTS)


def test_sentence_is_printed_and_the_command_runs(capsys):
    assert cli.run(["recipe", "--imgsz", "96", "--lr", "0.5"]) == 0
    out, err = capsys.readouterr()
    assert "side_px = 96" in out and "learning_rate = 0.5" in out
    assert err == "--imgsz is --side\n--lr is --learning-rate\n"


def test_version_is_a_verb_too(capsys):
    assert cli.run(["version"]) == 0
    out, err = capsys.readouterr()
    assert out.strip() and err == "version is --version\n"


@pytest.mark.parametrize(("option", "suggestion"), [("--epoch", "--epochs"), ("--sied", "--side")])
def test_unknown_option_still_has_a_suggestion(capsys, option, suggestion):
    assert cli.run(["build", option, "3"]) == 2
    assert suggestion in capsys.readouterr().err
