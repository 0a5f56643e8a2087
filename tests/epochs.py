"""Training watched, stopped or forbidden, an epoch at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bitrain.train import loop


@contextmanager
def watched_epochs() -> Iterator[list[int]]:
    """The numbers of the epochs that are trained in this context, in order."""
    seen: list[int] = []
    real = loop.train_epoch

    def train_epoch(*arguments: Any, epoch: int, **others: Any) -> float:
        seen.append(epoch)
        return real(*arguments, epoch=epoch, **others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "train_epoch", train_epoch)
        yield seen


@contextmanager
def interrupted_epoch(number: int) -> Iterator[None]:
    """Ctrl-C where an epoch of this number begins; the context must come to one."""
    real = loop.train_epoch

    def train_epoch(*arguments: Any, epoch: int, **others: Any) -> float:
        if epoch == number:
            raise KeyboardInterrupt
        return real(*arguments, epoch=epoch, **others)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop, "train_epoch", train_epoch)
        yield


@contextmanager
def no_epochs() -> Iterator[None]:
    """Nothing may be trained in this context."""
    with watched_epochs() as seen:
        yield
    assert not seen
