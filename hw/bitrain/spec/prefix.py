"""Progressive precision: the network that runs only the first cycles of every stream.

A counter after L' of L cycles holds an estimate of the same sum in units of 1/L' (A. Alaghi and
J. P. Hayes, *Survey of stochastic computing*, ACM TECS 12 (2013), call this progressive precision),
so a prefix of a network is a network too: with d = log2(L / L'), biases and shifts lose d bits.
"""

import numpy as np
from pydantic import ValidationError

from .errors import BitrainError, plain
from .layer import Layer
from .network import Network


def with_prefix(network: Network, length: int) -> Network:
    """``network`` with every layer stopped after min(L, ``length``) cycles.

    length: cycles, a power of two. A full length gives an equal network. Exits that are no shorter
    are left out. Raises
    :class:`BitrainError` for a length that is no power of two or beyond the contract's shifts.
    """
    if length < 1 or length & (length - 1):
        raise BitrainError(f"prefix of {length} cycles: expected a power of two")
    if names := [layer.name for layer in network.layers if layer.neuron == "stream"]:
        raise BitrainError(
            f"layer {names[0]!r} is in stream mode, whose fires a shorter stream does not scale; "
            "prefixes are of networks in counter mode"
        )
    layers = tuple(_prefix(layer, length) for layer in network.layers)
    exits = tuple(each for each in network.exits if each.length < length)
    return Network.model_validate(dict(network) | {"layers": layers, "exits": exits})


def all_prefixes(network: Network) -> dict[int, Network]:
    """``network`` and all its prefixes that the contract allows, by length, longest first.

    Raises :class:`BitrainError` for a network of which there can be none.
    """
    length = max(layer.stream_length for layer in network.layers)
    found = {length: with_prefix(network, length)}
    while length := length >> 1:
        try:
            found[length] = with_prefix(network, length)
        except BitrainError:  # nor can any shorter one
            break
    return found


def _prefix(layer: Layer, length: int) -> Layer:
    length = min(length, layer.stream_length)
    lost = (layer.stream_length // length).bit_length() - 1
    right = layer.shift + layer.upscale.astype(np.int64)
    half = 1 << np.maximum(right, 1) >> 1  # what rounds the sums, where export put it
    dropped = layer.relu & (right >= 1) & (right - lost < 1)  # too coarse for it now
    bias = layer.bias.astype(np.int64) - half * dropped
    changes = {
        "bias": _scaled(bias, lost),
        "shift": layer.shift - lost if layer.relu else layer.shift,
        "stream_length": length,
    }
    if layer.shortcut:
        gain = _scaled(layer.shortcut.gain, lost) if layer.shortcut.gain >> lost else 0
        changes["shortcut"] = dict(layer.shortcut) | {"gain": gain}
    try:
        return Layer.model_validate(dict(layer) | changes)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "layer"
        raise BitrainError(
            f"layer {layer.name!r} cannot run a prefix of {length} cycles: {where} would be "
            f"{plain(first)}; choose a longer prefix"
        ) from error


def _scaled(value, lost: int):
    """The quotient value / 2^lost, rounded half up; integers or arrays of them."""
    return value + (1 << lost >> 1) >> lost
