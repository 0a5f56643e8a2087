"""A network whose random scores are balanced, so that images differ in class and in margin."""

import numpy as np
from networks import random_layer

from bitrain import golden
from bitrain.data import Dataset
from bitrain.spec import Layer, Network, Shape, SngBank, Sobol, VanDerCorput, to_unipolar


def random_classifier(seed: int = 0) -> Network:
    """One convolution over (1, 4, 4) at 5 bits, 32 cycles and 4 lanes; 5 classes, no biases."""
    layer = random_layer(
        np.random.default_rng(seed), Shape(1, 4, 4), 5, bits=5, length=32, kernel=(4, 4), relu=False
    )
    return Network(
        name="classifier",
        activation_bank=SngBank.wired(VanDerCorput(width=5), 4, "rotated"),
        weight_bank=SngBank.wired(Sobol(width=5), 4, "identical"),
        layers=(Layer.model_validate(dict(layer) | {"bias": np.zeros(5, int)}),),
    )


def labelled_images(network: Network, train: int, test: int, *, wrong: bool) -> Dataset:
    """Random images with the classes that the network gives them, some of them wrong."""
    rng = np.random.default_rng(0)
    images = rng.random((train + test, 1, 4, 4), np.float32)
    labels = golden.predict(network, to_unipolar(images, network.bits)).argmax(1)
    if wrong:
        labels[::7] = rng.integers(0, 5, len(labels[::7]))
    return Dataset(
        name="random",
        note="random pixels",
        classes=tuple("abcde"),
        train_images=images[:train],
        train_labels=labels[:train],
        test_images=images[train:],
        test_labels=labels[train:],
    )
