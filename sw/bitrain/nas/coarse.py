"""The coarse search: a normal and a reduction cell, alike in all layers, by gradient descent.

DARTS (H. Liu et al., arXiv:1806.09055), first order: weights are trained on one half of the images
and architecture parameters on the other.
"""

from typing import Unpack

import torch
from pydantic import Field
from torch import Tensor, nn

from bitrain.data import Dataset
from bitrain.models import seeded
from bitrain.spec import BitrainError, Shape
from bitrain.train.loop import Job, classification, fit

from .genotype import RESIDUAL, CellGenotype, EdgeChoice, Genotype
from .importance import SKIPS, Candidate, keep_only
from .network import Candidates, CellNetwork, cells_in, edges_of
from .prune import prune_node_wise
from .search import Optimizers, SearchConfig
from .space import FineConfig, cell_genotype, crosses, fine_candidates


class CoarseConfig(SearchConfig):
    """Training of the coarse super-network; its penalty and matching are not used."""

    partial: int = Field(default=4, ge=1)
    """One in so many channels goes through the operations."""
    inputs: int = Field(default=2, ge=1)
    """Edges that a node keeps."""


def coarse_supernet(
    space: FineConfig, config: CoarseConfig, in_shape: Shape, num_classes: int
) -> CellNetwork:
    """All operations on all edges; cells of one kind share their architecture parameters.

    Raises :class:`BitrainError` for a part of the channels that is no whole number.
    """
    for width in space.widths:
        if width % config.partial:
            raise BitrainError(
                f"coarse: partial = {config.partial} does not divide the width {width} of a stage; "
                "choose a divisor of all widths"
            )
    names = [*space.operations, *(["none"] if "none" not in space.operations else [])]

    def candidates(stage: int, index: int) -> Candidates:
        if space.target == "accelerator":  # it begins as convolutions one after the other
            row = tuple((EdgeChoice("conv_3x3", i + 1),) for i in range(space.nodes))
            return fine_candidates(space, CellGenotype(nodes=row))
        return {(node, source): names for node in range(space.nodes) for source in range(node + 2)}

    with seeded(config.seed):
        network = CellNetwork(space, in_shape, num_classes, candidates, partial=config.partial)
    first: dict[tuple[bool, str], nn.Parameter] = {}
    for cell in cells_in(network):
        for path, edge in edges_of(cell):
            edge.alpha = first.setdefault((cell.stride > 1, path), edge.alpha)
    return network


def search_coarse(
    space: FineConfig, dataset: Dataset, config: CoarseConfig, **job: Unpack[Job]
) -> Genotype:
    """The cells that gradient descent finds; a space without reductions has those of RESIDUAL."""
    halves = dataset.split_validation(len(dataset.train_images) // 2, config.seed)
    network = coarse_supernet(space, config, dataset.in_shape, dataset.num_classes)
    optimizer = Optimizers(network, config)
    classify = classification(config, dataset)
    held_out = torch.from_numpy(halves.test_images), torch.from_numpy(halves.test_labels)
    resting = True

    def rest(epoch: int) -> None:
        nonlocal resting
        resting = epoch < config.warmup_epochs

    # The optimizer's own step is for the weights; architecture parameters move before it.
    optimizer.resting = True

    def loss(scores: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        total = classify(scores, images, labels)
        if resting:
            return total
        chosen = torch.randint(len(held_out[1]), (len(labels),))
        others, truth = (part[chosen].to(images.device) for part in held_out)
        alphas = optimizer.alphas.param_groups[0]["params"]
        gradients = torch.autograd.grad(classify(network(others), others, truth), alphas)
        for alpha, gradient in zip(alphas, gradients, strict=True):
            alpha.grad = gradient
        optimizer.alphas.step()
        return total

    job.setdefault("title", "coarse search")
    fit(network, halves, config, before_epoch=rest, loss=loss, optimizer=optimizer, **job)
    return derive(network, space, config.inputs)


def derive(network: CellNetwork, space: FineConfig, inputs: int) -> Genotype:
    """The strongest operations of the first cell of each kind."""
    if space.target == "accelerator":
        _prune_rows(network)
    else:
        prune_node_wise(network, inputs)
    found: dict[bool, CellGenotype] = {}
    for cell in cells_in(network):
        found.setdefault(cell.stride > 1, cell_genotype(cell))
    return Genotype(normal=found[False], reduction=found.get(True, RESIDUAL.reduction))


def _prune_rows(network: CellNetwork) -> None:
    """Each node keeps its strongest convolution; skips stay that beat nothing and do not cross."""
    kept: set[Candidate] = set()
    for cell in cells_in(network):
        skips: list[tuple[float, tuple[int, int]]] = []
        for node, source, edge in cell.all_edges():
            shares = edge.shares()
            if set(edge.names) <= set(SKIPS):
                if shares["skip"] > shares["none"]:
                    skips.append((shares["skip"], (source, node + 2)))
            else:
                best = max((name for name in shares if name != "none"), key=shares.__getitem__)
                kept.add(Candidate(cell, node, source, best))
        spans: list[tuple[int, int]] = []
        for _, span in sorted(skips, reverse=True):
            if not any(crosses(span, other) for other in spans):
                spans.append(span)
        kept |= {Candidate(cell, end - 2, start, "skip") for start, end in spans}
    keep_only(network, kept.__contains__)
