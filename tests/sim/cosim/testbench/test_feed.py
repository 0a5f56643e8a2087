"""The source of weights: what it reads of a file, and how long it is waited for."""

from typing import Any

from handles import Handle

from bitrain.cosim.testbench.feed import Feed, WeightSource, read_beats


def source(beats: list[int]) -> WeightSource:
    names = ("clock", "data", "valid", "ready")
    pins: dict[str, Any] = {name: Handle(name=name, width=8) for name in names}
    return WeightSource(**pins, last=None, beats=beats, bits=8)


def test_beats_of_a_file(tmp_path):
    """The lowest byte first."""
    path = tmp_path / "weights.bin"
    path.write_bytes(bytes(range(8)))
    assert read_beats(path, 8) == list(range(8))
    assert read_beats(path, 32) == [0x03020100, 0x07060504]
    assert read_beats(path, 64) == [0x0706050403020100]


def test_cycles_in_which_weights_must_have_come():
    assert Feed([]).most_cycles == 0
    feed = Feed([source([1, 2, 3]), source([1])], runs=2, slowness=5)
    assert feed.most_cycles == 3 * 2 * 5


def test_a_mark_above_the_data():
    driven = source([1])
    driven._offer(5, last=True)
    assert driven.data.value == 1 << 8 | 5 and driven.valid.value == 1
    driven.stop()
    assert driven.data.value == driven.valid.value == 0
