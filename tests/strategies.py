"""Hypothesis strategies: sequences, layers, small networks and programs, of any kind."""

import itertools
from typing import Any

import numpy as np
from hypothesis import strategies as st

from bitrain.program import Array, Program
from bitrain.spec import (
    Layer,
    Lfsr,
    MaxPool2d,
    Network,
    Ramp,
    Shape,
    Shortcut,
    SngBank,
    Sobol,
    VanDerCorput,
)
from bitrain.spec.bank import LaneWire
from bitrain.spec.sequence import MAX_SOBOL_DIMENSION


@st.composite
def sequences(draw, bits: int):
    """A sequence of any kind, from any state, in either direction."""
    seed = draw(st.integers(0, (1 << bits) - 1))
    direction = draw(st.sampled_from(["up", "down"]))
    kind = draw(st.sampled_from([Lfsr, Ramp, VanDerCorput, Sobol]))
    if kind is Lfsr:
        return Lfsr(width=bits, seed=seed)
    if kind is Sobol:
        dimension = draw(st.integers(1, MAX_SOBOL_DIMENSION))
        return Sobol(width=bits, seed=seed, direction=direction, dimension=dimension)
    return kind(width=bits, seed=seed, direction=direction)


@st.composite
def banks(draw, bits: int, num_lanes: int):
    """A bank whose lanes are wired in any way."""
    wires = st.builds(
        LaneWire, rotate=st.integers(0, bits - 1), invert=st.integers(0, (1 << bits) - 1)
    )
    lanes = draw(st.lists(wires, min_size=num_lanes, max_size=num_lanes))
    generator = draw(st.sampled_from(["comparator", "multiplexer"]))
    return SngBank(sequence=draw(sequences(bits)), lanes=tuple(lanes), generator=generator)


@st.composite
def layers(draw, in_shape: Shape, bits: int, *, relu: bool = True, stream: bool = False):
    """A layer of any geometry, weights and stream length on a given input.

    ``stream``: it may be in stream mode.
    """
    linear = in_shape[1:] == (1, 1) and draw(st.booleans())
    sides: list[tuple[int, ...]] = []
    geometry: dict[str, Any] = {"kernel": (1, 1)}
    around = False
    if not linear:
        around = draw(st.booleans())  # whether ends, steps and pooling windows are of any kind
        for size in in_shape[1:]:
            padding = draw(st.integers(0, 2))
            after = draw(st.integers(0, 2)) if around else padding
            whole = size + padding + after
            kernel = draw(st.integers(1, min(3, whole)))
            dilation = (
                draw(st.integers(1, max(1, (whole - 1) // max(1, kernel - 1)))) if around else 1
            )
            stride = draw(st.integers(1, 3))
            neurons = (whole - (kernel - 1) * dilation - 1) // stride + 1
            ends = [draw(st.integers(0, 2)) if around else 0 for _ in range(2)]
            pool = draw(st.integers(1, min(3, neurons + sum(ends))))
            ends = [min(end, pool - 1) for end in ends]
            pool = min(pool, neurons + sum(ends))
            ends = [min(end, pool - 1) for end in ends]
            pools = (pool, draw(st.integers(1, 3)), *ends)
            sides.append((kernel, stride, padding, after, dilation, *pools))
        kernel, stride, padding, after, dilation, pool, *pooling = zip(*sides, strict=True)
        geometry = {"kernel": kernel, "stride": stride, "padding": padding}
        if around:
            geometry |= {"padding_after": after, "dilation": dilation}
        if relu and (pool != (1, 1) or draw(st.booleans())):
            names = ("stride", "padding", "padding_after")
            geometry["pool"] = MaxPool2d(kernel=pool, **dict(zip(names, pooling, strict=True)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    one, length = 1 << bits, 1 << draw(st.integers(0, bits))
    largest = draw(st.sampled_from([0, 1, one // 2, one]))
    groups = 1
    if not linear:
        groups = draw(st.sampled_from([g for g in range(1, 7) if in_shape.channels % g == 0]))
    num_out = groups * draw(st.integers(1, max(1, 5 // groups)))
    shape = (num_out, in_shape.channels // groups, *geometry.pop("kernel"))
    if not linear and around and draw(st.booleans()):
        geometry["padding_value"] = rng.integers(0, one + 1, in_shape.channels)
    shift, neuron = draw(st.integers(-3, 6)), "counter"
    if stream and relu and draw(st.booleans()):
        shift, neuron = max(shift, length.bit_length() - 1 - bits), "stream"
    return Layer(
        kind="linear" if linear else "conv2d",
        name=f"layer{draw(st.integers(0, 99))}",
        in_shape=in_shape,
        weight=rng.integers(-largest, largest + 1, shape),
        bias=rng.integers(-2 * length, 2 * length + 1, num_out),
        shift=shift,
        neuron=neuron,
        upscale=rng.integers(0, draw(st.integers(1, 4)), num_out) * relu,
        stream_length=length,
        relu=relu,
        groups=groups,
        **geometry,
    )


@st.composite
def shortcuts(draw, layer: Layer, before: list[Layer]):
    """The layer, with a shortcut from one of those before it where one fits."""
    fitting = []
    shapes = [before[0].in_shape, *(source.out_shape for source in before)] if before else []
    for index, (channels, height, width) in enumerate(shapes, -1):
        for stride in itertools.product((1, 2, 3), repeat=2):
            size = -(-height // stride[0]), -(-width // stride[1])
            if size == layer.conv_shape[1:] and channels <= layer.out_channels:
                spare = layer.out_channels - channels
                fitting.append({"source": index, "stride": stride, "before": spare // 2})
    if not fitting or draw(st.booleans()):
        return layer
    shortcut = Shortcut(gain=draw(st.integers(1, 20)), **draw(st.sampled_from(fitting)))
    return replaced(layer, shortcut=shortcut)


@st.composite
def appended(draw, layer: Layer, before: list[Layer], shapes: list[Shape]):
    """The layer, put behind an earlier output or the image where it fits; ``shapes`` of these."""
    taken = {other.concat_after for other in before}
    fitting = [
        index - 1
        for index, shape in enumerate(shapes)
        if index - 1 not in taken and shape[1:] == layer.out_shape[1:]
    ]
    if not fitting or draw(st.booleans()):
        return layer
    return replaced(layer, concat_after=draw(st.sampled_from(fitting)))


@st.composite
def branches(draw, stored: list[Shape], taken: set[int | None], bits: int):
    """A 1 x 1 convolution of an earlier map, put behind the last where it fits; else None."""
    last = len(stored) - 2
    fitting = [
        (index - 1, stride)
        for index, shape in enumerate(stored[:-1])
        for stride in itertools.product((1, 2, 3), repeat=2)
        if (-(-shape.height // stride[0]), -(-shape.width // stride[1])) == stored[-1][1:]
    ]
    if not fitting or last in taken or draw(st.booleans()):
        return None
    source, stride = draw(st.sampled_from(fitting))
    shape = stored[source + 1]
    one, channels = 1 << bits, draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return Layer(
        kind="conv2d",
        name="branch",
        in_shape=shape,
        weight=rng.integers(-one, one + 1, (channels, shape.channels, 1, 1)),
        bias=rng.integers(-one, one + 1, channels),
        shift=draw(st.integers(-1, 3)),
        stream_length=1 << draw(st.integers(0, bits)),
        stride=stride,
        source=source,
        concat_after=last,
    )


def replaced(layer: Layer, **changes) -> Layer:
    fields = {name: getattr(layer, name) for name in type(layer).model_fields}
    return Layer.model_validate({**fields, **changes})


@st.composite
def networks(
    draw,
    max_layers: int = 3,
    *,
    shortcut: bool = False,
    stream: bool = False,
    or_lanes: bool = False,
):
    """A network of 1 … ``max_layers`` layers, 2 to 8 bits and 1 to 6 lanes.

    ``shortcut``: some layers add the activations of an earlier one, are put behind them, or read
    them in the place of those before.
    ``stream``: some are in stream mode.
    ``or_lanes``: it may have OR groups, where no layer is in stream mode.
    """
    n, num_lanes = draw(st.integers(2, 8)), draw(st.integers(1, 6))
    shape = Shape(*(draw(st.integers(1, limit)) for limit in (3, 6, 6)))
    chain, stored = [], [shape]
    for left in reversed(range(draw(st.integers(1, max_layers)))):
        if draw(st.booleans()) and not left and chain:
            shape = Shape(shape.size, 1, 1)  # flattened: a linear layer, or a 1 x 1 convolution
        if shape != stored[-1]:
            layer = draw(layers(shape, n, relu=left > 0).filter(lambda x: x.kind == "linear"))
        else:
            layer = draw(layers(shape, n, relu=left > 0, stream=stream))
        if shortcut:
            if layer.neuron == "counter":
                layer = draw(shortcuts(layer, chain))
            layer = draw(appended(layer, chain, stored)) if left else layer
        chain.append(layer)
        channels, height, width = layer.out_shape
        if layer.concat_after is not None:
            channels += stored[layer.concat_after + 1].channels
        shape = Shape(channels, height, width)
        stored.append(shape)
        branch = None
        if shortcut and left:
            branch = draw(branches(stored, {other.concat_after for other in chain}, n))
        if branch:
            chain.append(branch)
            shape = Shape(shape.channels + branch.out_channels, height, width)
            stored.append(shape)
    drawn = {name: draw(banks(n, num_lanes)) for name in ("activation_bank", "weight_bank")}
    if or_lanes and all(layer.neuron == "counter" for layer in chain):
        drawn["or_lanes"] = draw(st.sampled_from([1, 2, 4, 8]))
    return Network(name="drawn", layers=tuple(chain), **drawn)


@st.composite
def programs(draw, *, shortcut: bool | None = None) -> Program:
    """Of up to five layers; with a stream length that is chosen at run time, or without."""
    network = draw(networks(5, shortcut=draw(st.booleans()) if shortcut is None else shortcut))
    array = Array(
        channels=draw(st.integers(1, 4)),
        positions=draw(st.integers(1, 5)),
        lanes=network.num_lanes * draw(st.integers(1, 3)),
    )
    return Program(network, array, run_time_length=draw(st.booleans()))
