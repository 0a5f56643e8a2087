"""Drop what follows the scores.

Before: the graph ends with softmax, sigmoid or argmax of the scores. After: it ends with the
scores, of which the largest is the class as before. Inside a network these have no place.
"""

import torch

from bitrain.spec import BitrainError

from ..graph import Graph
from ..operations import Gather, Node, Score


def drop_scores(graph: Graph) -> None:
    """See the module."""
    while isinstance(graph.output.operation, Score) or _is_flat(graph.output):
        for origin in graph.output.origins:
            origin.fate = "left out: the largest score stays the class"
        graph.output = graph.output.source
    for node in graph.nodes:
        if isinstance(node.operation, Score):
            raise BitrainError(
                f"{node.origins[0]}: only scores may go through it, at the end of the network; "
                "recast the block that holds it into convolutions (bitrain recast)"
            )


def _is_flat(node: Node) -> bool:
    """Whether a node gives all scores in their order, in another shape."""
    if not isinstance(gather := node.operation, Gather):
        return False
    return torch.equal(gather.index.flatten(), torch.arange(node.source.shape.size))
