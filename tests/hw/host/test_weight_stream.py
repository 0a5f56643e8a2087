"""The frame of weights that a host sends for each run: its beats against the words of the ROM."""

import numpy as np
import pytest
from networks import grouped_network, random_network, worded

from bitrain.host.weight_stream import num_beats, weight_beats, write_weight_beats
from bitrain.program import Array, Program
from bitrain.spec import BitrainError

NETWORK = random_network(4, bits=3, lanes=2, in_shape=(1, 4, 4))


def streamed_program(channels: int, beat: int) -> Program:
    array = Array(channels=channels, positions=2, lanes=2)
    return Program(NETWORK, array, weights="stream", weight_beat=beat)


@pytest.mark.parametrize(
    ("channels", "beat", "parts"),
    [(1, 8, 1), (2, 8, 2), (8, 8, 5), (3, 8, 2), (4, 64, 1), (13, 64, 2), (3, 1024, 1)],
)
def test_words_take_whole_beats_the_lowest_bits_first(channels, beat, parts):
    """What the last of them has too much is zero."""
    program = streamed_program(channels, beat)
    assert program.weight_word_bits == 5 * channels and program.weight_parts == parts
    beats = weight_beats(program)
    assert beats.dtype == np.uint8 and beats.shape == (num_beats(program), beat // 8)
    numbers = [int.from_bytes(bytes(each), "little") for each in beats]
    words = [
        sum(number << beat * i for i, number in enumerate(numbers[first : first + parts]))
        for first in range(0, len(numbers), parts)
    ]
    rom = Program(NETWORK, program.array)
    assert words == program.weight_words == rom.weight_words
    assert num_beats(program) == parts * rom.weight_depth


def test_words_of_inputs_in_words():
    array = Array(channels=2, positions=2, lanes=4, width=2)
    network = worded(grouped_network(0, bits=3, lanes=2), 2)
    program = Program(network, array, weights="stream", weight_beat=32)
    assert program.weight_word_bits == 20
    numbers = weight_beats(program).view("<u4").ravel().tolist()
    assert numbers == Program(network, array).weight_words


@pytest.mark.parametrize("beat", [8, 64])
def test_file(tmp_path, beat):
    program = streamed_program(4, beat)
    path = tmp_path / "weights.bin"
    write_weight_beats(program, path)
    assert path.read_bytes() == weight_beats(program).tobytes()
    assert path.stat().st_size == num_beats(program) * beat // 8


@pytest.mark.parametrize("weights", ["rom", "ram"])
def test_weights_that_are_not_streamed(weights, tmp_path):
    program = Program(NETWORK, Array(channels=2, positions=2, lanes=2), weights=weights)
    with pytest.raises(BitrainError, match=r"weights do not come on a stream; .* --weights stream"):
        write_weight_beats(program, tmp_path / "weights.bin")
    assert not list(tmp_path.iterdir())
