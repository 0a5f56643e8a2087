"""Loads weights and biases from a host, 32 bits at a time."""

from itertools import pairwise

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import Component, In, Out

from bitrain.host.weight_image import WORD_BITS, num_image_words, words_per_entry
from bitrain.program import Program

from .layouts import weight_write


class WeightLoader(Component):
    r"""Puts the words of a weight image into the memories of weights and biases.

    Word a of the image is part a mod 2^k of entry a div 2^k, lowest bits first; entries are those
    of the weight memory, then those of the bias memory. An entry is written with its last part.

    ::

        seek     _/‾\_________________
        put      _____/‾‾‾‾‾‾‾‾‾‾‾\___
        address  ---| 0 | 1 | 2 | 3 |4    k = 1
        weights  _________/‾\_____/‾\_    entries 0 and 1

    Latency: none; a word per cycle.

    Members
    -------
    busy : In(1)
        The memories are in use: nothing is written.
    seek : In(1), put : In(1)
        ``data`` is the address of the next word, or that word; not both.
    data : In(32), whole : In(1)
        All of its bytes count.
    address : Out(…)
        Index in the image of the next word.
    refused : Out(1)
        Of ``seek`` and ``put``: beyond the image's end, or in part; of ``put`` alone: while busy.
    write : Out(signature)
        To the memories.
    """

    def __init__(self, program: Program):
        self.num_words = num_image_words(program)
        self.words_per_entry = words_per_entry(program)
        self.num_weights = program.weight_depth
        super().__init__(
            {
                "busy": In(1),
                "seek": In(1),
                "put": In(1),
                "data": In(WORD_BITS),
                "whole": In(1),
                "address": Out(range(self.num_words + 1)),
                "refused": Out(1),
                "write": Out(weight_write(program)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        part_bits = (self.words_per_entry - 1).bit_length()
        part, entry = self.address[:part_bits], self.address[part_bits:]
        earlier = [Signal(WORD_BITS, name=f"earlier_{i}") for i in range(self.words_per_entry - 1)]
        parts = [*earlier, self.data]
        is_weight, sought, taken = (Signal(name=name) for name in ("is_weight", "sought", "taken"))
        m.d.comb += [
            is_weight.eq(entry < self.num_weights),
            sought.eq(self.seek & self.whole & (self.data <= self.num_words)),
            taken.eq(self.put & self.whole & ~self.busy & (self.address != self.num_words)),
            self.refused.eq((self.seek & ~sought) | (self.put & ~taken)),
        ]
        with m.If(sought):
            m.d.sync += self.address.eq(self.data)
        with m.If(taken):
            m.d.sync += self.address.eq(self.address + 1)
            m.d.sync += [kept.eq(later) for kept, later in pairwise(parts)]
        complete = taken & part.all()
        write = self.write
        m.d.comb += [
            write.word.eq(Cat(parts)),
            write.weight_address.eq(entry),
            write.bias_address.eq(entry - self.num_weights),
            write.weight.eq(complete & is_weight),
            write.bias.eq(complete & ~is_weight),
        ]
        return m
