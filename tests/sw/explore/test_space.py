"""Spaces: which designs there are, and what each is made of."""

from dataclasses import replace

import pytest
from studied import BITS, LENGTH

from bitrain.explore.space import Design
from bitrain.spec import BitrainError


def names(space) -> list[str]:
    return [each.name for each in space.accelerators]


def test_an_accelerator_for_each_arithmetic_and_training(space):
    assert [(each.kind, len(each.ways)) for each in space.accelerators] == [
        ("stochastic", 1),
        ("binary", 1),
        ("dsp", 1),
        ("bitserial", 1),
        ("stochastic", 9),
        ("bitserial", 9),
    ]
    assert len(set(names(space))) == 6
    assert space.accelerators[4].options == {"early_termination": True}
    assert space.accelerators[4].lengths == (4, 8, LENGTH)


def test_ways_say_what_they_were_judged_to_be(space, study, study_images):
    way = space.accelerators[4].ways[-1]
    assert (way.title, way.bits, way.lengths) == ("streams, exits", BITS, (8, LENGTH))
    assert way.from_file
    for shares in way.shares:  # all images run at the first length, some at the second
        (first, all_of_them), (second, some) = shares
        assert (first, second, all_of_them) == (8, LENGTH, 1)
        assert 0 < some < 1
    assert way.mean({8: 10, LENGTH: 0}) == 10
    assert 10 < way.mean({8: 10, LENGTH: 100}) < 110


def test_designs_are_all_sizes_that_go_together(space):
    designs = list(space.designs())
    keys = {design.key for design in designs}
    assert len(keys) == len(designs) < space.size == 6 * 3 * 2 * 2 * 2
    for design in designs:
        array = design.config.array
        assert array.channels % array.width == array.lanes % array.width == 0
        assert Design.of_key(design.key) == design


def test_lanes_of_streams_are_multiples_of_those_that_a_network_has(space):
    streams, integers = space.accelerators[0], space.accelerators[1]
    assert streams.lanes(()) == (4, 8, 16)
    assert streams.lanes((2, 4, 6, 12)) == (4, 12)
    assert integers.lanes((2, 6)) == (2, 6)


def test_ports_are_those_that_ways_and_weights_need(space):
    def ports(space, accelerator):
        sizes = {"channels": 1, "positions": 1, "lanes": 4, "width": 1, "engines": 1}
        return space.design(accelerator, sizes).config.interface.streams

    assert ports(space, 0) == "raw" and ports(space, 4) == "axi"
    assert ports(replace(space, weights="ram"), 0) == "axi"
    assert ports(replace(space, interface="axi"), 0) == "axi"
    assert ports(replace(space, interface="raw"), 4) == "raw"


def test_a_digest_follows_networks_ways_and_energies(space):
    made = space.accelerators[0]
    others = [
        replace(made, network=space.accelerators[1].network),
        replace(made, ways=(replace(made.ways[0], accuracy=1.0),)),
        replace(made, energies={4: {}}),
    ]
    assert len({each.digest for each in [made, *others]}) == 4


def test_several_engines_are_not_searched_with_weights_from_outside(space):
    with pytest.raises(BitrainError, match="--engines 2: cycles of several engines"):
        replace(space, engines=(1, 2), weights="stream").check()
    replace(space, engines=(1, 2)).check()
    replace(space, weights="stream").check()
