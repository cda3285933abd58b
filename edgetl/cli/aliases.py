"""Names of other programs for the verbs and options of edgetl: what was typed → its name here, and a sentence.

An alias is understood only where the verb has no option of that name. All other unknown names stay errors, with a
suggestion.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from edgetl.core.errors import ConfigError

# A verb that begins with dashes is an option of the program.
VERB_ALIASES = {
    "version": "--version",
    "help": "--help",
    "fit": "train",
    "finetune": "train",
    "fine-tune": "train",
    "export": "convert",
    "quantize": "convert",
    "evaluate": "verify",
    "eval": "verify",
    "val": "verify",
    "validate": "verify",
    "benchmark": "bench",
    "package": "bundle",
    "pack": "bundle",
    "classify": "predict",
    "infer": "predict",
    "inference": "predict",
    "models": "bases",
    "networks": "bases",
    "devices": "targets",
    "boards": "targets",
    "recipes": "recipe",
}
# Verbs that several verbs of edgetl share between them: what each of these does.
VERBS_IN_PARTS = {
    "deploy": "edgetl bundle RUN makes the folder for a device, edgetl bench RUN --device USER@HOST copies it there "
    "and measures it",
    "serve": "edgetl demo RUN shows predictions in a browser, edgetl predict RUN PHOTO prints them",
    "run": "edgetl build PHOTOS makes a model, edgetl predict RUN PHOTO and edgetl demo RUN use it",
    "test": "edgetl verify RUN judges a file on the test photos, edgetl bench RUN measures it, edgetl doctor checks "
    "this machine",
}
OPTION_ALIASES = {
    "lr": "learning-rate",
    "initial-lr": "learning-rate",
    "lr0": "learning-rate",
    "image-size": "side",
    "imgsz": "side",
    "img-size": "side",
    "img": "side",
    "input-size": "side",
    "size": "side",
    "resolution": "side",
    "batch": "batch-size",
    "bs": "batch-size",
    "initial-epochs": "epochs",
    "num-epochs": "epochs",
    "finetune-epochs": "fine-tune-epochs",
    "ft-epochs": "fine-tune-epochs",
    "output": "out",
    "output-dir": "out",
    "output-folder": "out",
    "out-dir": "out",
    "outdir": "out",
    "run": "out",
    "data": "photos",
    "dataset": "photos",
    "data-dir": "photos",
    "images": "photos",
    "image-dir": "photos",
    "train-dir": "photos",
    "backbone": "base",
    "arch": "base",
    "architecture": "base",
    "network": "base",
    "width": "alpha",
    "width-multiplier": "alpha",
    "pretrained": "weights",
    "random-seed": "seed",
    "quantization": "method",
    "quantize": "method",
    "format": "target",
    "board": "target",
    "host": "device",
    "ssh": "device",
    "max-drop": "limit-drop",
    "tolerance": "limit-drop",
    "classes": "labels",
    "class-names": "labels",
    "topk": "top",
    "top-k": "top",
    "config": "recipe",
    "preset": "recipe",
    "no-augmentation": "no-augment",
    "force": "overwrite",
    "webcam": "camera",
}
# Values of --target.
TARGET_ALIASES = {
    **{
        f"{name}{separator}{model}": f"raspberry-pi-{model}"
        for name in ("rpi", "pi", "raspberrypi", "raspi")
        for separator in ("", "-")
        for model in ("3", "4", "5")
    },
    **dict.fromkeys(("rpi", "pi", "raspberrypi", "raspi"), "raspberry-pi"),
    **dict.fromkeys(("zero2w", "pizero2w", "rpi-zero-2w", "pi-zero-2w", "zero-2w"), "raspberry-pi-zero-2w"),
    "litert": "tflite",
    "tensorflow-lite": "tflite",
    "lite": "tflite",
    "onnxruntime": "onnx",
}


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command line in the names of edgetl, and a sentence for each name that was replaced."""

    arguments: list[str]
    sentences: list[str]


def resolve_aliases(arguments: Sequence[str], flags_of_verb: Mapping[str, Collection[str]]) -> CommandLine:
    """Replace names of other programs.

    Args:
        arguments: the command line, without the name of the program.
        flags_of_verb: verb of edgetl → the options that it has, with their dashes.

    Raises:
        ConfigError: a verb that several verbs of edgetl share.
    """
    resolved, sentences = list(arguments), list[str]()
    # The options of the program are before the verb; none of them takes a value.
    place = next((index for index, text in enumerate(resolved) if not text.startswith("-")), None)
    if place is None:
        return CommandLine(resolved, sentences)
    verb = resolved[place]
    if verb not in flags_of_verb:
        if verb in VERBS_IN_PARTS:
            raise ConfigError(f"edgetl has no verb {verb!r}", hint=VERBS_IN_PARTS[verb])
        name = VERB_ALIASES.get(verb, verb)
        if name != verb:
            sentences.append(f"{verb} is {name}")
        # What follows would be an unknown argument of the option.
        resolved = [name] if name.startswith("-") else [*resolved[:place], name, *resolved[place + 1 :]]
        verb = name
    if verb not in flags_of_verb:
        return CommandLine(resolved, sentences)
    flags = flags_of_verb[verb]
    for index in range(place + 1, len(resolved)):
        # Everything after two dashes is a value.
        if resolved[index] == "--":
            break
        flag, separator, value = resolved[index].partition("=")
        name = _find_flag(flag, flags)
        if name != flag:
            sentences.append(f"{flag} is {name}")
        if name == "--target":
            # The value is in the same word, or the next one.
            typed = value if separator else "".join(resolved[index + 1 : index + 2])
            target = TARGET_ALIASES.get(typed.lower(), typed)
            sentences += [f"{typed} is {target}"] * (target != typed)
            if separator:
                value = target
            else:
                resolved[index + 1 : index + 2] = [target] if typed else []
        resolved[index] = f"{name}{separator}{value}"
    return CommandLine(resolved, sentences)


def _find_flag(flag: str, flags: Collection[str]) -> str:
    """Return the option of edgetl that a flag is an alias of, or the flag itself."""
    if not flag.startswith("--") or flag in flags:
        return flag
    words = flag.removeprefix("--").replace("_", "-").lower()
    for name in (words, OPTION_ALIASES.get(words, "")):
        if f"--{name}" in flags:
            return f"--{name}"
    return flag
