"""What is inherited, what is offered, what is refused."""

import pytest
import torch
from pydantic import ValidationError

from bitrain.nas.genotype import KNOWN, CellGenotype, Genotype
from bitrain.nas.network import Cell, derived_network, edges_of
from bitrain.nas.space import (
    FineConfig,
    cell_genotype,
    check_space,
    crosses,
    fine_candidates,
    fine_network,
    inherit_weights,
)
from bitrain.nas.stage import cells_of
from bitrain.spec import BitrainError

from .conftest import ACCELERATOR, TORCH

RESIDUAL = KNOWN["residual"]


def genotype_of(*nodes) -> Genotype:
    cell = CellGenotype.model_validate({"nodes": nodes})
    return Genotype(normal=cell, reduction=RESIDUAL.reduction)


def test_inherited_operations_alone_are_the_teacher(space, make_teacher, few):
    teacher = make_teacher(space)
    network = fine_network(space, RESIDUAL, few.in_shape, few.num_classes, seed=3)
    inherit_weights(network, teacher)
    coarse = dict(edges_of(teacher))
    for path, edge in edges_of(network):
        kept = coarse[path].names if path in coarse else ["none"]
        assert len(edge.names) > 1 or space.target == "accelerator"
        assert edge.names[edge.strengths().argmax()] in kept
        for name in edge.names:
            if name not in kept:
                edge.operations[name].register_forward_hook(lambda *call: torch.zeros_like(call[2]))
        edge.alpha.data = torch.tensor([0.0 if name in kept else -1e9 for name in edge.names])
    images = torch.from_numpy(few.test_images[:20])
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(images), teacher(images))


def test_removing_all_that_is_new_leaves_the_coarse_cells(space, make_teacher, few):
    network = fine_network(space, RESIDUAL, few.in_shape, few.num_classes)
    coarse = dict(edges_of(make_teacher(space)))
    for path, edge in list(edges_of(network)):
        for name in edge.names:
            if len(edge.names) > 1 and name not in (coarse[path].names if path in coarse else []):
                edge.remove(name)
    cells = [cell for stage in network.stages for cell in cells_of(stage)]
    assert [sorted(node) for cell in cells for node in cell.nodes] == [
        sorted(node) for _ in cells for node in RESIDUAL.normal.nodes
    ]


def test_candidates():
    torch_edges = fine_candidates(TORCH, RESIDUAL.normal)
    assert torch_edges.keys() == {(0, 1), (1, 1), (1, 2)}
    assert torch_edges[1, 1][0] == "skip" and torch_edges[0, 1][0] == "conv_3x3"
    assert set(torch_edges[0, 1]) == {*TORCH.operations, "none"}
    rows = fine_candidates(ACCELERATOR, RESIDUAL.normal)
    assert rows[1, 2] == ["conv_3x3", "conv_1x1", "narrow_3x3"]
    assert rows[1, 1] == ["skip", "none"]
    cell = genotype_of([["conv_1x1", 1]], [["conv_1x1", 2]], [["conv_5x5", 3], ["skip", 2]]).normal
    rows = fine_candidates(ACCELERATOR, cell)
    assert rows[2, 3][0] == "conv_5x5" and rows[1, 1] == ["none", "skip"]
    assert rows[2, 2] == ["skip", "none"] and rows[2, 1] == ["none", "skip"]


def test_a_derived_network_has_the_cells_it_was_given(few):
    cells = [[KNOWN["darts_v2"].normal], 2 * [KNOWN["darts_v2"].reduction]]
    space = TORCH.model_copy(update={"nodes": 4})
    network = derived_network(space, cells, few.in_shape, 10)
    # Edges come in the order of their sources.
    cells = [[_sorted(cell) for cell in stage] for stage in cells]
    assert [cells_of(stage) for stage in network.stages] == cells
    found = [cell_genotype(cell) for cell in network.modules() if isinstance(cell, Cell)]
    assert found == [cell for stage in cells for cell in stage]


def _sorted(cell: CellGenotype) -> CellGenotype:
    return CellGenotype(
        nodes=tuple(tuple(sorted(node, key=lambda edge: edge.source)) for node in cell.nodes)
    )


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((1, 3), (3, 4), False),
        ((1, 4), (2, 3), False),
        ((1, 3), (1, 4), False),
        ((1, 3), (2, 4), True),
        ((1, 4), (2, 4), True),
    ],
)
def test_crossing(one, other, expected):
    assert crosses(one, other) == crosses(other, one) == expected


# --- mistakes ------------------------------------------------------------------------------------


def test_nodes_must_agree():
    with pytest.raises(BitrainError, match="has 4 nodes a cell and the space 2; make them equal"):
        check_space(TORCH, KNOWN["darts_v2"])


def test_an_unknown_operation():
    with pytest.raises(ValidationError, match="'conv_9x9' is unknown; choose from"):
        FineConfig(operations=("conv_9x9",))


def test_stages_that_do_not_fit_together():
    with pytest.raises(ValidationError, match="2 widths for 3 numbers of cells; give one of each"):
        FineConfig(widths=(4, 8), cells=(1, 1, 1))
    with pytest.raises(ValidationError, match="greater than 0"):
        FineConfig(widths=(4, 8), cells=(1, 0))


def test_the_accelerator_gives_the_last_node():
    with pytest.raises(BitrainError, match="use join: last"):
        check_space(ACCELERATOR.model_copy(update={"join": "concat"}), RESIDUAL)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([[["dil_conv_3x3", 1]]], "node 0: the accelerator does not run dil_conv_3x3; choose from"),
        ([[["conv_3x3", 0]]], "node 0: conv_3x3 reads state 0; the accelerator reads what came"),
        ([[["skip", 1]]], "node 0: skip reads state 1; the accelerator skips one node or more"),
        ([[["conv_3x3", 1]], [["skip", 1]]], "node 1: the accelerator runs one convolution"),
        (
            [[["conv_3x3", 1]], [["conv_3x3", 2], ["skip", 1]], [["conv_3x3", 3], ["skip", 2]]],
            "normal cell: skips cross; the accelerator runs nested ones",
        ),
    ],
)
def test_what_the_accelerator_does_not_run(nodes, message):
    space = ACCELERATOR.model_copy(update={"nodes": len(nodes)})
    genotype = genotype_of(*nodes).model_copy(update={"reduction": genotype_of(*nodes).normal})
    with pytest.raises(BitrainError, match=message):
        check_space(space, genotype)


def test_what_the_accelerator_runs():
    check_space(ACCELERATOR, RESIDUAL)
