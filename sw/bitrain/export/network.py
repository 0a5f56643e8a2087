"""Export: quantised layers as a ``spec.Network`` that provably computes what was trained."""

from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor

from bitrain import golden
from bitrain.nn import ScModel, torch_threads
from bitrain.spec import BitrainError, Network, plain, to_unipolar

CHECK_IMAGES = 64
"""Test images on which the commands check an export."""


def export_network(
    sc_model: ScModel,
    name: str,
    check_images: np.ndarray | Tensor,
    metadata: dict[str, Any] | None = None,
) -> Network:
    """The network of ``sc_model``, refused unless torch and golden agree in every layer.

    check_images: (batch, channels, rows, columns) in [0, 1], at least one. metadata: JSON values.
    Raises :class:`BitrainError` naming the first layer that differs and where.
    """
    if len(check_images) == 0:
        raise BitrainError(f"network {name!r}: no images to check the export with; give some")
    try:
        network = sc_model.to_network(name, metadata)
    except ValidationError as error:
        first = plain(error.errors()[0])
        raise BitrainError(
            f"network {name!r} breaks the contract: {first}; use fewer bits or smaller layers"
        ) from error
    if isinstance(check_images, Tensor):
        check_images = check_images.detach().cpu().numpy()
    images = np.ascontiguousarray(check_images, np.float32)
    with torch.no_grad():
        trained = sc_model.run(torch.from_numpy(images))
    with torch_threads():
        exported = golden.run(network, to_unipolar(images, network.bits), sc_model.arithmetic)
    trained[-1] = trained[-1].double() * sc_model.steps[-1].sums.fineness
    for layer, ours, theirs in zip(network.layers, trained, exported, strict=True):
        _compare(name, layer.name, ours.cpu().numpy().astype(np.int64), theirs)
    return network


def _compare(network: str, layer: str, ours: np.ndarray, theirs: np.ndarray) -> None:
    different = np.argwhere(ours.reshape(theirs.shape) != theirs)
    if len(different):
        first = tuple(int(i) for i in different[0])
        raise BitrainError(
            f"network {network!r}, layer {layer!r}: torch gives {ours[first]} but golden "
            f"{theirs[first]} at (image, channel, row, column) = {first}, {len(different)} "
            "differences in all; nothing was exported, please report this as a bug"
        )
