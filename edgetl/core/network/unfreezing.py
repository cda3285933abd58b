"""A specification and facts about the layers of a base → the layers that phase 2 trains. It needs no Keras."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from edgetl.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """Facts about a layer of a base.

    Attributes:
        name: its name.
        trainable: whether it has weights that phase 2 may train. Of BatchNormalization the recipe decides.
        inputs: number of tensors that it consumes.
    """

    name: str
    trainable: bool
    inputs: int = 1


def select_layers(layers: Sequence[LayerFacts], spec: str) -> list[str]:
    """Select the layers that phase 2 trains.

    A count such as "-3" may reach no layer with weights: in textbooks, which count layers, phase 2 then trains the head
    alone. A layer or a fraction that reaches none is an error, because it was meant to reach some.

    Args:
        layers: all layers of the base, from the input up.
        spec: "all", a layer's name (that layer and all above it), a negative number of layers such as "-3", or a
            fraction of them such as "0.3".

    Returns:
        Names of layers with weights; none for a count that reaches none.

    Raises:
        ConfigError: no such layer, more layers than the base has, a fraction outside 0..1, or no layer with weights.
    """
    first = _find_first_unfrozen([layer.name for layer in layers], spec)
    names = [layer.name for layer in layers[first:] if layer.trainable]
    if not names and not _is_count(spec):
        raise ConfigError(
            f"--unfreeze {spec!r} selects no layer with weights",
            hint=f"--unfreeze {find_last_block(layers)} trains the last block, --fine-tune-epochs 0 skips phase 2",
        )
    return names


def find_last_block(layers: Sequence[LayerFacts]) -> str:
    """Return the layer from which --unfreeze trains the last block with weights.

    A block ends where tensors are merged: at as many as at the last merge of the base, or more. A base without merges
    has blocks of one layer.
    """
    top = max((index for index, layer in enumerate(layers) if layer.trainable), default=0)
    merges = [index for index, layer in enumerate(layers) if layer.inputs > 1]
    if merges and merges[-1] > top:
        # The last merge ends the block with the last weights; the one before it is where that block begins.
        fewest = layers[merges[-1]].inputs
        merges = [index for index in merges if index < top and layers[index].inputs >= fewest]
    return layers[merges[-1] if merges else top].name


def explain_head_only(layers: Sequence[LayerFacts], spec: str, base: str) -> str:
    """Say that phase 2 trains the head alone, and which layer would unfreeze a block."""
    return (
        f"--unfreeze {spec} reaches no layer with weights in {base}: phase 2 trains the head alone, at its lower rate; "
        f"--unfreeze {find_last_block(layers)} trains the last block of the base too"
    )


def _is_count(spec: str) -> bool:
    return spec.startswith("-") and spec[1:].isdecimal()


def _find_first_unfrozen(names: list[str], spec: str) -> int:
    """Return the position of the lowest layer to unfreeze."""
    if spec == "all":
        return 0
    if spec in names:
        return names.index(spec)
    try:
        number = float(spec)
    except ValueError:
        # At most three suggestions: a network has many layers with similar names.
        close = get_close_matches(spec, names, n=3, cutoff=0.7)
        hint = f"did you mean {', '.join(close)}?" if close else f"layers run from {names[0]} to {names[-1]}"
        raise ConfigError(f"the base has no layer {spec!r} to unfreeze from", hint=hint) from None
    # nan and infinities fulfil none of the conditions, so that they cause the error below.
    if number < 0 and number.is_integer():
        if -number > len(names):
            raise ConfigError(f"cannot unfreeze {int(-number)} layers of {len(names)}", hint='"all" unfreezes them all')
        return len(names) + int(number)
    if 0 < number <= 1:
        return round(len(names) * (1 - number))
    raise ConfigError(
        f"--unfreeze {spec!r} is neither a layer, a negative count such as -3, nor a fraction such as 0.3"
    )
