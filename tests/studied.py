"""The folder of a small study, as `bitrain accuracy` writes it, without any training."""

from pathlib import Path
from typing import Any

import numpy as np
from classifier import labelled_images, random_classifier
from networks import worded

from bitrain import golden
from bitrain.data import Dataset
from bitrain.program import ARITHMETICS
from bitrain.spec import Exit, Network, save_network, to_unipolar

NETWORK = worded(random_classifier(), 2)
BITS, LENGTH = NETWORK.bits, NETWORK.layers[0].stream_length


def study_data() -> Dataset:
    """Ten images to choose exits by, and forty to judge."""
    return labelled_images(NETWORK, 10, 40, wrong=True)


def write_network(folder: Path, network: Network, arithmetic: str, **changes: Any) -> Path:
    """The file of a network in the folder of its length."""
    metadata = {"arithmetic": arithmetic, "float_accuracy": 90.0, **changes.pop("metadata", {})}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ("network.npz" if arithmetic == "stochastic" else "rival.npz")
    save_network(Network.model_validate(dict(network) | {"metadata": metadata, **changes}), path)
    return path


def write_study(out: Path, dataset: Dataset) -> Path:
    """Two seeds: one length alone, and several lengths with an exit."""
    lengths = {"recipe": {"sc": {"lengths": [4, 8, LENGTH]}}}
    for seed in range(2):
        network = worded(random_classifier(seed), 2)
        for arithmetic in ("stochastic", "bitserial"):
            shorter = ARITHMETICS[arithmetic].shorter(network)[8]
            images = to_unipolar(dataset.test_images, BITS) >> BITS - shorter.bits
            margins = golden.margins(golden.predict(shorter, images, arithmetic))
            exits = (Exit(length=8, margin=int(np.median(margins))),)
            folder = out / f"seed{seed}/anytime"
            write_network(folder, network, arithmetic, exits=exits, metadata=lengths)
        for arithmetic in ("stochastic", "binary"):
            write_network(out / f"seed{seed}/L{LENGTH}", network, arithmetic)
    return out
