"""Progressive precision: the network that runs only the first cycles of every stream.

A counter after L' of L cycles holds an estimate of the same sum in units of 1/L' (A. Alaghi and
J. P. Hayes, *Survey of stochastic computing*, ACM TECS 12 (2013), call this progressive precision),
so a prefix of a network is a network too: with d = log2(L / L'), biases and shifts lose d bits.
"""

from typing import Any

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


def lengthened(layer: Layer, length: int) -> Layer:
    """``layer`` with streams of ``length`` cycles, of which its own are a prefix.

    length: cycles, a power of two from L to 2^n; A is an estimate of the same sum in units of
    1 / ``length``. Raises :class:`BitrainError` for a shorter one, for a layer in stream mode, and
    beyond the contract's biases and shifts.
    """
    if length < layer.stream_length or length & (length - 1):
        raise BitrainError(
            f"layer {layer.name!r}: streams of {length} cycles; expected a power of two from its "
            f"own {layer.stream_length} on"
        )
    if layer.neuron == "stream":
        raise BitrainError(
            f"layer {layer.name!r} is in stream mode, whose fires a longer stream does not scale"
        )
    gained = (length // layer.stream_length).bit_length() - 1
    right = layer.shift + layer.upscale.astype(np.int64)
    # What rounds the sums, where they were too coarse to hold it.
    fits = layer.relu & (right < 1) & (right + gained >= 1)
    half = 1 << np.maximum(right + gained, 1) >> 1
    changes = {
        "bias": (layer.bias.astype(np.int64) << gained) + half * fits,
        "shift": layer.shift + gained if layer.relu else layer.shift,
        "stream_length": length,
    }
    if layer.shortcut:
        gain = layer.shortcut.gain << gained
        changes["shortcut"] = dict(layer.shortcut) | {"gain": gain}
    return _changed(layer, changes, f"streams of {length} cycles; choose shorter ones")


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
    return _changed(layer, changes, f"a prefix of {length} cycles; choose a longer prefix")


def _changed(layer: Layer, changes: dict[str, Any], aim: str) -> Layer:
    """The layer with changes; aim: what they are for, and the way out."""
    try:
        return Layer.model_validate(dict(layer) | changes)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "layer"
        what, remedy = aim.split("; ")
        raise BitrainError(
            f"layer {layer.name!r} cannot run {what}: {where} would be {plain(first)}; {remedy}"
        ) from error


def _scaled(value, lost: int):
    """The quotient value / 2^lost, rounded half up; integers or arrays of them."""
    return value + (1 << lost >> 1) >> lost
