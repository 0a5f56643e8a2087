"""The weight image: the 32-bit words that a host writes to replace an accelerator's network.

Words of the weight memory, in its order, and those of the bias memory behind them; each takes the
same number of 32-bit words, a power of two, the least significant first. The layer program stays:
it must be that of the network which the accelerator was generated from.
"""

from dataclasses import asdict
from itertools import chain
from pathlib import Path

import numpy as np

from bitrain.program import Program
from bitrain.spec import BitrainError, Network, write_atomically

WORD_BITS = 32


def words_per_entry(program: Program) -> int:
    """32-bit words that an entry of the weight memory or the bias memory takes; a power of two."""
    widest = max(program.weight_word_bits, program.bias_word_bits)
    return 1 << (-(-widest // WORD_BITS) - 1).bit_length()


def num_image_words(program: Program) -> int:
    """32-bit words of the weight image of an accelerator."""
    return (program.weight_depth + program.bias_depth) * words_per_entry(program)


def weight_image(program: Program, network: Network) -> np.ndarray:
    """What makes the accelerator of ``program`` run ``network``: (words,), uint32.

    Raises :class:`BitrainError` for an accelerator whose weights are ROM, and for a network that
    another layer program, other sequences or wider accumulators would run.
    """
    if not program.weights_writable:
        raise BitrainError(
            "the accelerator's weights are in ROM; `bitrain generate … --interface axi --weights "
            "ram` makes one whose weights can be loaded, `--weights stream` one that takes them "
            "from outside"
        )
    other = _check(program, network)
    size = words_per_entry(program) * WORD_BITS // 8
    image = bytearray()
    for entry in chain(other.weight_words, program.bias_words_of(other)):
        image += entry.to_bytes(size, "little")
    return np.frombuffer(image, "<u4")


def write_weight_image(program: Program, network: Network, path: Path) -> None:
    """Write :func:`weight_image` to a file, each word in four bytes, little-endian."""
    write_atomically(path, weight_image(program, network).astype("<u4").tobytes())


def _check(program: Program, network: Network) -> Program:
    """The network compiled for the same accelerator, if it is one that this can run."""
    own, where = program.network, f"network {network.name!r} does not fit the accelerator"
    if network is own:
        return program
    for kind in ("activation", "weight"):
        if getattr(own, f"{kind}_bank") != getattr(network, f"{kind}_bank"):
            raise BitrainError(
                f"{where}: its {kind} sequence or lanes are others, and those are wires; export it "
                f"with the options of network {own.name!r}"
            )
    if own.or_lanes != network.or_lanes:
        raise BitrainError(
            f"{where}: it ORs the product bits of {network.or_lanes} lanes, the accelerator of "
            f"{own.or_lanes}; export it with or_lanes = {own.or_lanes}"
        )
    if len(own.layers) != len(network.layers):
        raise BitrainError(f"{where}: {len(network.layers)} layers, expected {len(own.layers)}")
    other = Program(network, program.array, **program.options)
    pairs = zip(network.layers, program.descriptors, other.descriptors, strict=True)
    for layer, expected, found in pairs:
        fields = asdict(found)
        for name, value in asdict(expected).items():
            if fields[name] != value:
                raise BitrainError(
                    f"{where}: layer {layer.name!r} has {name} = {fields[name]}, the layer program "
                    f"in its ROM {value}; generate an accelerator for this network"
                )
    if other.padding_words != program.padding_words:
        raise BitrainError(
            f"{where}: the values around its maps are others, and those are ROM; generate an "
            "accelerator for this network"
        )
    if other.score_bits > program.score_bits:
        raise BitrainError(
            f"{where}: its accumulators take {other.score_bits} bits, the accelerator has "
            f"{program.score_bits}; generate an accelerator for this network"
        )
    return other
