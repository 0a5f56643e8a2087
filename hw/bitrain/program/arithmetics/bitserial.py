"""Bit-serial integers: exact products of the same numbers, a pair of their bits in a cycle.

As ``binary``, but for full scale, which is multiplied as 2^n - 1 (``bitrain.spec.planes``):

    A = 2^fraction · bias_o + half_o + Σ_k sign(w_ok) · min(|w_ok|, 2^n - 1) · min(a_k, 2^n - 1) + …

A run of p bits takes the first p² cycles of each chunk: the network of ``bitrain.spec.precision``,
whose numbers stand where they stood, d = n - p bits from the lowest. What it stores is 2^d times as
large, its accumulators are 2^2d times.
"""

from bitrain.spec import Layer, Network, all_precisions

from .arithmetic import Accumulation, Arithmetic
from .binary import exact_products


class BitSerial(Arithmetic):
    """Integers, multiplied by AND gates in n² cycles."""

    name = "bitserial"
    title = "Accelerator with bit-serial integers"
    has_streams = False
    counts_bits = True
    chunk = "= n², a cycle for each pair of bits"

    def cycles(self, network: Network, layer: Layer) -> int:
        """n², whatever L is."""
        return network.bits**2

    def shorter(self, network: Network) -> dict[int, Network]:
        """Those of fewer bits, down to two."""
        return all_precisions(network)

    def accumulate(self, network: Network, layer: Layer, lanes: int) -> Accumulation:
        """A lane of negative weight counts (x AND |w|) XOR 1, which is 2^s too many in a cycle.

        For the bits of significance s; (2^n - 1)² for all of them.
        """
        largest = network.one - 1
        return exact_products(network, layer, self.name, largest, excess=largest**2)

    def constant(self, network: Network, lanes: int, *, negatives_apart: bool) -> str:
        """Bias, in the array's units, less what negative weights count too much."""
        if negatives_apart:
            return "bias"
        return "bias - (2^n - 1)² x (number of negative weights)"
