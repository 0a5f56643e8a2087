"""Models as others write them: each is read, and its chain gives what it gives."""

import pytest
import torch
from onnx_graphs import export, runtime_scores
from torch import Tensor
from zoo.foreign import FOREIGN
from zoo.settled import settled

from bitrain.frontend import Reading, canonical, read_model
from bitrain.frontend.float_layer import walk
from bitrain.models.onnx import load_onnx

NOT_EXPORTED, OF_TWO = {"global_max_tagger", "darknet_leaky"}, {"shufflenet_v1"}
"""What torch's older exporter refuses, and where it writes the size of the batch into the graph."""
QUICK = {"lenet_functional", "radio_vtcnn2", "mlp_skip", "relu6_net", "sphereface_prelu", "ecg_1d"}


NAMES = [
    pytest.param(name, marks=() if name in QUICK else (pytest.mark.slow,))
    for name in sorted(FOREIGN)
]


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("name", NAMES)
def test_the_same_scores(name) -> None:
    """Within 1e-4 of the largest, on images that it was not read with, and the same classes."""
    model, images = settled(name)
    with torch.no_grad():
        _compare(read_model(model, images.shape[1:], images[:8]), images[8:], model(images[8:]))


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(
    ("name", "dynamo"),
    [
        pytest.param(name, dynamo, marks=() if name in QUICK else (pytest.mark.slow,))
        for name in sorted(FOREIGN)
        for dynamo in (False, True)
        if dynamo or name not in NOT_EXPORTED
    ],
)
def test_the_same_scores_of_an_onnx_file(name, dynamo, tmp_path) -> None:
    """What onnxruntime gives for the file that either of torch's exporters writes."""
    model, images = settled(name)
    path = export(model, images[:2], tmp_path / f"{name}.onnx", dynamo=dynamo)
    shape = canonical(tuple(images.shape[1:]))
    assert shape is not None
    maps = images.reshape(-1, *shape)
    reading = read_model(load_onnx(path, shape), shape, maps[:8])
    size = 2 if name in OF_TWO and not dynamo else 8
    wanted = torch.cat([runtime_scores(path, part.numpy()) for part in images[8:].split(size)])
    _compare(reading, maps[8:], wanted)


def _compare(reading: Reading, unseen: Tensor, wanted: Tensor) -> None:
    """Scores of the chain with those of the model."""
    chain = reading.chain
    maps = unseen.reshape(-1, *reading.in_shape)
    with torch.no_grad():
        scores = walk(chain, maps, lambda index, x, added: chain[index].forward(x, added))[-1]
    scores = scores.flatten(1)
    if not wanted.is_floating_point():
        assert torch.equal(scores.argmax(1), wanted.flatten())
        return
    left_out = {
        origin.operation.replace("_", "").lower()
        for origin in reading.origins
        if origin.fate.startswith("left out")
    }
    for kind, function in (("logsoftmax", torch.log_softmax), ("softmax", torch.softmax)):
        if kind in left_out:
            scores = function(scores, 1)
    if "sigmoid" in left_out:
        scores = scores.sigmoid()
    difference = (scores - wanted.flatten(1)).abs().max()
    assert difference <= 1e-4 * max(1.0, float(wanted.abs().max()))
