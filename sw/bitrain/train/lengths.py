"""Accuracy against stream length, beside the integer baseline of the same width."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from bitrain.data import Dataset
from bitrain.nn import ScConfig, convert, torch_threads

from .config import FINE_TUNE, FineTuneConfig
from .evaluate import evaluate, evaluate_network
from .finetune import finetune_converted

ARITHMETICS = ("stochastic", "binary")


@dataclass(frozen=True)
class LengthAccuracy:
    """Test accuracies, 0 … 1, with streams of ``length`` bits and numbers of log2(length) bits.

    All but ``float_model`` are the golden model's, on the network as it would be exported.
    """

    length: int
    bits: int
    float_model: float
    """Accuracy of the float model, the same in every row."""
    sc_post_training: float
    sc_fine_tuned: float
    binary_post_training: float
    binary_fine_tuned: float


def accuracy_by_length(
    model: nn.Module,
    dataset: Dataset,
    lengths: Sequence[int],
    *,
    sc_config: ScConfig | None = None,
    train_config: FineTuneConfig = FINE_TUNE,
    progress: bool = False,
) -> list[LengthAccuracy]:
    """One row per length, stochastic and binary with the same recipe and budget.

    sc_config: lanes, sources and normalisation; its bits and length give way to each row's.
    """
    with torch_threads(train_config.threads):
        baseline = evaluate(model, dataset)
    rows = []
    for length in lengths:
        config = (sc_config or ScConfig()).with_length(length)
        common = (model, dataset, config, train_config)
        sc, binary = (_before_and_after(*common, kind, bar=progress) for kind in ARITHMETICS)
        rows.append(LengthAccuracy(length, config.bits, baseline, *sc, *binary))
    return rows


def _before_and_after(
    model: nn.Module,
    dataset: Dataset,
    config: ScConfig,
    train_config: FineTuneConfig,
    arithmetic: str,
    *,
    bar: bool,
) -> tuple[float, float]:
    """Golden accuracies after conversion and after fine-tuning."""
    with torch_threads(train_config.threads):
        converted = convert(model, dataset.in_shape, dataset.train_images, config, arithmetic)
    before = evaluate_network(converted.to_network("converted"), dataset, arithmetic)
    title = f"L = {config.length}, {arithmetic}"
    alone = train_config.model_copy(update={"prefix_weights": (), "sampled_prefixes": None})
    finetune_converted(converted, dataset, alone, title=title, progress=bar)
    return before, evaluate_network(converted.to_network("fine-tuned"), dataset, arithmetic)
