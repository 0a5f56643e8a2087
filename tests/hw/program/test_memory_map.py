"""Memory maps of buffers with any lifetimes, and of programs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import (
    dense_network,
    padded_network,
    projected_network,
    random_network,
    residual_network,
)
from strategies import programs

from bitrain.program import Array, Program
from bitrain.program.memory_map import Buffer, buffers_of, num_words, place
from bitrain.spec import Shape


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
            cells.update(dict.fromkeys(target, i))
        # Outputs are written while the inputs are read.
        for stored, first, size in readers:
            assert all(cells[address] == stored for address in range(first, first + size))


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
