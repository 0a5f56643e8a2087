"""Accuracies by stream length, on the golden model."""

import torch

from bitrain.nn import ScConfig, convert
from bitrain.train import loop
from bitrain.train.config import FINE_TUNE
from bitrain.train.evaluate import evaluate, evaluate_network
from bitrain.train.finetune import finetune_sc
from bitrain.train.lengths import accuracy_by_length

FEW = FINE_TUNE.model_copy(update={"epochs": 3})


def test_accuracy_by_length(trained, digits) -> None:
    rows = accuracy_by_length(trained, digits, (4, 8), train_config=FEW)
    assert [(row.length, row.bits) for row in rows] == [(4, 2), (8, 3)]
    config = ScConfig(bits=2)
    tuned = finetune_sc(trained, digits, config, FEW)
    assert rows[0].sc_fine_tuned == evaluate_network(tuned.to_network("test"), digits)
    binary = convert(trained, digits.in_shape, digits.train_images, config, "binary")
    wanted = evaluate_network(binary.to_network("test"), digits, "binary")
    assert rows[0].binary_post_training == wanted
    for row in rows:
        assert row.float_model == evaluate(trained, digits)
        assert row.sc_fine_tuned > row.sc_post_training
        assert row.binary_fine_tuned > 0.95


def test_recipe_decides_the_threads(trained, digits, monkeypatch) -> None:
    """And the golden model, which runs on threads of numba's, leaves them alone."""
    seen = []
    monkeypatch.setattr(
        loop, "train_epoch", lambda *_, **__: seen.append(torch.get_num_threads()) or 0.0
    )
    config = FEW.model_copy(update={"epochs": 1, "threads": 2})
    accuracy_by_length(trained, digits, (4,), train_config=config)
    assert seen == [2, 2] and torch.get_num_threads() == 1
