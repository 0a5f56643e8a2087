"""Memory maps of buffers with any lifetimes, and of programs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import (
    dense_network,
    padded_network,
    projected_network,
    random_layer,
    random_network,
    residual_network,
    worded,
)
from strategies import programs

from bitrain.program import Array, Program
from bitrain.program.memory_map import (
    Buffer,
    buffers_of,
    num_blocks,
    num_words,
    place,
    ram_parts,
)
from bitrain.spec import Layer, MaxPool2d, Network, Shape, Shortcut


@st.composite
def buffers(draw) -> list[Buffer]:
    lives = st.tuples(st.integers(1, 50), st.sampled_from([0, 0, 1, 2, 5]))
    drawn = draw(st.lists(lives, min_size=1, max_size=10))
    return [Buffer(size=size, first=i - 1, last=i + more) for i, (size, more) in enumerate(drawn)]


def least_depth(buffers: list[Buffer]) -> int:
    """What any map needs: the words that are needed at one time."""
    return max(
        sum(buffer.size for buffer in buffers if buffer.first <= layer <= buffer.last)
        for layer in range(-1, len(buffers) + 5)
    )


@settings(deadline=None, max_examples=200)
@given(buffers())
def test_what_is_needed_together_does_not_overlap(buffers):
    depth, bases = place(buffers)
    assert bases[0] == 0
    assert depth >= least_depth(buffers)
    spans = [range(b, b + buffer.size) for b, buffer in zip(bases, buffers, strict=True)]
    for i, (span, buffer) in enumerate(zip(spans, buffers, strict=True)):
        assert span.start >= 0 and span.stop <= depth
        for other, earlier in zip(spans[:i], buffers[:i], strict=True):
            together = earlier.last >= buffer.first
            assert not together or span.stop <= other.start or other.stop <= span.start


@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_residual_blocks_need_three_buffers(blocks):
    """Input, middle and output of a block; the input is added to the output."""
    sizes = [4, *[16] * (2 * blocks + 1)]
    lives = [
        Buffer(size=size, first=i - 1, last=i + (i % 2 and i + 2 < len(sizes)))
        for i, size in enumerate(sizes)
    ]
    assert place(lives)[0] == least_depth(lives) == 48


def test_grows_where_the_free_words_are_in_pieces():
    """The third buffer must stay between two pieces of 2 when the fourth, of 4, comes."""
    lives = [
        Buffer(size=2, first=-1, last=2),
        Buffer(size=2, first=0, last=1),
        Buffer(size=2, first=1, last=5),
        Buffer(size=4, first=3, last=4),
    ]
    depth, bases = place(lives)
    assert depth > least_depth(lives) == 6
    assert bases == (0, depth - 2, 2, depth - 4)


@pytest.mark.parametrize(
    ("width", "words"), [(1, 5 * 12), (2, 3 * 12), (4, 2 * 12), (8, 12)], ids=lambda value: value
)
def test_a_map_takes_whole_words_of_channels(width, words):
    assert num_words(Shape(5, 3, 4), width) == words


@pytest.mark.parametrize("width", [1, 2, 4, 8])
@pytest.mark.parametrize("build", [residual_network, dense_network, projected_network])
def test_buffers_of_banks(build, width):
    """As large as all that lies behind each other, and needed as long as in one bank."""
    for seed in range(4):
        network = build(seed)
        single, found = buffers_of(network), buffers_of(network, width)
        lives = [(buffer.first, buffer.last) for buffer in single]
        assert [(buffer.first, buffer.last) for buffer in found] == lives
        for buffer in found:
            channels, plane = 0, 0
            for index in range(-1, len(network.layers) - 1):
                if network.stored[index][0] == buffer.first:
                    shape = network.added_shape(index)
                    channels, plane = channels + shape.channels, shape.plane
            assert buffer.size == -(-channels // width) * plane


@pytest.mark.parametrize(
    ("depth", "width", "parts"),
    [
        (8192, 5, (8192,)),
        (8224, 5, (8192, 32)),  # three blocks and some LUTs, in the place of five
        (9216, 5, (8192, 1024)),  # four in the place of five
        (11824, 5, (11824,)),  # five either way
        (4097, 5, (4096, 1)),  # two in the place of three
        (1100, 5, (1100,)),
        (300, 4, (300,)),  # a block, and two memories of LUTs would be no better
        (2100, 5, (2048, 52)),
        (2, 384, (2,)),
    ],
)
def test_parts_of_a_ram(depth, width, parts):
    assert ram_parts(depth, width) == parts


@given(st.integers(1, 40_000), st.integers(1, 20))
def test_parts_of_a_ram_save_blocks(depth, width):
    parts = ram_parts(depth, width)
    assert sum(parts) == depth and len(parts) <= 2
    if len(parts) == 2:
        assert parts[0].bit_count() == 1 and parts[1] < parts[0]
        assert num_blocks(parts[0], width) > 0
        apart = sum(num_blocks(words, width) for words in parts)
        assert apart < num_blocks(depth, width)


# --- of programs --------------------------------------------------------------------------------


@settings(deadline=None, max_examples=100)
@given(programs())
def test_output_never_overlaps_input_and_all_fits(program):
    layers = program.network.layers
    for i, layer in enumerate(layers):
        source = range(program.in_bases[i], program.in_bases[i] + layer.in_shape.size)
        assert source.start >= 0 and source.stop <= program.activation_depth
        if i and layers[i - 1].concat_after is None and layer.source is None:
            assert program.in_bases[i] == program.out_bases[i - 1]
        if i < len(layers) - 1:
            target = range(program.out_bases[i], program.out_bases[i] + layer.out_shape.size)
            assert target.start >= 0 and target.stop <= program.activation_depth
            assert not set(source) & set(target)
    assert program.in_bases[0] == 0


@settings(deadline=None, max_examples=100)
@given(programs())
def test_live_activations_never_overlap(program):
    """Every cell holds what was stored there until its last reader is done."""
    layers, cells = program.network.layers, {}
    cells.update(dict.fromkeys(range(program.network.in_shape.size), -1))
    for i, layer in enumerate(layers):
        readers, base = [], program.in_bases[i]
        for part in program.network.reads[i]:
            size = layers[part].out_shape.size if part >= 0 else program.network.in_shape.size
            readers.append((part, base, size))
            base += size
        assert base - program.in_bases[i] == layer.in_shape.size
        if layer.shortcut:
            source = layer.shortcut.source
            size = program.network.added_shape(source).size
            readers.append((source, program.out_bases[source] if source >= 0 else 0, size))
        if i < len(layers) - 1:
            base = program.out_bases[i]
            target = range(base, base + layer.out_shape.size)
            assert base >= 0 and target.stop <= program.activation_depth
            if stores_over_what_it_adds(program, i):  # each element is read before it is stored
                source, *place = readers.pop()
                assert place == [base, layer.out_shape.size]
                assert all(cells[address] == source for address in target)
            cells.update(dict.fromkeys(target, i))
        # Outputs are written while the inputs are read.
        for stored, first, size in readers:
            assert all(cells[address] == stored for address in range(first, first + size))


def stores_over_what_it_adds(program: Program, index: int) -> bool:
    """By the shapes of both maps, and by what all other layers need."""
    network, layer = program.network, program.network.layers[index]
    shortcut, later = layer.shortcut, range(index + 1, len(network.layers))
    if shortcut is None or shortcut.stride != (1, 1) or shortcut.before or layer.pool:
        return False
    source = shortcut.source
    needed = source == -1 and (program.early_termination or program.weights_streamed)
    for i in later:
        added = network.layers[i].shortcut
        needed = needed or (added is not None and added.source == source)
    needed = needed or any(source in network.reads[i] for i in (index, *later))
    beside = [one for one in network.layers if one.concat_after in (source, index)]
    joined = beside or len(network.stored[source]) > 1 or len(network.stored[index]) > 1
    return not needed and not joined and network.added_shape(source) == layer.out_shape


NETWORK = random_network(0, bits=4, lanes=4)


def _layer(shape: Shape, channels: int = 4, **options) -> Layer:
    rng = np.random.default_rng(0)
    return random_layer(rng, shape, channels, bits=4, length=16, **options)


def _scores(shape: Shape) -> Layer:
    return _layer(shape, 3, relu=False)


def chain_of_blocks(blocks: int) -> Network:
    """A layer, blocks of two layers whose input is added to their output, and scores."""
    shape = Shape(4, 3, 3)
    layers = [_layer(shape)]
    for block in range(blocks):
        shortcut = Shortcut(source=2 * block, gain=16)
        layers += [_layer(shape), _layer(shape, shortcut=shortcut)]
    return Network.model_validate(dict(NETWORK) | {"layers": (*layers, _scores(shape))})


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_a_sum_takes_the_place_of_what_it_adds(blocks, width):
    """Blocks need room for two maps, not for three, and the image lies where these do."""
    network = worded(chain_of_blocks(blocks), width) if width > 1 else chain_of_blocks(blocks)
    program = Program(network, Array(channels=2, positions=2, lanes=4, width=width))
    assert program.activation_depth == 2 * 4 * 9 // width
    image, first, *middle = program.buffers
    assert first.sums == tuple(range(2, 2 * blocks + 1, 2))
    assert (image.sums, first.first, first.last) == ((), 0, 2 * blocks + 1)
    assert [(buffer.first, buffer.last, buffer.sums) for buffer in middle] == [
        (i, i + 1, ()) for i in range(1, 2 * blocks, 2)
    ]
    assert {program.out_bases[i] for i in range(0, 2 * blocks + 1, 2)} == {program.out_bases[0]}


@pytest.mark.parametrize(
    ("index", "changes", "sums"),
    [
        (4, {"pool": MaxPool2d(kernel=(2, 2), stride=(1, 1))}, {0: (2,)}),
        (4, {"shortcut": Shortcut(source=0, gain=16)}, {0: (4,)}),  # needed when 2 is stored
        (3, {"source": 0}, {2: (4,)}),  # the same
        (2, {"shortcut": Shortcut(source=1, gain=16)}, {2: (4,)}),  # an input as well
    ],
    ids=["pooled", "added again", "read again", "input"],
)
def test_a_sum_lies_elsewhere_where_shapes_differ_or_the_map_is_needed(index, changes, sums):
    layers = list(chain_of_blocks(2).layers)
    layers[index] = layers[index].model_copy(update=changes)
    layers[-1] = _scores(layers[-2].out_shape)
    network = Network.model_validate(dict(NETWORK) | {"layers": layers})
    program = Program(network, Array(channels=2, positions=2, lanes=4))
    assert {each.first: each.sums for each in program.buffers if each.sums} == sums


@settings(deadline=None, max_examples=100)
@given(programs(shortcut=False))
def test_chain_alternates_between_the_ends_of_the_ram(program):
    for i, layer in enumerate(program.network.layers[:-1]):
        top = program.activation_depth - layer.out_shape.size
        assert program.out_bases[i] == (0 if i % 2 else top)


@settings(deadline=None, max_examples=100)
@given(programs(shortcut=False))
def test_ram_is_no_deeper_than_needed(program):
    *inner, last = program.network.layers
    needed = [layer.in_shape.size + layer.out_shape.size for layer in inner]
    assert program.activation_depth == max(needed or [last.in_shape.size])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "build", [random_network, residual_network, dense_network, projected_network, padded_network]
)
@pytest.mark.parametrize("options", [{"early_termination": True}, {"weights": "stream"}])
def test_what_may_run_again_keeps_the_image(options, build, seed):
    """No layer stores where it lies; without the option some layer does."""
    network, array = build(seed, bits=3, lanes=2), Array(channels=2, positions=2, lanes=2)
    program = Program(network, array, **options)
    image = program.buffers[0]
    assert (image.first, image.last) == (-1, len(network.layers) - 1)
    size = network.in_shape.size
    for layer, base in zip(network.layers[:-1], program.out_bases, strict=False):
        assert base >= size, layer.name
        assert base + layer.out_shape.size <= program.activation_depth
    plain = Program(network, array)
    assert program.activation_depth >= plain.activation_depth
    if build is random_network:
        assert min(plain.out_bases[:-1]) < size
