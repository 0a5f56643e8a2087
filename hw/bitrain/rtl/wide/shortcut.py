"""Shortcut: what an earlier layer stored, on its way to W neurons of this one."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from ..engine.layouts import activation_shape, descriptor_layout
from ..engine.shortcut_places import ShortcutPlaces
from .banks import lane_of, rotated
from .channel_words import ChannelWords


class WideShortcut(Component):
    """products[i] = gain · a, with a the activation that neuron i gets; 0 if there is none.

    Follows the neurons as they leave the array, as ``engine.shortcut.Shortcut`` does.

    ::

        neurons ─► addresses ─► │banks│ ─► rotate ─►│ │─► × gain ─► │products│
        cycle          0              1             2                  3

    Latency: 3 cycles from ``step`` to ``products``.

    Members
    -------
    descriptor : In(descriptor)
        Stable from ``restart`` on.
    restart : In(1)
        Begin a layer.
    step : In(1), position_end : In(1), tiles_end : In(1), group_end : In(1)
        As of :class:`ChannelWords`.
    channel : In(…)
        The first neuron's.
    addresses : Out(ArrayLayout(address, W)), activations : In(ArrayLayout(n + 1, W))
        Banks, read in one cycle.
    products : Out(ArrayLayout(…, W))
        In product bits, before the channel's upscale.
    """

    def __init__(self, program: Program):
        self.program = program
        width, gain_bits = program.width, program.field_widths["shortcut_gain"]
        super().__init__(
            {
                "descriptor": In(descriptor_layout(program)),
                "restart": In(1),
                "step": In(1),
                "position_end": In(1),
                "tiles_end": In(1),
                "group_end": In(1),
                "channel": In(channel_range(program)),
                "addresses": Out(data.ArrayLayout(program.address_bits, width)),
                "activations": In(data.ArrayLayout(activation_shape(program.network.bits), width)),
                "products": Out(data.ArrayLayout(program.activation_bits + gain_bits, width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layer, program, width = self.descriptor, self.program, self.program.width
        m.submodules.places = places = ShortcutPlaces(program)
        m.submodules.words = words = ChannelWords(
            address_bits=program.address_bits,
            width=width,
            groups=program.has_groups,
            phases=program.has_shortcut_phases,
        )
        m.d.comb += [
            places.descriptor.eq(layer),
            places.restart.eq(self.restart | (self.step & self.tiles_end)),
            places.step.eq(self.step & self.position_end),
            words.restart.eq(self.restart),
            words.step.eq(self.step),
            words.position_end.eq(self.position_end),
            words.tiles_end.eq(self.tiles_end),
            words.group_end.eq(self.group_end),
            words.plane.eq(layer.shortcut_channel_step),
        ]
        if program.has_groups:
            m.d.comb += words.group_step.eq(layer.shortcut_group_step)
        if program.has_shortcut_phases:
            m.d.comb += [
                words.first_phase.eq(layer.shortcut_phase),
                words.group_phase.eq(layer.shortcut_group_phase),
            ]
        first, rotation, shown = Signal(program.address_bits), *_signals(width, "rotation", "shown")
        m.d.comb += [
            first.eq(places.position + words.address),
            rotation.eq(places.column + words.phase),
        ]
        m.d.sync += shown.eq(rotation)
        for bank, address in enumerate(self.addresses):
            step = 0
            if program.has_shortcut_phases:
                beyond = lane_of(bank, rotation) + words.phase >= width
                step = Mux(beyond, layer.shortcut_channel_step, 0)
            m.d.comb += address.eq(first + step)
        exists, exist = Signal(width), Signal(width)
        got = Signal.like(self.activations, name="got")
        own = Signal(signed(len(self.channel) + 2))
        m.d.comb += own.eq(self.channel - layer.shortcut_first_channel)
        most = layer.shortcut_last_channel - layer.shortcut_first_channel
        m.d.sync += [
            exists.eq(Cat((own >= -lane) & (own + lane <= most) for lane in range(width))),
            exist.eq(exists),
        ]
        turned = rotated(self.activations, shown)
        for lane in range(width):
            m.d.sync += [
                got[lane].eq(turned[lane]),
                self.products[lane].eq(Mux(exist[lane], got[lane], 0) * layer.shortcut_gain),
            ]
        return m


def channel_range(program: Program) -> range:
    """Output channels at which a word of W may begin."""
    most = max(layer.out_channels for layer in program.network.layers)
    return range(most + program.array.channels + 1)


def _signals(width: int, *names: str) -> list[Signal]:
    return [Signal(range(width), name=name) for name in names]
