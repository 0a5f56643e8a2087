"""The data sets that are known by name: what their images and classes must be.

MNIST: Y. LeCun, C. Cortes and C. J. C. Burges, *The MNIST Database of Handwritten Digits*.
Fashion-MNIST: H. Xiao, K. Rasul and R. Vollgraf, *Fashion-MNIST: a Novel Image Dataset for
Benchmarking Machine Learning Algorithms* (2017). CIFAR-10: A. Krizhevsky, *Learning Multiple Layers
of Features from Tiny Images* (2009).
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class KnownSet:
    """What is the same in whatever form a set comes."""

    title: str
    classes: tuple[str, ...]
    """In the order of the labels."""
    shape: tuple[int, int, int]
    """Height, width, channels."""
    openml: str
    """Name at openml.org, version 1."""
    num_train: int
    """Training images of the standard split, the first ones at openml.org."""
    num_test: int = 10_000


KNOWN = {
    "cifar10": KnownSet(
        title="CIFAR-10",
        classes=(
            *("airplane", "automobile", "bird", "cat", "deer"),
            *("dog", "frog", "horse", "ship", "truck"),
        ),
        shape=(32, 32, 3),
        openml="CIFAR_10",
        num_train=50_000,
    ),
    "fashion_mnist": KnownSet(
        title="Fashion-MNIST articles of clothing",
        classes=(
            *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
            *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
        ),
        shape=(28, 28, 1),
        openml="Fashion-MNIST",
        num_train=60_000,
    ),
    "mnist": KnownSet(
        title="MNIST handwritten digits",
        classes=tuple("0123456789"),
        shape=(28, 28, 1),
        openml="mnist_784",
        num_train=60_000,
    ),
}
