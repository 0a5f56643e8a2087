"""Mixed operations, partial channels, stages that depend on one activation."""

import copy

import pytest
import torch
from modules import part

from bitrain.nas.genotype import KNOWN
from bitrain.nas.network import Cell, Edge, SpaceConfig, Stage, coarse_network, edges_of
from bitrain.spec import Shape

from .conftest import randomise

IMAGES = torch.rand(2, 6, 5, 5, generator=torch.Generator().manual_seed(0))


def test_a_mixed_edge_is_the_weighted_sum():
    edge = Edge(("skip", "conv_3x3", "none", "avg_pool_3x3"), 6, 6, 1).eval()
    edge.alpha.data = torch.tensor([0.3, -1.0, 2.0, 0.0])
    shares = edge.alpha.exp() / edge.alpha.exp().sum()
    torch.testing.assert_close(edge.strengths(), shares)
    parts = [share * op(IMAGES) for share, op in zip(shares, edge.operations.values(), strict=True)]
    torch.testing.assert_close(edge(IMAGES), parts[0] + parts[1] + parts[3])


@pytest.fixture
def edge() -> Edge:
    found = Edge(("conv_3x3", "none", "sep_conv_3x3", "conv_1x1"), 6, 6, 1).eval()
    randomise(found)
    found.alpha.data = torch.tensor([0.3, -1.0, 2.0, 0.0])
    return found


def mixed(edge: Edge, names) -> torch.Tensor:
    """Shares among ``names`` alone."""
    weights = dict(zip(edge.names, edge.alpha.exp().tolist(), strict=True))
    total = sum(weights[name] for name in names)
    return sum(
        (weights[name] / total * edge.operations[name](IMAGES) for name in names),
        start=torch.zeros(()),
    )


def test_after_a_removal_the_shares_of_the_others_rise(edge):
    kept = edge.names
    for removed in ("none", "sep_conv_3x3", "conv_3x3"):
        kept.remove(removed)
        wanted = mixed(edge, kept)
        edge.only = kept
        torch.testing.assert_close(edge(IMAGES), wanted)  # as if it were removed
        edge.only = None
        edge.remove(removed)
        torch.testing.assert_close(edge(IMAGES), wanted)
    assert edge.names == ["conv_1x1"] and len(edge.alpha) == 1
    edge.only = ()
    assert not edge(IMAGES).any() and edge(IMAGES).shape == IMAGES.shape


def test_operations_are_left_out_in_training(edge):
    edge.drop = 0.5
    wanted = mixed(edge, edge.names)
    torch.testing.assert_close(edge(IMAGES), wanted)  # not in evaluation
    called = []
    for name, operation in edge.operations.items():
        operation.eval()
        operation.register_forward_hook(lambda *call, name=name: called.append(name))
    edge.training = True
    counts = dict.fromkeys(edge.names, 0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for _ in range(200):
            called.clear()
            found = edge(IMAGES)
            kept = list(called)
            assert kept
            torch.testing.assert_close(found, mixed(edge, kept))
            for name in kept:
                counts[name] += 1
    # Half of the times, and a quarter of the rest, as the one that always stays.
    assert all(95 < count < 155 for count in counts.values())


def test_one_operation_alone_counts_whole():
    edge = Edge(("skip",), 6, 6, 1)
    assert torch.equal(edge(IMAGES), IMAGES)


def test_partial_channels():
    """A third goes through the operations, the rest past them; then they are shuffled."""
    edge = Edge(("avg_pool_3x3",), 6, 6, 1, partial=3)
    mixed = torch.nn.functional.avg_pool2d(IMAGES[:, :2], 3, 1, 1)
    whole = torch.cat([mixed, IMAGES[:, 2:]], 1)
    assert torch.equal(edge(IMAGES), whole[:, [0, 2, 4, 1, 3, 5]])
    assert Edge(("conv_3x3",), 6, 8, 1, partial=3).partial == 1
    assert Edge(("conv_3x3",), 6, 6, 2, partial=3).partial == 1


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("join", ["concat", "last"])
def test_parts_one_after_the_other_are_the_network(name, join):
    genotype = KNOWN[name]
    nodes = len(genotype.normal.nodes)
    space = SpaceConfig(widths=(4, 8, 8), cells=(2, 3, 1), nodes=nodes, join=join)
    network = coarse_network(space, genotype, Shape(2, 12, 12), 5).eval()
    activations = images = torch.rand(3, 2, 12, 12)
    shapes = []
    for own in network.parts():
        activations = own(activations)
        shapes.append(tuple(activations.shape[1:]))
    assert shapes == [(4, 12, 12), (4, 12, 12), (8, 6, 6), (8, 3, 3), (5,)]
    assert torch.equal(network(images), activations)
    stage = network.parts()[2]
    assert isinstance(stage, Stage)
    outputs = stage.outputs(torch.rand(1, 4, 12, 12))
    assert [tuple(output.shape[1:]) for output in outputs] == 3 * [(8, 6, 6)]


def test_weights_come_from_the_seed():
    space = SpaceConfig(widths=(4,), cells=(1,), nodes=2)
    one, again, other = (
        coarse_network(space, KNOWN["residual"], Shape(1, 8, 8), 3, seed=seed) for seed in (1, 1, 2)
    )
    assert _equal(one, again) and not _equal(one, other)


def _equal(one, other) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(*pair) for pair in pairs)


def test_edges_have_paths_that_do_not_depend_on_what_was_removed():
    space = SpaceConfig(widths=(4,), cells=(2,), nodes=2)
    network = coarse_network(space, KNOWN["residual"], Shape(1, 8, 8), 3)
    other = copy.deepcopy(network)
    del part(other, "stages.0.cells.0", Cell).edges["1_1"]
    assert set(dict(edges_of(network))) - set(dict(edges_of(other))) == {
        "stages.0.cells.0.edges.1_1"
    }
