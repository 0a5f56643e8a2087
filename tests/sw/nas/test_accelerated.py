"""Derived networks as rows of convolutions."""

import pytest
import torch

from bitrain.frontend import read_chain
from bitrain.nas.accelerated import to_sequential
from bitrain.nas.genotype import CellGenotype
from bitrain.nas.network import derived_network
from bitrain.spec import BitrainError, Shape

from .conftest import ACCELERATOR, TORCH, randomise

SHAPE = Shape(1, 8, 8)
PLAIN = [["conv_3x3", 1]]


def network_of(*nodes, space=ACCELERATOR):
    cell = CellGenotype.model_validate({"nodes": nodes})
    space = space.model_copy(update={"nodes": len(nodes)})
    cells = [[cell] * count for count in space.cells]
    network = derived_network(space, cells, SHAPE, 10).eval()
    randomise(network)
    return network


@pytest.mark.parametrize(
    "nodes",
    [
        [PLAIN],
        [PLAIN, [["conv_1x1", 2]]],
        [PLAIN, [["conv_3x3", 2], ["skip", 1]]],
        [[["narrow_3x3", 1]], [["skip", 1], ["narrow_3x3", 2]]],
        [PLAIN, [["conv_3x3", 2]], [["conv_5x5", 3], ["skip", 2]]],
        [PLAIN, [["conv_3x3", 2]], [["conv_1x1", 3], ["skip", 1]]],
        [PLAIN, [["conv_3x3", 2], ["skip", 1]], [["conv_3x3", 3], ["skip", 1]]],
        [PLAIN, [["skip", 2]], [["conv_3x3", 3], ["skip", 1]]],
    ],
)
def test_the_same_network(nodes):
    network = network_of(*nodes)
    images = torch.rand(5, *SHAPE)
    rows = to_sequential(network)
    with torch.no_grad():
        torch.testing.assert_close(rows(images), network(images))
    assert set(rows.parameters()) <= set(network.parameters()), "weights are shared"


def test_what_the_search_gives_is_read():
    rows = to_sequential(network_of(PLAIN, [["narrow_3x3", 2], ["skip", 1]]))
    assert len(read_chain(rows, SHAPE)) == 1 + 4 * 3 + 1


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            [PLAIN, [["conv_3x3", 2], ["skip", 1]], [["conv_3x3", 3], ["skip", 2]]],
            "stage 0, cell 0: shortcuts cross; the accelerator runs those that lie inside",
        ),
        ([[["conv_3x3", 1], ["conv_1x1", 1]]], "node 0: several operations on an edge"),
        ([[["conv_3x3", 0]]], "node 0: the accelerator runs one convolution of what came just"),
        ([PLAIN, [["conv_3x3", 1]]], "node 1: the accelerator runs one convolution of what"),
        ([PLAIN, PLAIN, [["conv_3x3", 3], ["skip", 1], ["skip", 2]]], "node 1: the accelerator"),
    ],
)
def test_what_is_refused(nodes, message):
    with pytest.raises(BitrainError, match=message):
        to_sequential(network_of(*nodes))


def test_nodes_side_by_side_are_refused():
    with pytest.raises(BitrainError, match="gives its nodes side by side; search with join: last"):
        to_sequential(network_of(PLAIN, [["conv_3x3", 2]], space=TORCH))
