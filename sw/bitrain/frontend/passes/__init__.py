"""Rewrites of a graph, each of which leaves what it computes as it is, in their order."""

from ..graph import Graph
from .activations import drop_clips, settle_activations
from .affine import fold_affine
from .averages import fold_averages
from .concatenations import settle_concatenations
from .layout import take_layout
from .scores import drop_scores
from .sums import double, settle_sums


def simplify(graph: Graph) -> None:
    """Rewrite a graph until it holds what engines can do."""
    drop_scores(graph)
    drop_clips(graph)
    double(graph)
    take_layout(graph)
    fold_averages(graph)
    fold_affine_and_layout(graph)
    fold_averages(graph)
    settle_activations(graph)
    fold_affine_and_layout(graph)
    settle_sums(graph)
    settle_concatenations(graph)


def fold_affine_and_layout(graph: Graph) -> None:
    """Each may make room for the other."""
    fold_affine(graph)
    take_layout(graph)
