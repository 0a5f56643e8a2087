"""Training in bfloat16 against float32."""

import pytest
import torch

from bitrain.models import create_model
from bitrain.train.config import TrainConfig
from bitrain.train.loop import fit

IMAGES = 256


@pytest.mark.parametrize("model", ["vgg8", "resnet20", "densenet22"])
def test_precision(benchmark, record, clock, random_images, model):
    dataset = random_images(IMAGES)
    network = create_model(model, dataset.in_shape, dataset.num_classes)
    config = TrainConfig(epochs=1, batch_size=128, learning_rate=1e-4)
    lower = config.model_copy(update={"precision": "bfloat16"})
    full = clock.seconds(lambda: fit(network, dataset, config))
    benchmark(fit, network, dataset, lower)
    less = clock.seconds(lambda: fit(network, dataset, lower))
    record(
        "Training on one thread",
        model=model,
        processor=torch.backends.cpu.get_cpu_capability(),
        **{"float32, images/s": IMAGES / full, "bfloat16, images/s": IMAGES / less},
        **{"as fast": full / less},
    )
