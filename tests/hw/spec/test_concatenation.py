"""Which outputs lie behind each other in memory."""

from dataclasses import dataclass

from bitrain.spec.concatenation import parts_read, parts_stored


@dataclass
class Layer:
    source: int | None = None
    concat_after: int | None = None


def test_a_chain_reads_what_is_before() -> None:
    layers = [Layer(), Layer(), Layer()]
    assert parts_stored(layers) == {-1: (-1,), 0: (0,), 1: (1,), 2: (2,)}
    assert parts_read(layers) == ((-1,), (0,), (1,))


def test_a_dense_block_reads_all_before() -> None:
    """Each layer lies behind the one before, the first behind the image."""
    layers = [Layer(concat_after=-1), Layer(concat_after=0), Layer()]
    assert parts_stored(layers)[1] == (-1, 0, 1)
    assert parts_read(layers) == ((-1,), (-1, 0), (-1, 0, 1))


def test_a_bottleneck_stands_between() -> None:
    """Layer 1 is read by layer 2 alone, which lies behind layer 0; layer 3 reads both."""
    layers = [Layer(), Layer(), Layer(concat_after=0), Layer(source=2), Layer(source=0)]
    assert parts_read(layers) == ((-1,), (0,), (1,), (0, 2), (0,))
