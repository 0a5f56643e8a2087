"""What TensorBoard is shown of a training."""

import sys

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from bitrain.nas.log import SearchLog
from bitrain.nas.network import Edge

COSTS = torch.tensor([10.0, 20.0, 30.0])


def test_losses_costs_and_strengths(tmp_path):
    edge = Edge(("skip", "none"), 2, 2, 1)
    edge.alpha.data = torch.tensor([0.0, 0.0])
    module, log = nn.ModuleDict({"way": edge}), SearchLog(tmp_path)
    log.add(0, 2.5, COSTS, module)
    edge.alpha.data = torch.tensor([3.0, 3.0 - torch.log(torch.tensor(3.0))])
    log.add(1, 1.5, COSTS * 2, module)
    log.close()
    events = EventAccumulator(str(tmp_path))
    events.Reload()

    def shown(tag: str) -> list[tuple[int, float]]:
        return [(event.step, event.value) for event in events.Scalars(tag)]

    assert shown("loss") == [(0, 2.5), (1, 1.5)]
    assert shown("expected/macs") == [(0, 10), (1, 20)]
    (_, before), (_, after) = shown("strength/way/skip")
    assert (before, after) == (pytest.approx(0.5), pytest.approx(0.75))


@pytest.mark.parametrize("reason", ["no folder", "no TensorBoard"])
def test_nothing_is_written(tmp_path, monkeypatch, reason):
    if reason == "no TensorBoard":
        monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", None)
    log = SearchLog(None if reason == "no folder" else tmp_path)
    log.add(0, 2.5, COSTS, nn.Identity())
    log.close()
    assert not list(tmp_path.iterdir())
