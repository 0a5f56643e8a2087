"""Drop what follows the scores.

Before: the graph ends with softmax, sigmoid or argmax of the scores. After: it ends with the
scores, of which the largest is the class as before. Inside a network these have no place.
"""

import torch

from bitrain.spec import BitrainError

from ..graph import Graph
from ..operations import Gather, Score


def drop_scores(graph: Graph) -> None:
    """See the module."""
    while isinstance(graph.output.operation, Score):
        for origin in graph.output.origins:
            origin.fate = "left out: the largest score stays the class"
        graph.output = graph.output.source
    output = graph.output
    if isinstance(output.operation, Gather):
        index = output.operation.index.flatten()
        if torch.equal(index, torch.arange(output.source.shape.size)):
            graph.output = output.source
            graph.output.value = output.source.value
    for node in graph.nodes:
        if isinstance(node.operation, Score):
            raise BitrainError(
                f"{node.origins[0]}: only scores may go through it, at the end of the network; "
                "recast the block that holds it into convolutions (bitrain recast)"
            )
