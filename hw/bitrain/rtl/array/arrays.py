"""The array of each arithmetic, by its name (see ``bitrain.program.arithmetics``).

An array has ``step``, ``last``, ``activations`` and ``weights`` as inputs and ``counts`` and
``done`` as outputs, as :class:`MacArray` documents them; ``restart`` only if it counts bits.
"""

from collections.abc import Callable

from bitrain.program import Program

from .binary_array import BinaryArray
from .bitserial_array import BitSerialArray
from .mac_array import MacArray


def _streams(program: Program) -> MacArray:
    network = program.network
    return MacArray(
        network.activation_bank,
        network.weight_bank,
        program.array,
        count_bits=program.count_bits,
        or_lanes=network.or_lanes,
        stream_program=program if program.stream_layers else None,
    )


def _integers(program: Program) -> BinaryArray:
    return BinaryArray(program.array, bits=program.network.bits, count_bits=program.count_bits)


def _bits_of_integers(program: Program) -> BitSerialArray:
    return BitSerialArray(program.array, bits=program.network.bits, count_bits=program.count_bits)


AnyArray = MacArray | BinaryArray | BitSerialArray

ARRAYS: dict[str, Callable[[Program], AnyArray]] = {
    "stochastic": _streams,
    "binary": _integers,
    "bitserial": _bits_of_integers,
}


def build_array(program: Program) -> AnyArray:
    """The array that runs ``program``, whatever its arithmetic and its neurons are."""
    return ARRAYS[program.array.arithmetic](program)
