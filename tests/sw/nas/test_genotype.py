"""Cells as JSON values: what is read back, what is refused."""

import pytest
from pydantic import ValidationError

from bitrain.nas.genotype import KNOWN, CellGenotype, Genotype
from bitrain.nas.network import coarse_network
from bitrain.nas.space import FineConfig
from bitrain.spec import Shape


@pytest.mark.parametrize("name", KNOWN)
def test_known_cells_survive_json_and_make_networks(name):
    genotype = KNOWN[name]
    assert Genotype.model_validate_json(genotype.model_dump_json()) == genotype
    space = FineConfig(widths=(4, 8), cells=(2, 2), nodes=len(genotype.normal.nodes))
    network = coarse_network(space, genotype, Shape(1, 8, 8), 10)
    assert sum(parameter.numel() for parameter in network.parameters()) > 0


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ([["conv_9x9", 0]], "node 0: 'conv_9x9' is unknown; choose from"),
        ([["skip", 2]], "node 0: state 2 is not one of 0 … 1 before it"),
        ([["skip", -1]], "node 0: state -1 is not one of"),
        ([], "at least 1 item"),
    ],
)
def test_impossible_cells(node, message):
    with pytest.raises(ValidationError, match=message):
        CellGenotype.model_validate({"nodes": [node]})
