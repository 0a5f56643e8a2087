"""Random small networks for tests: every geometry that the contract allows, in few neurons."""

from typing import Any, Literal

import numpy as np
from liveness import enlivened

from bitrain.accelerator import Engines, compile_network
from bitrain.program import AcceleratorConfig, Array
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
    Word,
    best_word,
)
from bitrain.spec.word import WordSize

SEQUENCES = (Lfsr, Ramp, VanDerCorput, Sobol)


def random_bank(rng: np.random.Generator, bits: int, num_lanes: int) -> SngBank:
    kind = SEQUENCES[rng.integers(len(SEQUENCES))]
    sequence = kind(width=bits, seed=int(rng.integers(1 << bits)))
    bank = SngBank.wired(sequence, num_lanes, "rotated" if rng.integers(2) else "identical")
    generator = "multiplexer" if sequence.seed % 2 else "comparator"
    return bank.model_copy(update={"generator": generator})


def random_layer(
    rng: np.random.Generator,
    in_shape: Shape,
    out_channels: int,
    *,
    bits: int,
    length: int,
    kind: Literal["conv2d", "linear"] = "conv2d",
    relu: bool = True,
    **geometry,
) -> Layer:
    kernel = geometry.pop("kernel", (1, 1))
    channels = in_shape.channels // geometry.get("groups", 1)
    inputs = channels * kernel[0] * kernel[1]
    one = 1 << bits
    weight = rng.integers(-one, one + 1, (out_channels, channels, *kernel))
    shift = round(np.log2(length * np.sqrt(inputs) / one)) if relu else 0
    return Layer(
        kind=kind,
        name=f"{kind}{in_shape.channels}x{out_channels}",
        in_shape=in_shape,
        weight=weight,
        bias=rng.integers(-length, length + 1, out_channels),
        shift=shift,
        upscale=rng.integers(0, 3, out_channels) * relu,
        stream_length=length,
        relu=relu,
        **geometry,
    )


def _alive(seed: int, **fields: Any) -> Network:
    """A network, enlivened on images of its own."""
    network = Network(**fields)
    return enlivened(network, random_images(network, 4, seed))


def random_network(
    seed: int = 0,
    *,
    bits: int = 4,
    lanes: int = 4,
    length: int | None = None,
    in_shape=None,
    classes: int = 5,
) -> Network:
    """Conv (stride, padding), conv with pooling, linear: sizes drawn from ``seed``."""
    rng = np.random.default_rng(seed)
    length = length or 1 << bits
    channels, height, width = in_shape or (int(rng.integers(1, 4)), *rng.integers(6, 9, 2).tolist())
    common: dict[str, Any] = {"bits": bits, "length": length}
    first = random_layer(
        rng,
        Shape(channels, height, width),
        int(rng.integers(2, 6)),
        kernel=(3, int(rng.integers(1, 4))),
        stride=(1, int(rng.integers(1, 3))),
        padding=(1, 1),
        **common,
    )
    second = random_layer(
        rng,
        first.out_shape,
        int(rng.integers(2, 6)),
        kernel=(2, 2),
        padding=(0, 1),
        pool=MaxPool2d(kernel=(2, 2), stride=(2, 2)),
        **common,
    )
    flat = Shape(second.out_shape.size, 1, 1)
    scores = random_layer(rng, flat, classes, kind="linear", relu=False, **common)
    return _alive(
        seed,
        name=f"random{seed}",
        activation_bank=random_bank(rng, bits, lanes),
        weight_bank=random_bank(rng, bits, lanes),
        layers=(first, second, scores),
    )


def residual_network(
    seed: int = 0, *, bits: int = 4, lanes: int = 4, length: int | None = None
) -> Network:
    """Six convolutions; the second pools after its shortcut, the last gives the scores.

    The third adds the second's output with stride 2 (``seed`` even), or the first's (odd), which
    must then outlive two layers. Channels that get nothing lie before those that do, or around. The
    fifth adds the third's output, element by element, and is stored in its place.
    """
    rng = np.random.default_rng(seed)
    chain: list[Layer] = []

    def add(in_shape: Shape, channels: int, **options) -> None:
        common: dict[str, Any] = {"bits": bits, "length": length or 1 << bits}
        chain.append(random_layer(rng, in_shape, channels, **common, **options))

    def add_to(source: int, *, take=(1, 1), before: int = 1, after: int = 0, **options) -> None:
        gain = int(rng.integers(1, 20))
        shortcut = Shortcut(source=source, gain=gain, stride=take, before=before)
        channels = before + chain[source].out_shape.channels + after
        add(chain[-1].out_shape, channels, shortcut=shortcut, **options)

    same: dict[str, Any] = {"kernel": (3, 3), "padding": (1, 1)}
    image = Shape(int(rng.integers(1, 3)), *(2 * rng.integers(2, 4, 2)).tolist())
    add(image, int(rng.integers(1, 4)), **same)
    add_to(0, after=seed % 2, pool=MaxPool2d(kernel=(2, 2), stride=(2, 2)), **same)
    if seed % 2:
        add_to(0, take=(2, 2), before=2, after=1, **same)
    else:
        add_to(1, take=(2, 1), stride=(2, 1), **same)
    add(chain[-1].out_shape, 2)
    add_to(2, before=0)
    add_to(4, before=0, relu=False)
    return _alive(
        seed,
        name=f"residual{seed}",
        activation_bank=random_bank(rng, bits, lanes),
        weight_bank=random_bank(rng, bits, lanes),
        layers=tuple(chain),
    )


def many_scores_network(seed: int = 0, *, bits: int = 4, lanes: int = 4) -> Network:
    """A layer that gives more scores than there are pixels and activations to store."""
    rng = np.random.default_rng(seed)
    options = {"bits": bits, "length": 1 << bits, "relu": False, "padding": (1, 1)}
    return _alive(
        seed,
        name=f"scores{seed}",
        activation_bank=random_bank(rng, bits, lanes),
        weight_bank=random_bank(rng, bits, lanes),
        layers=(random_layer(rng, Shape(1, 4, 5), 8, **options),),
    )


def grouped_network(
    seed: int = 0,
    *,
    bits: int = 4,
    lanes: int = 4,
    length: int | None = None,
    channels: int | None = None,
    scores: int = 2,
) -> Network:
    """A convolution, one of every channel by itself, pooled, one of two groups, and scores.

    The third adds what the first stored where ``seed`` is even. channels: of the first, 2 or 4 by
    default. scores: in two groups.
    """
    rng = np.random.default_rng(seed)
    common: dict[str, Any] = {"bits": bits, "length": length or 1 << bits}
    same: dict[str, Any] = {"kernel": (3, 3), "padding": (1, 1)}
    image = Shape(int(rng.integers(1, 3)), *(2 * rng.integers(2, 4, 2)).tolist())
    channels = channels or 2 * int(rng.integers(1, 3))
    first = random_layer(rng, image, channels, **same, **common)
    second = random_layer(
        rng,
        first.out_shape,
        channels * int(rng.integers(1, 3)),
        groups=channels,
        pool=MaxPool2d(kernel=(2, 2), stride=(2, 2)),
        **same,
        **common,
    )
    gain = int(rng.integers(1, 20))
    shortcut = None if seed % 2 else Shortcut(source=0, gain=gain, stride=(2, 2), before=1)
    size = channels + 2 * int(rng.integers(1, 4))
    third = random_layer(rng, second.out_shape, size, groups=2, shortcut=shortcut, **same, **common)
    last = random_layer(rng, third.out_shape, scores, groups=2, relu=False, **common)
    return _alive(
        seed,
        name=f"grouped{seed}",
        activation_bank=random_bank(rng, bits, lanes),
        weight_bank=random_bank(rng, bits, lanes),
        layers=(first, second, third, last),
    )


def padded_network(
    seed: int = 0, *, bits: int = 4, lanes: int = 4, length: int | None = None
) -> Network:
    """A convolution, one of two groups with a shortcut, one of each channel by itself, and scores.

    The first two have windows that leave rows or columns out, uneven margins, values around each
    channel, and overlapping pooling windows that reach beyond the map; the third has zeros around.
    The second adds what the first stored where ``seed`` is even, and every second of its columns
    where it is odd.
    """
    rng = np.random.default_rng(seed)
    common: dict[str, Any] = {"bits": bits, "length": length or 1 << bits}

    def values(channels: int) -> np.ndarray:
        return rng.integers(1, (1 << bits) + 1, channels)

    image = Shape(2 * int(rng.integers(1, 3)), *rng.integers(3, 6, 2).tolist())
    first = random_layer(
        rng,
        image,
        2 * int(rng.integers(1, 3)),
        kernel=(2, 3),
        dilation=(1 + int(rng.integers(3)), 2),
        padding=(int(rng.integers(3)), 1),
        padding_after=(3, 2 + int(rng.integers(2))),
        padding_value=values(image.channels),
        pool=MaxPool2d(kernel=(2, 2), stride=(1, 1), padding=(1, 1), padding_after=(0, 1)),
        **common,
    )
    channels, take = first.out_channels, (1, 1 + seed % 2)
    second = random_layer(
        rng,
        first.out_shape,
        channels + 2 * int(rng.integers(2)),
        groups=2,
        kernel=(3, 3),
        stride=take,
        dilation=(1, 2),
        padding=(0, 1),
        padding_after=(2, 3),
        padding_value=values(channels),
        shortcut=Shortcut(source=0, gain=int(rng.integers(1, 20)), stride=take),
        pool=MaxPool2d(kernel=(3, 3), stride=(2, 2), padding=(1, 1), padding_after=(1, 2)),
        **common,
    )
    channels = second.out_channels
    third = random_layer(
        rng, second.out_shape, channels, groups=channels, kernel=(3, 3), padding=(1, 1), **common
    )
    scores = random_layer(rng, third.out_shape, 2, relu=False, **common)
    return _alive(
        seed,
        name=f"padded{seed}",
        activation_bank=random_bank(rng, bits, lanes),
        weight_bank=random_bank(rng, bits, lanes),
        layers=(first, second, third, scores),
    )


def dense_network(
    seed: int = 0, *, bits: int = 4, lanes: int = 4, length: int | None = None
) -> Network:
    """A dense block of two layers, the mean of 2 x 2 pixels, and scores.

    The first dense layer has a bottleneck where ``seed`` is even and reads the image where it is
    odd; the second adds what the first layer stored.
    """
    rng = np.random.default_rng(seed)
    common: dict[str, Any] = {"bits": bits, "length": length or 1 << bits}
    same: dict[str, Any] = {"kernel": (3, 3), "padding": (1, 1)}
    image = Shape(int(rng.integers(1, 3)), *(2 * rng.integers(2, 4, 2)).tolist())
    chain: list[Layer] = []
    stored = [image]  # what each layer leaves for the next, the image first

    def add(channels: int, *, concat_after: int | None = None, **options) -> None:
        layer = random_layer(
            rng, stored[-1], channels, concat_after=concat_after, **common, **options
        )
        chain.append(layer)
        before = 0 if concat_after is None else stored[concat_after + 1].channels
        stored.append(Shape(before + channels, *layer.out_shape[1:]))

    add(int(rng.integers(1, 4)), **same, concat_after=-1 if seed % 2 else None)
    if seed % 2 == 0:
        add(int(rng.integers(1, 4)))
        add(int(rng.integers(1, 3)), **same, concat_after=0)
    channels = chain[0].out_channels + int(rng.integers(0, 2))
    shortcut = Shortcut(source=0, gain=int(rng.integers(1, 20)))
    add(channels, **same, shortcut=shortcut, concat_after=len(chain) - 1)
    size = stored[-1].channels
    add(size, kernel=(2, 2), stride=(2, 2), groups=size)
    add(3, relu=False)
    return _alive(
        seed,
        name=f"dense{seed}",
        activation_bank=random_bank(rng, bits, lanes),
        weight_bank=random_bank(rng, bits, lanes),
        layers=tuple(chain),
    )


def projected_network(
    seed: int = 0, *, bits: int = 4, lanes: int = 4, length: int | None = None
) -> Network:
    """Two convolutions, and a third that reads the second beside an earlier map; scores.

    The earlier map is the image where ``seed`` is odd, else what the first layer stored; every
    second of its pixels is copied behind what the second layer stored.
    """
    rng = np.random.default_rng(seed)
    common: dict[str, Any] = {"bits": bits, "length": length or 1 << bits}
    same: dict[str, Any] = {"kernel": (3, 3), "padding": (1, 1)}
    image = Shape(int(rng.integers(1, 4)), *rng.integers(4, 7, 2).tolist())
    first = random_layer(rng, image, int(rng.integers(1, 4)), **same, **common)
    second = random_layer(rng, first.out_shape, int(rng.integers(1, 5)), stride=(2, 2), **common)
    source = -(seed % 2)
    earlier = first.out_shape if source == 0 else image
    taken = random_layer(
        rng,
        earlier,
        earlier.channels,
        groups=earlier.channels,
        stride=(2, 2),
        source=source,
        concat_after=1,
        **common,
    )
    channels, height, width = second.out_shape
    both = Shape(channels + earlier.channels, height, width)
    third = random_layer(rng, both, int(rng.integers(2, 5)), **same, **common)
    scores = random_layer(rng, third.out_shape, 3, relu=False, **common)
    return _alive(
        seed,
        name=f"projected{seed}",
        activation_bank=random_bank(rng, bits, lanes),
        weight_bank=random_bank(rng, bits, lanes),
        layers=(first, second, taken, third, scores),
    )


def streamed(network: Network, names: set[str] | None = None) -> Network:
    """``network`` with the layers of these names (all by default) in stream mode where they may."""

    def changed(layer: Layer) -> Layer:
        if layer.shortcut or not layer.relu or (names is not None and layer.name not in names):
            return layer
        shift = max(layer.shift, layer.stream_length.bit_length() - 1 - network.bits)
        return Layer.model_validate({**dict(layer), "neuron": "stream", "shift": shift})

    layers = tuple(map(changed, network.layers))
    return Network.model_validate({**dict(network), "layers": layers})


def of_lengths(network: Network) -> Network:
    """``network`` with layers of different lengths, down to one cycle, the first as it is."""
    layers = [
        Layer.model_validate(dict(layer) | {"stream_length": max(1, layer.stream_length >> 2 * i)})
        for i, layer in enumerate(network.layers)
    ]
    return network.model_copy(update={"layers": tuple(layers)})


def at_full_scale(network: Network) -> Network:
    """``network`` with weights of ± 2^n alone."""
    one = network.one
    layers = [
        layer.model_copy(update={"weight": np.where(layer.weight > 0, one, -one).astype(np.int32)})
        for layer in network.layers
    ]
    return network.model_copy(update={"layers": tuple(layers)})


def retrained(network: Network, seed: int = 0) -> Network:
    """A network of the same layer program with other weights, biases and upscales."""
    rng = np.random.default_rng(seed)

    def changed(layer: Layer) -> Layer:
        size, length = layer.out_channels, layer.stream_length
        return Layer.model_validate(
            {
                **dict(layer),
                "weight": rng.integers(-network.one, network.one + 1, layer.weight.shape),
                "bias": rng.integers(-length, length + 1, size),
                "upscale": rng.integers(0, layer.upscale.max() + 1, size),
            }
        )

    layers = tuple(map(changed, network.layers))
    return Network.model_validate({**dict(network), "name": "retrained", "layers": layers})


def random_images(network: Network, count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, network.one + 1, (count, *network.in_shape)).astype(np.int32)


def compiled(network: Network, array: Array, **options) -> Engines:
    """``network`` on engines of ``array``; the other options of an accelerator by name."""
    return compile_network(network, AcceleratorConfig(array=array, **options))


def worded(
    network: Network, size: WordSize, along: Literal["channels", "columns"] | None = None
) -> Network:
    """The same numbers with inputs in words: the best ones, or such, where these can be."""
    layers = []
    for layer, parts in zip(network.layers, network.reads, strict=True):
        shape = network.stored_shape(parts[-1]) if layer.kind == "linear" else None
        window = shape or Shape(*layer.weight.shape[1:])
        word = best_word(window, size, layer.dilation)
        if along == "channels" or (along and layer.dilation[1] == 1):
            word = Word(size=size, along=along)
        layers.append(Layer.model_validate(dict(layer) | {"word": word, "flattened": shape}))
    return Network.model_validate(dict(network) | {"layers": tuple(layers)})


def lenet5_shaped(length: int, *, bits: int = 4, lanes: int = 16) -> Network:
    """LeNet-5's layers on images of 28 x 28, with random weights."""
    rng = np.random.default_rng(0)
    common: dict[str, Any] = {"bits": bits, "length": length, "kernel": (5, 5)}
    common["pool"] = MaxPool2d(kernel=(2, 2), stride=(2, 2))
    first = random_layer(rng, Shape(1, 28, 28), 6, padding=(2, 2), **common)
    layers = [first, random_layer(rng, first.out_shape, 16, **common)]
    for channels in (120, 84, 10):
        flat = Shape(layers[-1].out_shape.size, 1, 1)
        relu = channels != 10
        common = {"bits": bits, "length": length, "kind": "linear", "relu": relu}
        layers.append(random_layer(rng, flat, channels, **common))
    return _alive(
        0,
        name="lenet5_shaped",
        activation_bank=random_bank(rng, bits, lanes),
        weight_bank=random_bank(rng, bits, lanes),
        layers=tuple(layers),
    )
