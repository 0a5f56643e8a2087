"""The descriptor: what the engine needs to know of a layer, one word of the program ROM each."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Descriptor:
    """One layer's entry in the program ROM. ``last_x`` is a count less one.

    An engine of width W reads inputs, weights and biases in words of W, and its addresses are those
    of words.

    Fields that step backwards or start in the padding are two's complement numbers of the field's
    width: the engine computes addresses and coordinates modulo 2^width.
    """

    # What the loader reads: element k of the window at each of Q positions.
    last_slot: int
    """K' - 1: inputs rounded up to whole chunks. In words, as the next."""
    holes: int
    """K' - K: the last of them read as zero."""
    last_chunk: int
    last_position_tile: int
    last_channel_tile: int
    height: int
    width: int
    last_kernel_row: int
    last_kernel_column: int
    row_step: int
    """Address step from the last column of a window row to the first of the next."""
    channel_step: int
    """Address step from the last element of a channel's window to the first of the next's."""
    weight_base: int = 0
    """0 where weights are streamed."""
    # How neuron positions follow each other, in input coordinates.
    first_row: int
    first_column: int
    first_address: int
    last_window_row: int
    last_window_column: int
    last_out_column: int
    neuron_row_step: int
    neuron_column_step: int
    neuron_row_address_step: int
    """Address step from the last neuron of a window row to the first of the next."""
    out_row_step: int
    out_column_step: int
    out_row_address_step: int
    """Address step from the last pooling window of a row to the first of the next."""
    # What the streams and the results do.
    last_cycle: int
    """L - 1."""
    bias_base: int
    out_base: int
    plane: int
    """Stored activations per output channel."""
    last_plane: int
    last_out_channel: int
    """Last output channel of a group."""
    last_window: int
    right_shift: int
    """From an accumulator already shifted left by the program's ``left_shift``."""
    scores: int
    """1 if the accumulators are the scores."""
    log_length: int = 0
    """log2 L where the length is chosen at run time, else 0."""
    # How groups of channels follow each other; all zero where there is only one.
    last_group_tile: int = 0
    """Tiles of channels that a group takes, less one."""
    group_step: int = 0
    """Address step from a group's input channels to the next's."""
    # Inputs in words of V; all zero where no layer has them.
    last_in_word: int = 0
    """Reads of a word's channels, less one: V - 1, or V / W - 1."""
    word_step: int = 0
    """Address step from what is read of the channels to what is read next."""
    column_address_step: int = 0
    """Address step from the last of a word's channels to the first of the next column."""
    last_input_channel: int = 0
    """Of a group: channels beyond are holes."""
    last_input_column: int = 0
    """Of a window: columns beyond are holes."""
    # W columns of a row that are read at once; all zero where W channels are.
    along_columns: int = 0
    next_channel_step: int = 0
    """``channel_step`` from the last channel of a word on; the same along channels."""
    # Where W channels begin in words, and how that changes from group to group.
    group_phase: int = 0
    """Input channels of a group, modulo W."""
    store_phase: int = 0
    """First channel stored, modulo W."""
    store_group_step: int = 0
    """Address step of as many words as a group's output channels fill."""
    store_group_phase: int = 0
    """Output channels of a group, modulo W."""
    # Steps within a window; all zero where every layer's are one.
    dilation_rows: int = 0
    dilation_columns: int = 0
    # What elements outside the map read; all zero where that is zero.
    padded: int = 0
    padding_base: int = 0
    """First word of the ROM of padding values; word 0, which is zero, serves other layers."""
    padding_group_step: int = 0
    """Words from a group's input channels to the next's."""
    # Where pooling windows reach, from the map's first neuron on, in input coordinates: the engine
    # walks the places of windows and reads the nearest of the map. All zero where it need not.
    first_place_row: int = 0
    first_place_column: int = 0
    first_place_line: int = 0
    """Address step from the map's first row of neurons to the row of the first place."""
    last_place_row: int = 0
    """Of the map's last neuron."""
    last_place_column: int = 0
    last_place_line: int = 0
    # Stream mode; all zero in counter mode.
    streaming: int = 0
    stream_base: int = 0
    """First word of the ROM of stream constants; word 0, all zero, serves counter mode."""
    # What the shortcut adds; all zero without one.
    shortcut_gain: int = 0
    shortcut_first_channel: int = 0
    """Output channel that gets the source's channel 0."""
    shortcut_last_channel: int = 0
    shortcut_first_address: int = 0
    """Address of what output channel 0 would get for the first neuron."""
    shortcut_channel_step: int = 0
    """Address step from channel to channel."""
    shortcut_neuron_column_step: int = 0
    shortcut_neuron_row_step: int = 0
    """Address step from the last neuron of a window row to the first of the next."""
    shortcut_out_column_step: int = 0
    shortcut_out_row_step: int = 0
    """Address step from the last pooling window of a row to the first of the next."""
    # As for what is stored.
    shortcut_phase: int = 0
    shortcut_group_step: int = 0
    shortcut_group_phase: int = 0
    # As places above, in the map that the shortcut adds.
    shortcut_first_line: int = 0
    shortcut_first_column: int = 0
    shortcut_last_line: int = 0
    shortcut_last_column: int = 0


SIGNED_FIELDS = frozenset(
    {
        "row_step",
        "channel_step",
        "column_address_step",
        "next_channel_step",
        "first_row",
        "first_column",
        "first_address",
        "neuron_row_address_step",
        "out_row_address_step",
        "first_place_row",
        "first_place_column",
        "first_place_line",
        "shortcut_first_line",
        "shortcut_first_column",
        "shortcut_first_address",
        "shortcut_neuron_row_step",
        "shortcut_out_row_step",
    }
)

LENGTH_FIELDS = ("log_length",)
"""Fields that only programs with a run-time stream length have in their ROM."""

GROUP_FIELDS = ("last_group_tile", "group_step")
"""Fields that only programs with groups have in their ROM."""

STREAM_FIELDS = ("streaming", "stream_base")
"""Fields that only programs with a layer in stream mode have in their ROM."""

WEIGHT_FIELDS = ("weight_base",)
"""Fields that programs do not have in their ROM whose weights are streamed."""

WORD_FIELDS = (
    "last_in_word",
    "word_step",
    "column_address_step",
    "last_input_channel",
    "last_input_column",
)
"""Fields that only programs whose inputs are in words have in their ROM."""

COLUMN_FIELDS = ("along_columns", "next_channel_step")
"""Fields that only programs have in their ROM in which W columns are read at once."""

READ_PHASE_FIELDS = ("group_phase",)
STORE_PHASE_FIELDS = ("store_phase", "store_group_phase")
SHORTCUT_PHASE_FIELDS = ("shortcut_phase", "shortcut_group_phase")
"""Fields that only programs have in their ROM in which W channels are not always a word."""

STORE_GROUP_FIELDS = ("store_group_step",)
SHORTCUT_GROUP_FIELDS = ("shortcut_group_step",)
"""Fields that only programs with groups have in their ROM, where W > 1."""

DILATION_FIELDS = ("dilation_rows", "dilation_columns")
"""Fields that only programs with a dilation have in their ROM."""

PADDING_FIELDS = ("padded", "padding_base")
"""Fields that only programs with padding values have in their ROM."""

PADDING_GROUP_FIELDS = ("padding_group_step",)
"""Fields that only programs with padding values and groups have in their ROM."""

PLACE_FIELDS = (
    "first_place_row",
    "first_place_column",
    "first_place_line",
    "last_place_row",
    "last_place_column",
    "last_place_line",
)
"""Fields that only programs have in their ROM whose pooling windows reach beyond maps."""

SHORTCUT_PLACE_FIELDS = (
    "shortcut_first_line",
    "shortcut_first_column",
    "shortcut_last_line",
    "shortcut_last_column",
)
"""Fields that only programs have in their ROM in which a layer does so and adds a shortcut."""

SHORTCUT_FIELDS = tuple(
    name
    for name in Descriptor.__dataclass_fields__
    if name.startswith("shortcut_")
    and name not in SHORTCUT_PLACE_FIELDS + SHORTCUT_GROUP_FIELDS + SHORTCUT_PHASE_FIELDS
)
"""Fields that only programs with a shortcut have in their ROM."""
