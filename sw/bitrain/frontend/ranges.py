"""What is known of the values of a node without looking at images."""

from .operations import (
    Add,
    Clip,
    Concatenate,
    Convolution,
    Gather,
    Input,
    Leaky,
    Node,
    Pool,
)


def is_nonnegative(node: Node) -> bool:
    """Whether a node never gives anything below zero, for images in [0, 1]."""
    match node.operation:
        case Input():
            return True
        case Clip(low=low, free=None) if low >= 0:
            return True
        case Convolution(weight=weight, bias=bias, value=None):
            positive = bool((weight >= 0).all() and (bias >= 0).all())
            return positive and is_nonnegative(node.source)
        case Add() | Clip() | Concatenate() | Gather() | Pool() | Leaky():
            return all(map(is_nonnegative, node.inputs))
    return False
