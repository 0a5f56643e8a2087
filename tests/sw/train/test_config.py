"""Learning rates of a recipe, and options that do not go together."""

import pytest
from pydantic import ValidationError

from bitrain.train.config import FineTuneConfig, TrainConfig


def test_schedule_rises_and_falls() -> None:
    config = TrainConfig(epochs=5, warmup=0.2, learning_rate=0.5)
    rates = [config.rate(epoch, batch, 20) for epoch in range(5) for batch in range(20)]
    assert rates[0] == 0 and rates[20] == 0.5 and rates[-1] < 1e-3
    assert rates[:21] == sorted(rates[:21]) and rates[20:] == sorted(rates[20:], reverse=True)
    assert TrainConfig(epochs=5, learning_rate=0.5).rate(0, 0, 20) == 0.5


def test_schedule_begins_anew() -> None:
    config = TrainConfig(epochs=5, restarts=(3,), warmup=0.2)
    for length, begin in ((3, 0), (2, 3)):
        cycle = TrainConfig(epochs=length, warmup=0.2)
        for epoch in range(length):
            assert config.rate(begin + epoch, 7, 20) == cycle.rate(epoch, 7, 20)


@pytest.mark.parametrize("restarts", [(0,), (5,), (2, 2), (3, 1)])
def test_restarts_out_of_order(restarts) -> None:
    with pytest.raises(ValidationError, match="must rise, above 0 and below the number of epochs"):
        TrainConfig(epochs=5, restarts=restarts)


def test_bfloat16_is_not_for_exact_sums() -> None:
    with pytest.raises(ValidationError, match="exact in float32 only; leave it out"):
        FineTuneConfig(precision="bfloat16")
