"""Blocks that networks are made of, beside torch's own layers."""

from .block import Block
from .joins import Concatenate, Residual, Subsample
from .spec import BLOCK_KINDS, BlockSpec

__all__ = ["BLOCK_KINDS", "Block", "BlockSpec", "Concatenate", "Residual", "Subsample"]
