"""A network whose random scores are balanced, so that images differ in class and in margin."""

import numpy as np
from networks import random_layer

from bitrain.spec import Layer, Network, Shape, SngBank, Sobol, VanDerCorput


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
