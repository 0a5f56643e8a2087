"""A module as a graph: what torch.export records of it, operation by operation.

The export is not strict: Python runs, and every operation that torch is asked for is recorded, so
hooks, parametrisations and functions count like modules (J. Ansel et al., *PyTorch 2*, ASPLOS 2024,
https://docs.pytorch.org/docs/stable/export.html). The graph is of the model in evaluation mode.
"""

import re
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, fx, nn
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

from bitrain.models import Program, copy_model, silent
from bitrain.spec import BitrainError

from .aten import READERS, standing_in
from .gates import name_gates
from .graph import Graph
from .recorder import FOREIGN, Recorder
from .refusals import telling

BATCH = 4
"""Images of which a model is recorded: some write the size of the batch into their operations."""
RANDOM_IMAGES = 4
MOST_VALUES = 1 << 27
"""Values that are kept of all operations and images together: half a GiB."""
_IN_PLACE = re.compile(r"[a-z0-9]_\.")
_OF_OTHERS = re.compile(
    r"aten\.(view|reshape|transpose|permute|slice|select|squeeze|split|chunk|t|\w+_)\."
)
"""Operations that give what others hold."""


def _is_shared(node: fx.Node) -> bool:
    """Whether an operation works in place on what others may read too."""
    if not _IN_PLACE.search(str(node.target)):
        return False
    (holder, *_) = node.all_input_nodes
    return (
        holder.op == "placeholder"
        or len(holder.users) > 1
        or bool(_OF_OTHERS.match(str(holder.target)))
    )


def export(
    model: nn.Module, in_shape: Sequence[int], images: Tensor
) -> torch.export.ExportedProgram:
    """Operations of a module in evaluation mode, none of which works in place.

    Raises :class:`BitrainError` where the module cannot run or be recorded.
    """
    size = " x ".join(map(str, in_shape))
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model(images)
        except Exception as error:  # it is the user's program
            raise BitrainError(
                f"{type(model).__name__} does not run on images of {size}: {_reason(error)}"
            ) from error
        try:
            with silent():
                program = torch.export.export(model, (images,), strict=False)
                if any(map(_is_shared, program.graph.nodes)):
                    program = program.run_decompositions({})
        except Exception as error:
            raise BitrainError(
                f"{type(model).__name__}{_line(error)}: what it does on images of {size} cannot be "
                f"recorded ({_why(error)}); it must not depend on the values in them: recast it "
                "into blocks that do not (bitrain recast)"
            ) from error
    name_gates(program)
    return program


def _values(program: torch.export.ExportedProgram) -> int:
    """Numbers that the operations give together, for as many images as they read at once."""
    given = (node.meta.get("val") for node in program.graph.nodes if node.op == "call_function")
    return sum(value.numel() for value in given if isinstance(value, Tensor)) or 1


def _reason(error: Exception) -> str:
    lines = (line.strip() for line in str(error).splitlines())
    return f"{type(error).__name__}: {next(filter(None, lines), 'no reason given')}"


def _why(error: Exception) -> str:
    """In plain words where torch speaks of its own expressions."""
    if isinstance(error, GuardOnDataDependentSymNode):
        return "an if, a loop or a number of Python takes its value from a tensor"
    return _reason(error)


def _line(error: Exception) -> str:
    """The user's line in which it was raised, as `` (file:line)``."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(FOREIGN)]
    return f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if len(own) > 1 else ""


def capture(
    model: nn.Module,
    in_shape: Sequence[int],
    images: Tensor | None = None,
    *,
    replace_activations: bool = False,
) -> Graph:
    """The graph of ``model``, with what each node gives for random images, and for ``images``.

    images: real ones (batch, *in_shape). replace_activations: those that the accelerator has not
    are ReLU in the graph. Raises :class:`BitrainError` naming an operation that it cannot have.
    """
    size, kind, paths = BATCH, torch.float32, {}
    if isinstance(model, Program):
        size, kind, paths = model.batch or BATCH, model.dtype, model.paths
    else:
        if any(tensor.is_meta for tensor in (*model.parameters(), *model.buffers())):
            raise BitrainError("the model's weights have no values (device 'meta'); load them")
        model = copy_model(model).float().cpu()
        if not any(True for _ in model.parameters()) and not any(True for _ in model.buffers()):
            raise BitrainError(
                "the model has no weights; there is nothing to compute (of a quantised model, give "
                "the one in real numbers)"
            )
    model.eval()
    generator = torch.Generator().manual_seed(0)
    batch = torch.rand(RANDOM_IMAGES, *in_shape, generator=generator)
    if images is not None:
        batch = torch.cat([batch, images.detach().cpu().float().reshape(-1, *in_shape)])
    first = RANDOM_IMAGES if images is not None else 0
    batch = torch.cat([batch, batch[-1:].expand(-len(batch) % size, *in_shape)])
    program = export(model, in_shape, batch[:size].to(kind))
    count = max(2 * RANDOM_IMAGES, size * MOST_VALUES // _values(program)) // size * size
    if count < len(batch):  # evenly spaced real ones, of large models
        chosen = torch.linspace(first, len(batch) - 1, max(size, count - first)).long()
        batch = torch.cat([batch[:first], batch[chosen]])
        batch = torch.cat([batch, batch[-1:].expand(-len(batch) % size, *in_shape)])
    recorder = Recorder(program, in_shape, size, replace=replace_activations, paths=paths)
    with telling(recorder.origins):
        graph = recorder.graph(READERS, batch, standing_in if replace_activations else None)
    graph.first_real = first
    return graph
