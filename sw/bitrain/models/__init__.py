"""Networks by name, one file per family: ``create_model("digits_cnn", dataset.in_shape, 10)``."""

from .blocks.block import Block
from .blocks.joins import Concatenate, Residual, Subsample
from .blocks.spec import BLOCK_KINDS, BlockSpec
from .context import evaluating, seeded, silent
from .copies import copy_model
from .inputs import Normalisation, normalise_inputs
from .programs import Program
from .registry import check_scores, create_model, list_models, model_file, refuse_unreadable
from .weights import list_pretrained, load_weights, model_digest, read_metadata, save_weights

__all__ = [
    "BLOCK_KINDS",
    "Block",
    "BlockSpec",
    "Concatenate",
    "Normalisation",
    "Program",
    "Residual",
    "Subsample",
    "check_scores",
    "copy_model",
    "create_model",
    "evaluating",
    "list_models",
    "list_pretrained",
    "load_weights",
    "model_digest",
    "model_file",
    "normalise_inputs",
    "read_metadata",
    "refuse_unreadable",
    "save_weights",
    "seeded",
    "silent",
]
