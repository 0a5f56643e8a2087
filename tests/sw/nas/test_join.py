"""Widths for a number of multiplications, files of weights, derivation node by node."""

import pytest
import torch

from bitrain.nas.genotype import KNOWN
from bitrain.nas.join import load_parts, node_wise_stages, save_parts, scaled_to
from bitrain.nas.network import coarse_network, edges_of
from bitrain.nas.space import fine_network
from bitrain.profile.cost import model_cost
from bitrain.spec import BitrainError, Shape

from .conftest import TORCH

SHAPE = Shape(1, 8, 8)
GENOTYPE = KNOWN["residual"]


@pytest.mark.parametrize("share", [0.3, 1.0, 1.6])
def test_scaled_to(space, share):
    space = space.model_copy(update={"widths": (12, 24)})

    def make(other):
        return coarse_network(other, GENOTYPE, SHAPE, 10)

    macs = round(share * model_cost(make(space), SHAPE).macs)
    network = scaled_to(make, space, SHAPE, macs)
    found = model_cost(network, SHAPE).macs
    assert found == pytest.approx(macs, rel=0.05)
    assert {parameter.device.type for parameter in network.parameters()} == {"cpu"}
    assert network.eval()(torch.rand(2, *SHAPE)).isfinite().all()
    if share == 1:
        assert found == macs


def test_files_of_weights(tmp_path):
    networks = [coarse_network(TORCH, GENOTYPE, SHAPE, 10, seed=seed).eval() for seed in (0, 1)]
    save_parts(networks[0], tmp_path / "a.pt")
    load_parts(networks[1], tmp_path / "a.pt")
    images = torch.rand(2, *SHAPE)
    assert torch.equal(networks[0](images), networks[1](images))


@pytest.mark.parametrize("content", [None, b"", b"nonsense", "other"])
def test_no_such_weights(tmp_path, content):
    path = tmp_path / "a.pt"
    if content == "other":
        save_parts(torch.nn.Linear(2, 2), path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(BitrainError, match=r"a\.pt: no weights of this network; delete"):
        load_parts(coarse_network(TORCH, GENOTYPE, SHAPE, 10), path)


def test_node_wise_from_strengths():
    network = fine_network(TORCH, GENOTYPE, SHAPE, 10, seed=4)
    for _, edge in edges_of(network):
        edge.alpha.data.normal_(generator=torch.Generator().manual_seed(len(edge.names)))
    tables = [
        {
            path: dict(zip(edge.names, edge.strengths().tolist(), strict=True))
            for path, edge in edges_of(stage)
        }
        for stage in network.stages
    ]
    cells = node_wise_stages(TORCH, GENOTYPE, SHAPE, 10, strengths=tables)
    assert [len(stage) for stage in cells] == [1, 2]
    for stage, table in zip(cells, tables, strict=True):
        for number, cell in enumerate(stage):
            for index, node in enumerate(cell.nodes):
                for operation, source in node:
                    shares = dict(table[f"cells.{number}.edges.{index}_{source}"])
                    shares.pop("none")
                    assert operation == max(shares, key=lambda name: shares[name])
