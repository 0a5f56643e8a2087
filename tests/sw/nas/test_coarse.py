"""The search of coarse cells."""

import pytest
import torch
from epochs import no_epochs

from bitrain.nas.coarse import CoarseConfig, coarse_supernet, derive, search_coarse
from bitrain.nas.network import Cell, coarse_network, edges_of
from bitrain.nas.space import check_space

from .conftest import ACCELERATOR

CONFIG = CoarseConfig(
    epochs=2, batch_size=32, learning_rate=0.01, alpha_learning_rate=0.05, partial=2
)


def test_cells_of_a_kind_share_their_architecture(space, few):
    space = space.model_copy(update={"widths": (4, 8, 8), "cells": (2, 2, 2)})
    network = coarse_supernet(space, CONFIG, few.in_shape, few.num_classes)
    cells = [cell for cell in network.modules() if isinstance(cell, Cell)]
    alphas = [{path: id(edge.alpha) for path, edge in edges_of(cell)} for cell in cells]
    normal, reduction = (
        [own for own, cell in zip(alphas, cells, strict=True) if (cell.stride > 1) == reduces]
        for reduces in (False, True)
    )
    assert len(normal) == 4 and len(reduction) == 2
    assert all(own == normal[0] for own in normal) and reduction[0] == reduction[1]
    assert not set(normal[0].values()) & set(reduction[0].values())


def test_cells_are_found_and_can_be_stacked(space, few, tmp_path):
    checkpoint = tmp_path / "coarse.pt"
    genotype = search_coarse(space, few, CONFIG, checkpoint=checkpoint)
    check_space(space, genotype)
    network = coarse_network(space, genotype, few.in_shape, few.num_classes).eval()
    assert network(torch.rand(2, *few.in_shape)).shape == (2, 10)
    assert search_coarse(space, few, CONFIG) == genotype
    # Finished: the checkpoint gives it back.
    with no_epochs():
        assert search_coarse(space, few, CONFIG, checkpoint=checkpoint) == genotype


@pytest.mark.parametrize("warmup", [1, 2])
def test_architecture_learns_after_the_warm_up(few, monkeypatch, warmup):
    seen = {}

    def look(network, space, inputs):
        seen["edges"] = [edge.alpha.detach().clone() for _, edge in edges_of(network)]
        return derive(network, space, inputs)

    monkeypatch.setattr("bitrain.nas.coarse.derive", look)
    config = CONFIG.model_copy(update={"warmup_epochs": warmup})
    search_coarse(ACCELERATOR, few, config)
    start = coarse_supernet(ACCELERATOR, config, few.in_shape, few.num_classes)
    moved = [
        (edge.alpha - alpha).abs().max() > 0.01
        for (_, edge), alpha in zip(edges_of(start), seen["edges"], strict=True)
    ]
    assert any(moved) if warmup == 1 else not any(moved)


def test_the_strongest_are_kept(few):
    network = coarse_supernet(ACCELERATOR, CONFIG, few.in_shape, few.num_classes)
    for _, edge in edges_of(network):
        for i, name in enumerate(edge.names):
            edge.alpha.data[i] = {"narrow_3x3": 3.0, "none": 1.0}.get(name, 0.0)
    cell = derive(network, ACCELERATOR, 2).normal
    assert [list(map(tuple, node)) for node in cell.nodes] == [
        [("narrow_3x3", 1)],
        [("narrow_3x3", 2)],
    ]


@pytest.mark.parametrize("seed", range(3))
def test_skips_that_are_kept_do_not_cross(few, seed):
    space = ACCELERATOR.model_copy(update={"nodes": 4})
    network = coarse_supernet(space, CONFIG, few.in_shape, few.num_classes)
    generator = torch.Generator().manual_seed(seed)
    for _, edge in edges_of(network):
        edge.alpha.data = torch.randn(edge.alpha.shape, generator=generator)
        if "skip" in edge.names:
            edge.alpha.data[edge.names.index("skip")] += 2
    genotype = derive(network, space, 2)
    check_space(space, genotype)
    names = [op for node in genotype.normal.nodes for op, _ in node]
    assert "skip" in names
