"""Expected costs, and what the penalty makes of them."""

import pytest
import torch

from bitrain.nas.genotype import KNOWN
from bitrain.nas.network import Edge, edges_of
from bitrain.nas.penalty import Cost, CostModel, PenaltyConfig, operation_cost, penalty
from bitrain.nas.space import fine_network
from bitrain.profile.cost import model_cost
from bitrain.program import Array
from bitrain.spec import Shape

from .conftest import ACCELERATOR, TORCH

SHAPE = Shape(4, 8, 8)


@pytest.fixture
def stage(few):
    return fine_network(TORCH, KNOWN["residual"], few.in_shape, few.num_classes).stages[1]


def test_one_hot_strengths_cost_what_is_chosen(stage):
    costs = CostModel(stage, SHAPE)
    for number, (_, edge) in enumerate(edges_of(stage)):
        edge.alpha.data = -1e9 * torch.ones(len(edge.names))
        edge.alpha.data[number % len(edge.names)] = 0
    expected = costs.expected(stage)
    for number, (_, edge) in enumerate(list(edges_of(stage))):
        chosen = edge.names[number % len(edge.names)]
        for name in edge.names:
            if name != chosen:
                edge.remove(name)
    total = costs.total(stage)
    torch.testing.assert_close(expected, torch.tensor(total, dtype=expected.dtype))
    cost = model_cost(stage, SHAPE)
    assert total == (cost.macs, cost.memory_access, 0)


def test_equal_strengths_cost_the_mean(stage):
    costs = CostModel(stage, SHAPE)
    for _, edge in edges_of(stage):
        edge.alpha.data.zero_()
    expected = sum(
        sum(cost.macs for cost in table.values()) / len(table)
        for table in costs.operations.values()
    )
    assert costs.expected(stage)[0].item() == pytest.approx(expected)


def test_costs_are_not_rounded_in_lower_precision(stage):
    costs = CostModel(stage, SHAPE)
    with torch.autocast("cpu", torch.bfloat16):
        lower = costs.expected(stage)
    assert torch.equal(lower, costs.expected(stage))


def test_cycles_of_the_accelerator():
    stage = fine_network(ACCELERATOR, KNOWN["residual"], Shape(1, 8, 8), 10).stages[0]
    small, large = (
        CostModel(stage, SHAPE, Array(channels=p, positions=4, lanes=16)).total(stage)
        for p in (1, 4)
    )
    assert small.cycles > large.cycles > 0 and small.macs == large.macs
    assert operation_cost(
        stage.get_submodule("cells.0.edges.1_1.operations.skip"), SHAPE, Array()
    ) == (
        0,
        0,
        0,
    )


def trained_strengths(config: PenaltyConfig) -> dict[str, float]:
    """Of one edge, after gradient descent on the penalty alone."""
    edge = Edge(("conv_1x1", "sep_conv_5x5"), 8, 8, 1)
    edge.alpha.data.zero_()
    costs = CostModel(edge, Shape(8, 4, 4))
    reference = costs.total(edge)
    optimizer = torch.optim.Adam([edge.alpha], 0.1)
    for _ in range(30):
        optimizer.zero_grad()
        penalty(costs.expected(edge), reference, config).backward()
        optimizer.step()
    return dict(zip(edge.names, edge.strengths().tolist(), strict=True))


def test_the_penalty_prefers_what_is_cheap():
    for config in (PenaltyConfig(macs=1, memory_access=0), PenaltyConfig(macs=0, memory_access=1)):
        assert trained_strengths(config)["conv_1x1"] > 0.9


def test_memory_access_changes_what_is_chosen():
    """A dense convolution has more multiplications, a separable one goes over the map twice."""
    shape = Shape(4, 16, 16)
    edge = Edge(("conv_3x3", "sep_conv_3x3"), 4, 4, 1)
    dense, separable = (operation_cost(op, shape, None) for op in edge.operations.values())
    assert dense.macs > separable.macs and dense.memory_access < separable.memory_access
    chosen = []
    for config in (PenaltyConfig(macs=1, memory_access=0), PenaltyConfig(macs=0, memory_access=1)):
        edge.alpha = torch.nn.Parameter(torch.zeros(2))
        costs = CostModel(edge, shape)
        penalty(costs.expected(edge), costs.total(edge), config).backward()
        assert edge.alpha.grad is not None
        chosen.append(edge.names[edge.alpha.grad.argmin()])
    assert chosen == ["sep_conv_3x3", "conv_3x3"]


def test_nothing_is_weighed_without_weights():
    config = PenaltyConfig(macs=0, memory_access=0)
    assert penalty(torch.ones(3), Cost(5, 5, 5), config) == 0


def test_the_penalty_is_a_share_of_the_reference():
    config = PenaltyConfig(macs=0.5, memory_access=0.25, cycles=2)
    found = penalty(torch.tensor([10.0, 20, 30]), Cost(20, 10, 60), config)
    assert found.item() == pytest.approx(0.5 * 0.5 + 0.25 * 2 + 2 * 0.5)


def test_measured_rates_set_the_ratio():
    """What is weighed is then the share of the time."""
    config = PenaltyConfig(macs=0.3, memory_access=0.1, rates=(2e-9, 5e-9))
    reference, expected = Cost(1000, 100, 0), Cost(400, 90, 0)
    seconds = [2e-9 * cost.macs + 5e-9 * cost.memory_access for cost in (expected, reference)]
    found = penalty(torch.tensor(expected, dtype=torch.float32), reference, config).item()
    assert found == pytest.approx(0.4 * seconds[0] / seconds[1])
