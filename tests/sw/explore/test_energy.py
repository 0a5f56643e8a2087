"""Energy of a chunk: five arrays determine it, others follow."""

import pytest
from studied import NETWORK

from bitrain.explore.energy import ChunkEnergy, num_chunks
from bitrain.program import Array, Program

SIZES = (2, 2), (4, 2), (2, 4), (4, 4)


def array(channels: int, positions: int, lanes: int = 16) -> Array:
    return Array(channels=channels, positions=positions, lanes=lanes)


def true(array: Array) -> float:
    neurons = array.neurons
    return 5 + 2 * array.channels + 3 * array.positions + (7 + 4 * array.pipelined) * neurons


def test_coefficients_are_found_again():
    larger = array(8, 8)
    assert larger.pipelined and not array(4, 4).pipelined
    found = ChunkEnergy.of([(each, true(each)) for each in (*(array(*s) for s in SIZES), larger)])
    assert found.coefficients == pytest.approx((5, 2, 3, 7, 4))
    for size in (1, 8), (16, 2), (16, 16):
        assert found.chunk(array(*size)) == pytest.approx(true(array(*size)))


def test_arrays_that_are_all_pipelined_need_no_fifth():
    arrays = [array(*size, lanes=32) for size in SIZES]
    found = ChunkEnergy.of([(each, true(each)) for each in arrays])
    assert found.coefficients == pytest.approx((5, 2, 3, 11, 0))


def test_an_image_takes_its_chunks():
    made = array(2, 2, lanes=4)
    program = Program(NETWORK, made)
    assert num_chunks(program) == 3 * 4  # five channels two by two, 16 inputs by fours
    energy = ChunkEnergy(coefficients=(1000, 0, 0, 0, 0))
    assert energy.image(program) == pytest.approx(12)
