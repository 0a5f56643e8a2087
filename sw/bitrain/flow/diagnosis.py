"""A network file, its data set and its float model brought together to be diagnosed."""

from pathlib import Path

from bitrain.diagnose import Case, find_reference
from bitrain.spec import BitrainError, Network
from bitrain.train.config import FineTuneConfig

from .networks import dataset_of

HELD_OUT = 500
"""Images to measure on, if the user does not say how many."""


def admit(
    network: Network,
    *,
    data: str | None = None,
    data_dir: Path | None = None,
    model: str | None = None,
    weights: str | None = None,
    images: int | None = None,
    test_images: int | None = None,
    tuning: FineTuneConfig | None = None,
) -> tuple[Case, str]:
    """Read the data set and the float model of a network; what float stands for, in words, too.

    model, weights: of the float model, if it is not the one that the network remembers. images: how
    many training images are held out. test_images: how many of the test images say what came of it;
    all by default. tuning: training that may be done.
    """
    whole = dataset_of(network, data, data_dir)
    count, available = images or min(HELD_OUT, len(whole.train_labels) // 5), len(whole.test_labels)
    if test_images and test_images > available:
        raise BitrainError(
            f"--test-images {test_images}: the test part has {available}; give at most so many"
        )
    try:
        held_out = whole.split_validation(count)
    except BitrainError as error:
        raise BitrainError(f"--images {count}: {error}") from error
    found = find_reference(network, whole, model, weights)
    case = Case(
        network=network,
        dataset=held_out,
        test=whole.examples(test_images or available),
        chain=found.chain,
        config=found.config,
        tuning=tuning,
    )
    return case, found.told
