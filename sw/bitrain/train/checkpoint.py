"""Checkpoints: the state of a run after so many epochs, written whole or not at all."""

import pickle
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

from torch import nn

from bitrain.spec import BitrainError

from .config import TrainConfig
from .optimizer import Optimizer
from .sealed import load_sealed, save_sealed

_MEND = "delete it to start again"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A file that holds model, optimizer, finished epochs and their losses."""

    path: Path

    def save(
        self, model: nn.Module, optimizer: Optimizer, config: TrainConfig, losses: list[float]
    ) -> None:
        """Write the state after ``len(losses)`` epochs."""
        state = {
            "config": config.model_dump(),
            "losses": losses,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
        }
        save_sealed(state, self.path)

    def load(self, model: nn.Module, optimizer: Optimizer, config: TrainConfig) -> list[float]:
        """Restore the state and return the losses so far; none where there is no file yet.

        Raises :class:`BitrainError` if the file is spoilt or belongs to another run.
        """
        if not self.path.exists():
            return []
        try:
            state = load_sealed(self.path)
            saved, losses = type(config).model_validate(state["config"]), list(state["losses"])
            tensors = state["model"], state["optimizer"]
        except (
            *(OSError, EOFError, RuntimeError, ValueError, KeyError, TypeError),
            *(pickle.UnpicklingError, BadZipFile),
        ) as error:
            raise BitrainError(f"{self.path}: not a readable checkpoint; {_MEND}") from error
        if saved != config:
            raise BitrainError(
                f"{self.path}: checkpoint of another recipe ({_difference(saved, config)}); use "
                f"the same settings or {_MEND}"
            )
        try:
            model.load_state_dict(tensors[0])
            optimizer.load_state_dict(tensors[1])
        except (RuntimeError, ValueError, KeyError) as error:
            raise BitrainError(f"{self.path}: checkpoint of another model; {_MEND}") from error
        return losses


def _difference(saved: TrainConfig, config: TrainConfig) -> str:
    mine, yours = saved.model_dump(), config.model_dump()
    return ", ".join(
        f"{key}: {mine[key]} there, {yours[key]} now" for key in mine if mine[key] != yours[key]
    )
