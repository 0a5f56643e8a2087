"""Networks whose operations are fixed, as modules: programs that torch.export wrote (``.pt2``)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn

from bitrain.spec import BitrainError

from .context import silent


class Program(nn.Module):
    """A network that holds its operations and weights, and cannot be trained or changed."""

    batch: int | None
    """Images that it reads at once; None: any number."""
    dtype = torch.float32
    """Of the images."""
    paths: Mapping[str, str] = {}
    """How its authors call its modules, by their names here, where these differ."""
    notes: Sequence[str] = ()
    """What became of parts of it, for its user."""


class ExportedModule(Program):
    """A program of one input, the images, run in parts where it was written for so many."""

    def __init__(self, program: Any, name: str):
        super().__init__()
        self.program = (program,)
        """In a tuple: modules of programs do not like to be moved or switched."""
        inputs = program.graph_signature.user_inputs
        if len(inputs) != 1:
            raise BitrainError(f"{name}: reads {len(inputs)} inputs; it must read images alone")
        if training := next(filter(_is_training, program.graph.nodes), None):
            raise BitrainError(
                f"{name}: exported in training mode ({training.name}); export it after model.eval()"
            )
        (node,) = (node for node in program.graph.nodes if node.name == inputs[0])
        batch, *self.in_shape = node.meta["val"].shape
        self.dtype = node.meta["val"].dtype
        self.batch = batch if isinstance(batch, int) else None

    def forward(self, images: Tensor) -> Tensor:
        """(batch, …) to what the program gives for each."""
        sizes = zip(images.shape[1:], self.in_shape, strict=True)
        if any(isinstance(wanted, int) and given != wanted for given, wanted in sizes):
            wanted = " x ".join(map(str, self.in_shape))
            raise ValueError(f"the program was exported for images of {wanted}")
        module, images = self.program[0].module(), images.to(self.dtype)
        if self.batch in (None, len(images)):
            return module(images)
        missing = -len(images) % self.batch
        whole = torch.cat([images, images[:1].expand(missing, *images.shape[1:])])
        return torch.cat([module(part) for part in whole.split(self.batch)])[: len(images)]

    def extra_repr(self) -> str:
        """The recorded operations."""
        return str(self.program[0].graph)


def load_program(path: Path) -> ExportedModule:
    """Read a ``.pt2`` file; :class:`BitrainError` says what is wrong with it."""
    if not path.is_file():
        raise BitrainError(f"model {path}: no such file")
    try:
        with silent():
            program = torch.export.load(path)
    except Exception as error:  # torch has many ways to say no
        raise BitrainError(
            f"model {path}: not a program that torch.export.save of torch {torch.__version__} "
            "wrote, or damaged; export it again"
        ) from error
    return ExportedModule(program, str(path))


def _is_training(node: fx.Node) -> bool:
    """Whether an operation does what it only does in training, as dropout or batch norm."""
    if not isinstance(node.target, torch._ops.OpOverload):
        return False
    names = (argument.name for argument in node.target._schema.arguments)
    given = dict(zip(names, node.args, strict=False)) | node.kwargs
    # Without running statistics batch norm takes the batch's in evaluation mode too.
    keeps_none = given.get("running_mean", 0) is None or node.target._overloadname == "no_stats"
    return not keeps_none and (given.get("train") is True or given.get("training") is True)
