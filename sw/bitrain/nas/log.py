"""What a search writes for TensorBoard, where that is installed: losses, costs, strengths."""

from pathlib import Path

from torch import Tensor, nn

from .network import edges_of
from .penalty import Cost


class SearchLog:
    """Events of one training in a folder; nothing without a folder or without TensorBoard."""

    def __init__(self, folder: Path | None):
        self._writer = None
        if folder is None:
            return
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ModuleNotFoundError:
            return
        self._writer = SummaryWriter(folder)

    def add(self, epoch: int, loss: float, costs: Tensor, module: nn.Module) -> None:
        """After an epoch: the mean loss, expected costs as :class:`Cost`, shares of operations."""
        if self._writer is None:
            return
        self._writer.add_scalar("loss", loss, epoch)
        for name, value in zip(Cost._fields, costs.tolist(), strict=True):
            self._writer.add_scalar(f"expected/{name}", value, epoch)
        for path, edge in edges_of(module):
            for name, share in edge.shares().items():
                self._writer.add_scalar(f"strength/{path}/{name}", share, epoch)
        self._writer.flush()

    def close(self) -> None:
        """No more comes."""
        if self._writer is not None:
            self._writer.close()
