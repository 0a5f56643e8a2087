"""Convolutional and dense networks, each written as its own authors would write it.

None of them was made to suit the tool: they spell the same layers in many ways, as one finds them
in public repositories. Widths are reduced so that they run quickly; three topologies
(``resnet20``, ``mobilenet_v2`` and ``squeezenet1_1``) have their published depth. Inputs are
images or signals in 0..1. ``FOREIGN`` lists all of them.
"""

from collections.abc import Callable

from torch import nn

from .activations import BoundedCNN, HardtanhVGG, ReLU6Net, SphereNet, TinyDarknet
from .branches import DenseNet, GoogLeNet, RepVGG, SqueezeNet, UNetEncoderClassifier
from .dense import MLPBatchNorm, MLPDropout, MLPSkip, Predictor
from .mobile import MobileNetV1, MobileNetV2, MobileNetV3SmallReLU, ShuffleNet
from .plain import NIN, AlexNet, AllConvNet, LeNet5, Net, vgg11_bn, vgg_dropout
from .residual import (
    ResNeXt,
    WideResNet,
    preact_resnet,
    resnet18_small,
    resnet20,
    resnet26_bottleneck,
)
from .signals import DSCNN, M5, TCN, ECGNet, RadioCNN, TimeSeriesResNet
from .spellings import (
    BranchyNet,
    GlobalMaxNet,
    KerasMobileNet,
    MultiTaskNet,
    NormalizedCNN,
    ProtoNetEncoder,
    SamePaddingNet,
    SharedConvNet,
    SimpleCNNPredictor,
    maml_learner,
)

FOREIGN: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "resnet20": (resnet20, (3, 32, 32)),
    "resnet18_small": (resnet18_small, (3, 32, 32)),
    "resnet26_bottleneck": (lambda: resnet26_bottleneck(width=8), (3, 64, 64)),
    "preact_resnet": (preact_resnet, (3, 32, 32)),
    "wide_resnet": (lambda: WideResNet(10, 10, widen_factor=2, dropRate=0.3), (3, 32, 32)),
    "resnext": (lambda: ResNeXt([1, 2, 1], cardinality=8, bottleneck_width=2), (3, 32, 32)),
    "mobilenet_v1": (MobileNetV1, (3, 32, 32)),
    "mobilenet_v2": (lambda: MobileNetV2(width_mult=0.35, last_channel=320), (3, 32, 32)),
    "mobilenet_v3_small_relu": (MobileNetV3SmallReLU, (3, 32, 32)),
    "shufflenet_v1": (ShuffleNet, (3, 32, 32)),
    "vgg11_bn": (vgg11_bn, (3, 32, 32)),
    "vgg_dropout": (vgg_dropout, (3, 32, 32)),
    "alexnet_cifar": (AlexNet, (3, 32, 32)),
    "lenet5_avgpool": (LeNet5, (1, 32, 32)),
    "lenet_functional": (Net, (1, 28, 28)),
    "nin": (NIN, (3, 32, 32)),
    "all_cnn": (lambda: AllConvNet(3), (3, 32, 32)),
    "squeezenet1_1": (SqueezeNet, (3, 64, 64)),
    "googlenet_aux": (GoogLeNet, (3, 32, 32)),
    "densenet_bc": (DenseNet, (3, 32, 32)),
    "unet_encoder": (lambda: UNetEncoderClassifier(n_channels=3, n_classes=5), (3, 32, 32)),
    "repvgg_branches": (lambda: RepVGG([1, 2, 2]), (3, 32, 32)),
    "ecg_1d": (ECGNet, (1, 187)),
    "ds_cnn_kws": (DSCNN, (1, 49, 10)),
    "m5_audio": (lambda: M5(stride=4, n_channel=16, n_output=12), (1, 2048)),
    "tcn_dilated": (lambda: TCN(2, 8, [16, 16, 24], kernel_size=5), (2, 128)),
    "radio_vtcnn2": (RadioCNN, (2, 128)),
    "timeseries_resnet": (TimeSeriesResNet, (2, 128)),
    "mlp_batchnorm": (MLPBatchNorm, (64,)),
    "mlp_dropout": (MLPDropout, (1, 28, 28)),
    "mlp_dropout_argmax": (lambda: Predictor(MLPDropout()), (1, 28, 28)),
    "mlp_skip": (MLPSkip, (64,)),
    "darknet_leaky": (TinyDarknet, (3, 32, 32)),
    "sphereface_prelu": (SphereNet, (3, 32, 32)),
    "hardtanh_vgg": (HardtanhVGG, (3, 32, 32)),
    "bounded_cnn": (BoundedCNN, (1, 28, 28)),
    "relu6_net": (ReLU6Net, (1, 28, 28)),
    "keras_mobilenet": (KerasMobileNet, (3, 32, 32)),
    "same_padding": (SamePaddingNet, (1, 28, 28)),
    "global_max_tagger": (GlobalMaxNet, (1, 48, 48)),
    "shared_conv": (SharedConvNet, (1, 28, 28)),
    "normalized_input": (NormalizedCNN, (3, 32, 32)),
    "maml_learner": (maml_learner, (3, 32, 32)),
    "multi_task": (MultiTaskNet, (1, 28, 28)),
    "protonet_encoder": (ProtoNetEncoder, (1, 28, 28)),
    "branchy_weight_norm": (BranchyNet, (3, 32, 32)),
    "simple_cnn_argmax": (SimpleCNNPredictor, (1, 28, 28)),
}
