"""Training: one loop for float, SC-aware and binary models, and what measures them."""

from .config import FINE_TUNE, ExactPrecision, FineTuneConfig, TrainConfig
from .evaluate import evaluate, evaluate_network, scores_of
from .finetune import finetune_converted, finetune_sc
from .lengths import accuracy_by_length
from .loop import classification, fit
from .optimizer import make_optimizer
from .sealed import load_sealed, save_sealed

__all__ = [
    "FINE_TUNE",
    "ExactPrecision",
    "FineTuneConfig",
    "TrainConfig",
    "accuracy_by_length",
    "classification",
    "evaluate",
    "evaluate_network",
    "finetune_converted",
    "finetune_sc",
    "fit",
    "load_sealed",
    "make_optimizer",
    "save_sealed",
    "scores_of",
]
