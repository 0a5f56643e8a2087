"""A module as a graph: what torch.export records of it, operation by operation.

The export is not strict: Python runs, and every operation that torch is asked for is recorded, so
hooks, parametrisations and functions count like modules (J. Ansel et al., *PyTorch 2*, ASPLOS 2024,
https://docs.pytorch.org/docs/stable/export.html). The graph is of the model in evaluation mode.
"""

import re
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bitrain.models import copy_model
from bitrain.spec import BitrainError

from .aten import READERS, standing_in
from .graph import Graph
from .recorder import BATCH, Recorder

_MUTABLE = re.compile(r"[a-z0-9]_\.")


def export(model: nn.Module, in_shape: Sequence[int], images: Tensor) -> torch.export.ExportedProgram:
    """Operations of a module in evaluation mode, none of which works in place.

    Raises :class:`BitrainError` where the module cannot run or be recorded.
    """
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.export(model, (images,), strict=False)
            if any(_MUTABLE.search(str(node.target)) for node in program.graph.nodes):
                program = program.run_decompositions({})
    except Exception as error:  # it is the user's program
        size = " x ".join(map(str, in_shape))
        reason = next((line for line in str(error).splitlines() if line.strip()), "no reason given")
        raise BitrainError(
            f"{type(model).__name__} does not run on images of {size}, or not the same way for all "
            f"of them: {type(error).__name__}: {reason.strip()}"
        ) from error
    return program


def capture(
    model: nn.Module, in_shape: Sequence[int], images: Tensor | None = None, *, replace: bool = False
) -> Graph:
    """The graph of ``model``, with what each node gives for random images, and for ``images``.

    images: real ones (batch, *in_shape). replace: activations that the accelerator has not are
    ReLU in the graph. Raises :class:`BitrainError` naming an operation that it cannot have.
    """
    model = copy_model(model).float().eval()
    parameters = [*model.parameters(), *model.buffers()]
    if not parameters:
        raise BitrainError("the model has no weights; there is nothing to compute")
    generator = torch.Generator().manual_seed(0)
    batch = torch.rand(BATCH, *in_shape, generator=generator)
    if images is not None and len(images):
        missing = -len(images) % BATCH
        real = torch.cat([images, images[:1].expand(missing, *in_shape)]).float()
        batch = torch.cat([batch, real.cpu()])
    model.cpu()
    program = export(model, in_shape, batch[:BATCH])
    recorder = Recorder(program, in_shape, replace=replace)
    return recorder.graph(READERS, batch, standing_in if replace else None)
