"""Models as others write them: each is read, and its chain gives what it gives."""

import pytest
import torch
from zoo.foreign import FOREIGN
from zoo.settled import settled

from bitrain.frontend import read_model
from bitrain.frontend.float_layer import walk

QUICK = {"lenet_functional", "radio_vtcnn2", "mlp_skip", "relu6_net", "sphereface_prelu", "ecg_1d"}


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK else (pytest.mark.slow,))
        for name in sorted(FOREIGN)
    ],
)
def test_the_same_scores(name) -> None:
    """Within 1e-4 of the largest, on images that it was not read with, and the same classes."""
    model, images = settled(name)
    reading = read_model(model, images.shape[1:], images[:8])
    chain, unseen = reading.chain, images[8:]
    with torch.no_grad():
        wanted = model(unseen)
        maps = unseen.reshape(-1, *reading.in_shape)
        scores = walk(chain, maps, lambda index, x, added: chain[index].forward(x, added))[-1]
    scores = scores.flatten(1)
    if not wanted.is_floating_point():
        assert torch.equal(scores.argmax(1), wanted.flatten())
        return
    kinds = {origin.operation: origin.fate for origin in reading.origins}
    for kind, function in (("log_softmax", torch.log_softmax), ("softmax", torch.softmax)):
        if kinds.get(kind, kinds.get(kind.title().replace("_S", "S"), "")).startswith("left out"):
            scores = function(scores, 1)
    if any(fate.startswith("left out") for kind, fate in kinds.items() if "igmoid" in kind):
        scores = scores.sigmoid()
    difference = (scores - wanted.flatten(1)).abs().max()
    assert difference <= 1e-4 * max(1.0, float(wanted.abs().max()))
