"""Memory maps of buffers with any lifetimes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitrain.spec.memory_map import Buffer, place


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
