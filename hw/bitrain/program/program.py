"""The layer program: how a network is laid out in the engine's memories and walked through.

One descriptor per layer drives the engine; weights and biases are ROM words in the order in which
the engine reads them; activations lie in one RAM (see ``memory_map``). The loop nest of a layer,
from the outside in:

    for each tile of P output channels, of one group each
        for each tile of Q neuron positions
            for each chunk of N of the K inputs
                L cycles of streams

Neuron positions run over (pooled row, pooled column, window row, window column), so that the
members of a pooling window follow each other. Results leave a tile position by position, and
within a position channel by channel.
"""

from dataclasses import replace
from functools import cached_property
from itertools import accumulate
from typing import Unpack, cast

from bitrain.spec import Layer, Network, Shape, best_word
from bitrain.spec.word import WordSize

from . import places, rom_words
from .arithmetics import Accumulation
from .array import Array
from .config import AcceleratorConfig
from .conflicts import check_conflicts
from .describe import describe, is_along_columns
from .descriptor import (
    COLUMN_FIELDS,
    DILATION_FIELDS,
    GROUP_FIELDS,
    LENGTH_FIELDS,
    PADDING_FIELDS,
    PADDING_GROUP_FIELDS,
    PLACE_FIELDS,
    READ_PHASE_FIELDS,
    SHORTCUT_FIELDS,
    SHORTCUT_GROUP_FIELDS,
    SHORTCUT_PHASE_FIELDS,
    SHORTCUT_PLACE_FIELDS,
    SIGNED_FIELDS,
    STORE_GROUP_FIELDS,
    STORE_PHASE_FIELDS,
    STREAM_FIELDS,
    WEIGHT_FIELDS,
    WORD_FIELDS,
    Descriptor,
)
from .interface import Interface
from .memory_map import Buffer, buffers_of, num_words, place, ram_parts
from .options import DEFAULT_BEAT, Options
from .stream_rom import StreamWidths, num_stream_words, stream_widths, stream_words
from .tiling import Tiling


class Program:
    """A network compiled for an array: descriptors, ROM words, memory map and field widths.

    Raises :class:`BitrainError` for an array that does not suit, or a network that an option does
    not.
    """

    def __init__(self, network: Network, array: Array, **options: Unpack[Options]):
        self.options = options
        self.early_termination = options.get("early_termination", False)
        self.run_time_length = options.get("run_time_length", False) or self.early_termination
        self.weights_writable = options.get("weights", "rom") == "ram"
        """Whether other weights and biases can be loaded."""
        self.weights_streamed = options.get("weights", "rom") == "stream"
        """Whether weights come from outside, once for each run."""
        self.weight_beat = options.get("weight_beat", DEFAULT_BEAT)
        """Bits of a beat of these."""
        self.skip_zeros = options.get("skip_zeros", False)
        """Whether the array leaves out chunks of zeros."""
        # For itself a program may have any ports, and one of the shortest streams no shorter ones.
        alone = {**options, "early_termination": False, "run_time_length": self.run_time_length}
        config = AcceleratorConfig(array=array, interface=Interface.usual("axi"), **alone)
        check_conflicts(config, network)
        if array.width > 1 and not array.rules.has_streams:
            network = _in_words(network, array.width)  # integers add up alike in any order
        self.network = network
        self.prefixes = {self.longest: network}
        if self.run_time_length:
            self.prefixes = array.rules.shorter(network)
        """The networks that the engine runs, by the L of their longest streams, longest first."""
        self.array = array
        self.width = array.width
        """W."""
        self.tilings = tuple(Tiling.of(layer, array) for layer in network.layers)
        self.sums = self._sums(network)
        """What the neurons of each layer accumulate."""
        self.chunk_cycles = tuple(array.rules.cycles(network, layer) for layer in network.layers)
        """Cycles that a chunk of each layer's inputs is at work."""

    @property
    def exits(self) -> dict[int, int]:
        """Margins by length of the runs that an accelerator begins with after reset.

        In the unit of its scores, which are 2^2d times as large as those of a run of d bits less.
        Only with early termination, and not where other weights can be loaded, which have others.
        """
        if not self.early_termination or self.weights_writable:
            return {}
        lost = self.bits_lost
        return {each.length: each.margin << 2 * lost[each.length] for each in self.network.exits}

    @property
    def bits_lost(self) -> dict[int, int]:
        """d, bits that the numbers of each run have less than the network's, by its length."""
        return {length: self.network.bits - run.bits for length, run in self.prefixes.items()}

    @cached_property
    def prefix_programs(self) -> "dict[int, Program]":
        """The programs of the networks that the engine runs, by L, longest first."""
        return {
            length: self if length == self.longest else Program(prefix, self.array, **self.options)
            for length, prefix in self.prefixes.items()
        }

    def _sums(self, network: Network) -> tuple[Accumulation, ...]:
        found = [self.array.rules.accumulate(network, y, self.array.lanes) for y in network.layers]
        if self.skip_zeros or self.negative_bits:  # negative weights are told apart
            found = [replace(sums, constants=sums.biases) for sums in found]
        return tuple(found)

    def _widest_sums(self, network: Network) -> tuple[Accumulation, ...]:
        """With room for other weights, where these can be loaded."""
        pairs = zip(self._sums(network), network.layers, strict=True)
        return tuple(
            sums.with_room(network, y) if self.weights_writable else sums for sums, y in pairs
        )

    def _inner_sums(self, network: Network) -> list[Accumulation]:
        """Sums of the layers that store activations."""
        pairs = zip(network.layers, self._widest_sums(network), strict=True)
        return [sums for layer, sums in pairs if layer.relu]

    @cached_property
    def _all_sums(self) -> list[Accumulation]:
        """Sums of every network that the engine runs, in the unit of its accumulators."""
        found = []
        for length, network in self.prefixes.items():
            lost = 2 * self.bits_lost[length]
            found += [
                replace(sums, low=sums.low << lost, high=sums.high << lost)
                for sums in self._widest_sums(network)
            ]
        return found

    @property
    def longest(self) -> int:
        """L of the longest streams."""
        return max(layer.stream_length for layer in self.network.layers)

    @cached_property
    def has_shortcut(self) -> bool:
        """Whether a layer adds what an earlier one stored."""
        return any(layer.shortcut for layer in self.network.layers)

    @cached_property
    def has_groups(self) -> bool:
        """Whether a layer has groups of channels."""
        return any(layer.groups > 1 for layer in self.network.layers)

    @cached_property
    def has_dilation(self) -> bool:
        """Whether steps from row to row or column to column of a window are more than one."""
        steps = [
            layer.dilation if self.width == 1 or not is_along_columns(layer) else (1, self.width)
            for layer in self.network.layers
        ]
        return any(each != (1, 1) for each in steps)

    @cached_property
    def has_words(self) -> bool:
        """Whether a layer's inputs are in words."""
        return any(layer.word for layer in self.network.layers)

    @cached_property
    def has_columns(self) -> bool:
        """Whether W columns of a row are read at once in some layer."""
        return self.width > 1 and any(map(is_along_columns, self.network.layers))

    @cached_property
    def has_read_phases(self) -> bool:
        """Whether W channels that are read at once are not always a word."""
        return any(
            layer.groups > 1 and layer.group_inputs % self.width and not is_along_columns(layer)
            for layer in self.network.layers
        )

    @cached_property
    def has_group_phases(self) -> bool:
        """Whether a group's first input channel is not always a word's."""
        return any(y.groups > 1 and y.group_inputs % self.width for y in self.network.layers)

    @cached_property
    def has_store_phases(self) -> bool:
        """Whether W results that leave at once are not always a word."""
        pairs = zip(self.network.layers, self.channels_before, strict=True)
        return any(
            before % self.width or (layer.groups > 1 and layer.group_channels % self.width)
            for layer, before in pairs
        )

    @cached_property
    def has_shortcut_phases(self) -> bool:
        """Whether W channels that a shortcut adds are not always a word."""
        return any(
            (layer.groups > 1 and layer.group_channels % self.width)
            or (self.channels_before[y.source] * (y.source >= 0) - y.before) % self.width
            for layer in self.network.layers
            if (y := layer.shortcut)
        )

    @cached_property
    def has_padding_values(self) -> bool:
        """Whether something else than zero stands around a map."""
        return any(map(rom_words.is_padded, self.network.layers))

    @cached_property
    def has_places(self) -> bool:
        """Whether pooling windows reach beyond a map: the engine then walks places."""
        return any(map(places.pools_beyond, self.network.layers))

    @cached_property
    def has_shortcut_places(self) -> bool:
        """Whether they do so in a layer that adds a shortcut, or its columns must be known."""
        if self.width > 1:
            return self.has_shortcut
        return any(y.shortcut and places.pools_beyond(y) for y in self.network.layers)

    @cached_property
    def stream_layers(self) -> list[Layer]:
        """Layers in stream mode, which only streams have."""
        if not self.array.rules.has_streams:
            return []
        return [layer for layer in self.network.layers if layer.neuron == "stream"]

    @cached_property
    def stream_windows(self) -> tuple[int, ...]:
        """Sizes of the pooling windows that fire as one; empty without a layer in stream mode."""
        return tuple(sorted({Tiling.of(y, self.array).window for y in self.stream_layers}))

    # Widths in bits.

    @property
    def activation_bits(self) -> int:
        """Bits of an activation, n + 1: values 0 … 2^n."""
        return self.network.bits + 1

    @property
    def weight_bits(self) -> int:
        """Sign (most significant) and magnitude: n + 2."""
        return self.network.bits + 2

    @cached_property
    def count_bits(self) -> int:
        """Count of one neuron before its bias; fires of one in stream mode."""
        largest = [sums.largest_count for sums in self.sums if sums.largest_count is not None]
        return max(largest).bit_length() if largest else self.score_bits

    @cached_property
    def stream_widths(self) -> StreamWidths:
        """Widths of neurons and their constants, where a layer is in stream mode."""
        bits = self.network.bits
        return stream_widths(self.stream_layers, self.array, bits, self.count_bits)

    @cached_property
    def score_bits(self) -> int:
        """Signed accumulator with its bias; also the width of scores."""
        return max(max(-sums.low - 1, sums.high).bit_length() for sums in self._all_sums) + 1

    @property
    def output_bits(self) -> int:
        """Bits of a score, or of an activation in a part that gives activations."""
        return self.score_bits if self.network.gives_scores else self.activation_bits

    @property
    def weight_word_bits(self) -> int:
        """W weights of P channels."""
        return self.array.width * self.array.channels * self.weight_bits

    @property
    def bias_bits(self) -> int:
        """A channel's bias and upscale, and its negative weights where these are there."""
        return self.score_bits + self.upscale_bits + self.negative_bits

    @cached_property
    def largest_negatives(self) -> int:
        """Most negative weights of a neuron; of any, where other weights can be loaded."""
        layers = self.network.layers
        if self.weights_writable:
            return max(layer.num_inputs for layer in layers)
        return max(int((layer.weight_matrix < 0).sum(1).max()) for layer in layers)

    @cached_property
    def negative_bits(self) -> int:
        """Number of a channel's negative weights, beside its bias.

        Only where a run of fewer bits counts less too much for each of them.
        """
        if not self.run_time_length or self.array.rules.has_streams:
            return 0
        return max(1, self.largest_negatives.bit_length())

    @property
    def bias_word_bits(self) -> int:
        """Those of W channels."""
        return self.array.width * self.bias_bits

    @cached_property
    def left_shift(self) -> int:
        """Constant left shift that makes every layer's remaining shift a right shift."""
        # Those of fewer bits stand where all did.
        networks = [each for each in self.prefixes.values() if each.bits == self.network.bits]
        inner = [sums for network in networks for sums in self._inner_sums(network)]
        return max(0, *(-sums.shift for sums in inner), 0)

    @cached_property
    def upscale_bits(self) -> int:
        """Further right shift of a channel, beside its bias."""
        return max(int(sums.upscale.max()) for sums in self._all_sums).bit_length()

    @cached_property
    def largest_right_shift(self) -> int:
        """Largest right shift of a channel, its layer's and its own together."""
        shifts = (sums.shift + int(sums.upscale.max()) for sums in self._inner_sums(self.network))
        return max(shifts, default=0) + self.left_shift

    @cached_property
    def coordinate_bits(self) -> int:
        """Input rows and columns, from -padding to size + padding, modulo 2^coordinate_bits."""
        spans = [
            max((layer.flattened or layer.in_shape)[1:])
            + sum(map(max, layer.margins))
            + (layer.word.size if layer.word else 0)
            for layer in self.network.layers
        ]
        return max(spans).bit_length()

    @cached_property
    def address_bits(self) -> int:
        """Addresses of the activation RAM, and of what a part of a network gives."""
        depth = max(self.activation_depth, 0 if self.network.gives_scores else self.output_depth)
        return max(1, (depth - 1).bit_length())

    @cached_property
    def result_address_bits(self) -> int:
        """Addresses of what layers give, in the activation RAM or in that of the scores."""
        return max(self.address_bits, (self.output_depth - 1).bit_length())

    # Memories.

    @cached_property
    def buffers(self) -> tuple[Buffer, ...]:
        """The image and every layer's output but the scores."""
        stays = self.early_termination or self.weights_streamed  # which may call for another run
        return buffers_of(self.network, self.width, image_stays=stays)

    @cached_property
    def _memory_map(self) -> tuple[int, tuple[int, ...]]:
        return place(self.buffers)

    @property
    def buffer_bases(self) -> tuple[int, ...]:
        """First RAM address of each buffer."""
        return self._memory_map[1]

    @cached_property
    def _first_addresses(self) -> dict[int, int]:
        """First address of each buffer, by the layers that begin it or store over it."""
        pairs = zip(self.buffers, self.buffer_bases, strict=True)
        return {layer: base for buffer, base in pairs for layer in (buffer.first, *buffer.sums)}

    @property
    def activation_depth(self) -> int:
        """Words of activation RAM, of each bank."""
        return self._memory_map[0]

    @property
    def activation_parts(self) -> tuple[int, ...]:
        """Words of the memories that it is made of."""
        return ram_parts(self.activation_depth, self.activation_bits)

    @property
    def output_depth(self) -> int:
        """Words of what the last layer gives, of each bank."""
        return num_words(self.network.layers[-1].out_shape, self.width)

    @cached_property
    def in_bases(self) -> tuple[int, ...]:
        """First RAM address of each layer's input; images are stored from address 0."""
        return tuple(self._first_addresses[parts[0]] for parts in self.network.reads)

    @cached_property
    def out_bases(self) -> tuple[int, ...]:
        """First RAM address of each layer's output."""
        network, first = self.network, self._first_addresses
        bases = [
            first[network.stored[i][0]] + before // self.width * network.layers[i].out_shape.plane
            for i, before in enumerate(self.channels_before[:-1])
        ]
        return (*bases, 0)  # what the last layer gives has a memory of its own

    @property
    def channels_before(self) -> list[int]:
        """Channels of what each layer's output lies behind."""
        network = self.network
        pairs = enumerate(network.layers)
        return [network.stored_shape(i).channels - layer.out_channels for i, layer in pairs]

    @cached_property
    def weight_bases(self) -> tuple[int, ...]:
        """First weight ROM address of each layer; 0 where weights are streamed."""
        none = (0,) * len(self.network.layers)
        return none if self.weights_streamed else self.weight_words_before

    @property
    def weight_words_before(self) -> tuple[int, ...]:
        """Weight words of all layers before each."""
        return _starts(self._weight_depths)

    @cached_property
    def bias_bases(self) -> tuple[int, ...]:
        """First bias ROM address of each layer."""
        return _starts(self._bias_depths)

    @property
    def _bias_depths(self) -> list[int]:
        width, layers = self.array.width, self.network.layers
        return [rom_words.num_biases(layer, self.array) // width for layer in layers]

    @property
    def weight_tiles(self) -> list[int]:
        """Weight words of a tile of channels, of each layer."""
        return [tiling.chunks * self.array.loading_cycles for tiling in self.tilings]

    @property
    def _weight_depths(self) -> list[int]:
        pairs = zip(self.tilings, self.weight_tiles, strict=True)
        return [tiling.channel_tiles * words for tiling, words in pairs]

    @property
    def num_weight_words(self) -> int:
        """Weight words of all layers."""
        return sum(self._weight_depths)

    @property
    def weight_depth(self) -> int:
        """Words of the weight memory: all, or the two largest tiles where weights are streamed."""
        if self.weights_streamed:
            return 2 * max(self.weight_tiles)
        return self.num_weight_words

    @property
    def weight_parts(self) -> int:
        """Beats of a weight word, where weights are streamed."""
        return -(-self.weight_word_bits // self.weight_beat)

    @property
    def bias_depth(self) -> int:
        """Words of bias ROM."""
        return sum(self._bias_depths)

    @cached_property
    def varying_weight_bits(self) -> int:
        """Bits of a weight word that are not the same in all words."""
        layers, bits = self.network.layers, self.weight_bits
        return rom_words.varying_weight_bits(layers, self.tilings, self.array, bits)

    @cached_property
    def weight_words(self) -> list[int]:
        """Weight ROM: at base + channel tile · K' / W + k, the P weights of slots W k and on.

        K' are the slots, rounded up to whole chunks; what is added is zero.
        """
        layers = zip(self.network.layers, self.tilings, strict=True)
        return [
            word
            for layer, tiling in layers
            for word in rom_words.weights(layer, tiling, self.array, self.weight_bits)
        ]

    @cached_property
    def bias_words(self) -> list[int]:
        """Bias ROM: at base + channel / W, what the counts lack, two's complement.

        A channel's upscale is in the ``upscale_bits`` above the ``score_bits``, and the number of
        its negative weights in the ``negative_bits`` above these. Where W > 1, channels are counted
        by tiles.
        """
        return self.bias_words_of(self)

    def bias_words_of(self, other: "Program") -> list[int]:
        """Those of another training, for this bias memory."""
        widths = self.score_bits, self.upscale_bits, self.negative_bits
        return [
            word
            for layer, sums in zip(other.network.layers, other.sums, strict=True)
            for word in rom_words.biases(layer, sums, self.array, widths)
        ]

    @cached_property
    def padding_bases(self) -> tuple[int, ...]:
        """First word of padding values of each layer; 0, which is zero, where all of them are."""
        sizes = [len(words) for words in self._padding_values]
        starts = zip(sizes, _starts(sizes), strict=True)
        return tuple(1 + start if size else 0 for size, start in starts)

    @cached_property
    def padding_words(self) -> list[int]:
        """ROM of padding values: at base + input channel, what stands around it.

        Where W > 1, what stands around W inputs that are read at once.
        """
        return [0, *(value for values in self._padding_values for value in values)]

    @property
    def _padding_values(self) -> list[list[int]]:
        width, bits = self.array.width, self.activation_bits
        return [rom_words.padding_values(layer, width, bits) for layer in self.network.layers]

    @property
    def padding_word_bits(self) -> int:
        """What is around W inputs."""
        return self.array.width * self.activation_bits

    @property
    def padding_rom_bits(self) -> int:
        """Bits of the ROM of padding values; 0 where these are all zero."""
        return len(self.padding_words) * self.padding_word_bits * self.has_padding_values

    @cached_property
    def stream_bases(self) -> tuple[int, ...]:
        """First word of stream constants of each layer; 0, which is all zero, in counter mode."""
        if not self.stream_layers:
            return (0,) * len(self.network.layers)
        pairs = zip(self.network.layers, self.tilings, strict=True)
        sizes = [num_stream_words(layer, tiling) for layer, tiling in pairs]
        starts = zip(sizes, _starts(sizes), strict=True)
        return tuple(1 + start if size else 0 for size, start in starts)

    @property
    def stream_rom_bits(self) -> int:
        """Bits of the ROM of stream constants; 0 where no layer is in stream mode."""
        if not self.stream_layers:
            return 0
        return len(self.stream_words) * self.array.channels * self.stream_widths.channel

    @cached_property
    def stream_words(self) -> list[int]:
        """ROM of stream constants: at base + channel tile, those of its P channels."""
        options = (self.array, self.network.bits, self.stream_widths)
        return [0, *(word for y in self.stream_layers for word in stream_words(y, *options))]

    @cached_property
    def descriptors(self) -> tuple[Descriptor, ...]:
        """One per layer, in order."""
        return tuple(describe(self, index) for index in range(len(self.network.layers)))

    @cached_property
    def field_widths(self) -> dict[str, int]:
        """Bits of each descriptor field, in ROM order, least significant first."""
        unused = (
            SHORTCUT_FIELDS * (not self.has_shortcut),
            GROUP_FIELDS * (not self.has_groups),
            LENGTH_FIELDS * (not self.run_time_length),
            STREAM_FIELDS * (not self.stream_layers),
            DILATION_FIELDS * (not self.has_dilation),
            WORD_FIELDS * (not self.has_words),
            PADDING_FIELDS * (not self.has_padding_values),
            PADDING_GROUP_FIELDS * (not (self.has_padding_values and self.has_groups)),
            PLACE_FIELDS * (not self.has_places),
            SHORTCUT_PLACE_FIELDS * (not self.has_shortcut_places),
            COLUMN_FIELDS * (not self.has_columns),
            STORE_GROUP_FIELDS * (self.width == 1 or not self.has_groups),
            STORE_PHASE_FIELDS * (not self.has_store_phases),
            READ_PHASE_FIELDS * (not self.has_group_phases),
            SHORTCUT_GROUP_FIELDS
            * (self.width == 1 or not (self.has_shortcut and self.has_groups)),
            SHORTCUT_PHASE_FIELDS * (not self.has_shortcut_phases),
            WEIGHT_FIELDS * self.weights_streamed,
        )
        names = [name for name in Descriptor.__dataclass_fields__ if name not in sum(unused, ())]
        columns = {name: [getattr(each, name) for each in self.descriptors] for name in names}
        return {
            name: max(
                max(max(-v - 1, v).bit_length() + 1 if name in SIGNED_FIELDS else v.bit_length(), 1)
                for v in values
            )
            for name, values in columns.items()
        }

    @cached_property
    def descriptor_words(self) -> list[int]:
        """Program ROM, one word per layer, fields packed from the least significant bit up."""
        words = []
        for descriptor in self.descriptors:
            word, position = 0, 0
            for name, width in self.field_widths.items():
                word |= (getattr(descriptor, name) & ((1 << width) - 1)) << position
                position += width
            words.append(word)
        return words


def _in_words(network: Network, width: int) -> Network:
    """The same network with inputs in words of at least W, which lanes without streams permit."""
    layers = []
    for layer, parts in zip(network.layers, network.reads, strict=True):
        if layer.word is None or layer.word.size % width:
            flat = network.stored_shape(parts[-1]) if layer.kind == "linear" else None
            window = flat or Shape(*layer.weight.shape[1:])
            word = best_word(window, cast(WordSize, width), layer.dilation)
            layer = layer.model_copy(update={"word": word, "flattened": flat})
        layers.append(layer)
    return network.model_copy(update={"layers": tuple(layers)})


def _starts(sizes) -> tuple[int, ...]:
    return tuple(accumulate(sizes, initial=0))[:-1]
