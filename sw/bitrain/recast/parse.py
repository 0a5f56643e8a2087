"""Any trained model as a row of blocks, the form in which it can be recast.

A block begins at a convolution, at a linear layer or where paths part that meet again, and takes
with it what follows: batch norm, ReLU, pooling. J. Yu et al., *Network Recasting: A Universal
Method for Network Architecture Transformation*, arXiv:1809.05262.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from bitrain.models import Block, BlockSpec, copy_model, seeded
from bitrain.models.blocks.spec import Kind
from bitrain.spec import BitrainError, Shape

from .segments import Join, Segment, find_segments
from .tracer import agree

_CONV = nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d
_NORM = nn.BatchNorm1d | nn.BatchNorm2d
_DROPOUT = nn.Dropout | nn.Dropout2d
_AVERAGE = nn.AvgPool2d | nn.AdaptiveAvgPool2d
_POOL = nn.MaxPool2d | _AVERAGE
_PLAIN = nn.Conv2d | nn.Linear | _NORM | _DROPOUT | nn.ReLU | _POOL | nn.Flatten | nn.Identity


def parse_blocks(model: nn.Module, in_shape: Shape) -> nn.Sequential:
    """A network of :class:`bitrain.models.Block` that computes what ``model`` computes.

    In evaluation mode. in_shape: of one image, (channels, height, width). The weights are copied;
    the model is left alone. A block that no :class:`BlockSpec` describes exactly, such as one with
    a shortcut that has weights, holds the model's own modules and works like any other. Raises
    :class:`BitrainError` naming what cannot be taken apart.
    """
    if (
        type(model) is nn.Sequential
        and not model._forward_pre_hooks  # which may normalise images
        and model
        and all(isinstance(part, Block) for part in model)
    ):
        return copy_model(model)
    parameter = next(model.parameters(), torch.empty(0))
    with torch.no_grad(), seeded(0):
        images = torch.rand(3, *in_shape).to(parameter)
        groups = _group(find_segments(model, images))
        blocks = [_block(group) for group in groups]
        found = images
        for block, group in zip(blocks, groups, strict=True):
            found = block(found)
            if not agree(found, group[-1].outputs):
                raise BitrainError(
                    f"{group[0].path}: the block that begins here does not give what the model "
                    "gives there; remove what depends on chance or on the other images"
                )
    return nn.Sequential(*blocks).train(model.training)


def _group(segments: list[Segment]) -> list[list[Segment]]:
    """The segments of each block."""
    groups: list[list[Segment]] = []
    leading: list[Segment] = []
    for segment in segments:
        if not any(isinstance(x, _CONV | nn.Linear | Block) for x in _leaves(segment.modules)):
            (groups[-1] if groups else leading).append(segment)
            continue
        linear = _is_linear(segment)
        if not linear and groups and any(map(_is_linear, groups[-1])):
            raise BitrainError(
                f"{segment.path}: follows a Linear but is none; linear layers must come last"
            )
        if groups and _are_separable([*groups[-1], segment]):
            groups[-1].append(segment)
            continue
        group, leading = [*leading, segment], []
        while linear and groups and _is_head(groups[-1][-1]):
            group.insert(0, groups[-1].pop())
        groups.append(group)
    if not groups:
        raise BitrainError("the model has no Conv2d or Linear; there is nothing to recast")
    if len(segments) == 1 and (segments[0].whole or segments[0].join):
        raise BitrainError(
            f"{segments[0].path}: the model is a single block that cannot be cut; there must be "
            "places where only one tensor goes on to the next layer"
        )
    return groups


def _is_linear(segment: Segment) -> bool:
    return any(isinstance(module, nn.Linear) for module in segment.main)


def _is_head(segment: Segment) -> bool:
    """Whether it makes a vector of a map, for a linear layer."""
    height_width = segment.outputs.shape[2:]
    return all(
        isinstance(module, nn.Flatten | nn.Identity | _DROPOUT)
        or (isinstance(module, _AVERAGE) and height_width.numel() == 1)
        for module in segment.main
    )


def _are_separable(group: list[Segment]) -> bool:
    """Whether a convolution of every channel by itself is followed by one of single pixels."""
    main = [module for segment in group for module in segment.main]
    convs = [module for module in main if isinstance(module, nn.Conv2d)]
    return (
        len(convs) == 2
        and not any(segment.join for segment in group)
        and not any(isinstance(module, _POOL) for module in main)
        and 1 < convs[0].groups == convs[0].in_channels == convs[0].out_channels
        and (convs[1].groups, convs[1].kernel_size) == (1, (1, 1))
    )


def _block(group: list[Segment]) -> Block:
    """The block that a group is: built anew if that gives the same, else of its own modules."""
    modules = [module for segment in group for module in segment.modules]
    if len(modules) == 1 and isinstance(modules[0], Block):
        return modules[0]
    spec = _spec(group)
    inputs = torch.cat([group[0].inputs, torch.rand_like(group[0].inputs)])
    if (block := _rebuild(spec, modules, inputs)) is None:
        # A vector may come as a map of one pixel.
        block = Block(spec, *([nn.Flatten()] if inputs.dim() == 2 else []), *modules)
    return block


def _spec(group: list[Segment]) -> BlockSpec:
    """Kind and sizes, as far as they can be seen."""
    before, after = group[0].inputs.shape[1:], group[-1].outputs.shape[1:]
    main = [module for segment in group for module in segment.main]
    convs = [module for module in main if isinstance(module, nn.Conv2d)]
    pools = [module for module in main if isinstance(module, _POOL)]
    kind = _kind([segment.join for segment in group if segment.join], main, convs)
    sizes: dict[str, Any] = {"in_channels": before[0], "out_channels": after[0] if after else 1}
    if kind == "linear":
        spec = BlockSpec(
            **sizes,
            kind=kind,
            average=bool(pools),
            area=1 if pools else before[1:].numel(),
            relu=any(isinstance(module, nn.ReLU) for module in main),
            dropout=next((module.p for module in main if isinstance(module, _DROPOUT)), 0.0),
        )
        (layer,) = (module for module in main if isinstance(module, nn.Linear))
        if spec.in_channels * spec.area == layer.in_features:
            return spec
        kind = "other"
    if kind == "other" or any(isinstance(pool, nn.AdaptiveAvgPool2d) for pool in pools):
        stride = max(1, round(before[1] / after[1])) if len(before) == len(after) == 3 else 1
    else:
        strides: list[Any] = [module.stride for module in main if hasattr(module, "stride")]
        stride = math.prod(each if isinstance(each, int) else each[0] for each in strides)
    sizes |= {"kind": kind, "stride": stride}
    if pools and stride > 1:
        sizes["downsample"] = "max" if isinstance(pools[0], nn.MaxPool2d) else "average"
    if kind == "other":
        return BlockSpec(**sizes)
    # The one that is not 1 x 1, if any is.
    conv = convs[{"bottleneck": 1, "dense": -1}.get(kind, 0)]
    sizes["kernel"] = kernel = conv.kernel_size[0]
    if not isinstance(conv.padding, str) and conv.padding[0] != kernel // 2:
        sizes["padding"] = conv.padding[0]
    middle = convs[0].out_channels
    narrows = len(convs) > 1 and kind != "separable"
    if narrows and (kind != "residual" or middle != convs[-1].out_channels):
        sizes["middle"] = middle
    return BlockSpec(**sizes)


def _kind(joins: list[Join], main: list[nn.Module], convs: list[nn.Conv2d]) -> Kind:
    """The kind whose convolutions these are; ``other`` where there is anything else."""
    linear = sum(isinstance(module, nn.Linear) for module in main)
    if not all(isinstance(module, _PLAIN) for module in main):
        return "other"
    if linear or not convs or len(joins) > 1:
        return "linear" if linear == 1 and not convs and not joins else "other"
    pointwise = [conv.kernel_size == (1, 1) for conv in convs]
    if any(conv.groups > 1 for conv in convs[1:]) or (joins and convs[0].groups > 1):
        return "other"
    match joins, pointwise:
        case [], [_]:
            return "conv" if convs[0].groups == 1 else "other"
        case [], [_, True]:
            return "separable"
        case ["residual"], [_, _]:
            return "residual"
        case ["residual"], [True, _, True]:
            return "bottleneck"
        case (["dense"], [_]) | (["dense"], [True, _]):
            return "dense"
    return "other"


def _rebuild(spec: BlockSpec, modules: list[nn.Module], inputs: Tensor) -> Block | None:
    """The block that ``spec`` describes with the weights of ``modules``, if it does the same."""
    if spec.kind == "other":
        return None
    block = Block(spec).to(inputs).eval()
    kept, given = _kept(list(block)), _kept(modules)
    if [type(module) for module in kept] != [type(module) for module in given]:
        return None
    try:
        for ours, theirs in zip(kept, given, strict=True):
            ours.load_state_dict(theirs.state_dict())
            if isinstance(ours, _NORM) and isinstance(theirs, _NORM):
                ours.eps, ours.momentum = theirs.eps, theirs.momentum
        same = agree(block(inputs), nn.Sequential(*modules)(inputs))
    except (RuntimeError, ValueError):
        return None
    return block if same else None


def _leaves(modules: list[nn.Module]) -> list[nn.Module]:
    """Modules without others in them, in the order in which they compute."""
    leaves: list[nn.Module] = []
    for module in modules:
        # A module that is used twice counts twice.
        parts = [part for part in module._modules.values() if part is not None]
        leaves += [module] if not parts or type(module) is Block else _leaves(parts)
    return leaves


def _kept(modules: list[nn.Module]) -> list[nn.Module]:
    """What must be the same, and in the same order, in two blocks that are equal."""
    return [
        module
        for module in _leaves(modules)
        if isinstance(module, _CONV | _NORM | nn.Linear | nn.ReLU)
        or (isinstance(module, _DROPOUT) and module.p > 0)
    ]
