"""Models as others write them, from the module to the simulated accelerator."""

import numpy as np
import pytest
from zoo.settled import settled

import bitrain.convert
from bitrain.accelerator import compile_network
from bitrain.cosim import simulate, write_testbench
from bitrain.gen.ip.package import generate_ip
from bitrain.nn import ScConfig
from bitrain.program import AcceleratorConfig, Array
from bitrain.spec import to_unipolar

MODELS = {
    "mlp_skip": "sums in linear layers",
    "mlp_batchnorm": "batch norm of vectors",
    "ecg_1d": "one-dimensional convolutions and pools",
    "tcn_dilated": "dilation, sums of two activations",
    "keras_mobilenet": "uneven padding, depthwise",
    "shufflenet_v1": "groups, channel shuffle, concatenation with a pool",
    "resnet18_small": "projections beside convolutions",
    "squeezenet1_1": "concatenation, ceil-mode pooling",
    "bounded_cnn": "saturation on both sides",
    "relu6_net": "saturation",
    "darknet_leaky": "two channels for each, of LeakyReLU",
    "sphereface_prelu": "two channels for each, of PReLU",
    "googlenet_aux": "branches, padded pooling",
    "normalized_input": "padding values of normalised images",
    "mobilenet_v3_small_relu": "linear bottlenecks: offsets",
    "radio_vtcnn2": "zero padding of its own, softmax",
}
"""And the rewrites that each is there for."""


@pytest.mark.slow
@pytest.mark.tools
@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("name", MODELS)
def test_generated_and_simulated(tmp_path, name) -> None:
    """Without a mismatch, in every stored value."""
    model, images = settled(name)
    done = bitrain.convert.convert(
        model, images[:8], config=ScConfig(bits=4, lanes=8, calibration_images=8), name=name
    )
    network = done.network
    options = AcceleratorConfig(array=Array(channels=8, positions=4, lanes=16))
    engines = compile_network(network, options)
    tested = to_unipolar(images[8:9].reshape(1, *network.in_shape).numpy(), network.bits)
    generate_ip(
        engines,
        tmp_path / "ip",
        name=name,
        testbench=lambda ip: write_testbench(ip, engines, np.asarray(tested), top=name),
    )
    report = simulate(tmp_path / "ip")
    assert report.passed, report.problems
    stored = sum(layer.out_shape.size for layer in network.layers)
    assert report.values_compared > stored
