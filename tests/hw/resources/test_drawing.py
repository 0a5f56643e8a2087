"""Drawn accelerators: all kinds come up, and each can be drawn again."""

import pytest

from bitrain.resources.drawing import MOST_MULTIPLIERS, Drawn, draw

SEEDS = range(60)


@pytest.fixture(scope="module")
def drawn() -> list[Drawn]:
    return [draw(seed) for seed in SEEDS]


def test_a_seed_gives_one_accelerator(drawn):
    assert draw(7) == drawn[7] != drawn[8]
    assert len({each.model_dump_json() for each in drawn}) == len(SEEDS)


def test_it_is_rebuilt_from_its_description(drawn):
    for each in drawn[:10]:
        again = Drawn.model_validate_json(each.model_dump_json())
        assert again == each
        first, second = each.compile(), again.compile()
        assert [p.descriptor_words for p in first.programs] == [
            p.descriptor_words for p in second.programs
        ]
        assert first.programs[0].weight_words == second.programs[0].weight_words


def test_all_kinds_come_up(drawn):
    arrays = [each.config.array for each in drawn]
    assert {array.arithmetic for array in arrays} == {"stochastic", "binary", "bitserial"}
    assert {array.width for array in arrays} == {1, 2, 4, 8}
    assert {each.network.bits for each in drawn} == {2, 3, 4, 5, 6}
    assert {each.config.weights for each in drawn} == {"rom", "ram", "stream"}
    assert {each.config.interface.streams for each in drawn} == {"raw", "axi"}
    for wanted in (
        [array.dsp for array in arrays],
        [each.config.early_termination for each in drawn],
        [each.config.skip_zeros for each in drawn],
        [each.config.engines > 1 for each in drawn],
        [each.network.or_lanes > 1 for each in drawn],
        [each.network.multiplexers for each in drawn],
        [any(layer.adds is not None for layer in each.network.layers) for each in drawn],
    ):
        assert 0 < sum(wanted) < len(SEEDS)


def test_arrays_are_not_too_large_to_synthesise(drawn):
    sizes = [each.config.array.multipliers * each.config.engines for each in drawn]
    assert MOST_MULTIPLIERS // 4 < max(sizes) <= MOST_MULTIPLIERS
    assert min(sizes) < 32
