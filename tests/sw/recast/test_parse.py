"""Trained models of other makes, taken apart into blocks that compute the same."""

import copy

import pytest
import torch
from foreign_models import BasicBlock, Bottleneck, Dense, OptionA, ResNet, conv_bn
from modules import draw_statistics, part
from torch import nn
from torch.nn import functional as F

from bitrain.models import Block, BlockSpec, Concatenate, Residual, Subsample, create_model
from bitrain.recast.parse import parse_blocks
from bitrain.spec import BitrainError, Shape

IN_SHAPE = Shape(3, 16, 16)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def trained(model: nn.Module) -> nn.Module:
    """With statistics of batch norm as training leaves them."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            draw_statistics(module)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    return model


def parse(model: nn.Module, shape: Shape = IN_SHAPE) -> list[Block]:
    """The blocks, which compute the same; the model is as it was."""
    before = copy.deepcopy(trained(model).train().state_dict())
    generator = torch.get_rng_state()
    network = copy.deepcopy(parse_blocks(model, shape))
    assert torch.equal(torch.get_rng_state(), generator)
    assert type(network) is nn.Sequential and all(type(block) is Block for block in network)
    assert all(module.training for module in (*model.modules(), *network.modules()))
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    own = {id(tensor) for tensor in (*model.parameters(), *model.buffers())}
    assert own.isdisjoint(id(tensor) for tensor in (*network.parameters(), *network.buffers()))
    images = torch.rand(2, *shape)
    with torch.no_grad():
        expected, found = model.eval()(images.clone()), network.eval()(images)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    blocks = [block for block in network if isinstance(block, Block)]
    for block in blocks:
        assert all(parameter.requires_grad for parameter in block.parameters())
        channels = shape.channels * (shape[1] * shape[2] if block.spec.area > 1 else 1)
        assert block.spec.in_channels * block.spec.area == channels
        shape = block.out_shape(shape)
        assert block.spec.out_channels == shape.channels
    return blocks


def is_built(block: Block) -> bool:
    """Whether it is as its description has it, module by module."""
    return str(Block(block.spec)) == str(block)


def kinds(blocks: list[Block]) -> list[str]:
    return [block.spec.kind for block in blocks]


def head(channels):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 5)]


# --- chains of modules -------------------------------------------------------------------------


def test_a_network_of_blocks_is_copied():
    network = nn.Sequential(
        Block(BlockSpec(kind="dense", in_channels=3, out_channels=8)),
        Block(BlockSpec(kind="linear", in_channels=8, out_channels=5, average=True)),
    )
    blocks = parse(network)
    assert [block.spec for block in blocks] == [block.spec for block in network]


@pytest.mark.parametrize("name", ["lenet5", "vgg8", "resnet20", "digits_cnn"])
def test_models_of_the_zoo(name):
    blocks = parse(create_model(name, IN_SHAPE, 5))
    assert kinds(blocks)[0] == "conv" and kinds(blocks)[-1] == "linear"
    assert not blocks[-1].spec.relu and "other" not in kinds(blocks)
    assert all(map(is_built, blocks))


def test_flat_lenet():
    blocks = parse(
        nn.Sequential(
            *(*conv_bn(3, 6, 5, padding=0), nn.ReLU(), nn.MaxPool2d(2)),
            *(*conv_bn(6, 8, 3), nn.MaxPool2d(2), nn.ReLU()),
            *(*conv_bn(8, 4, 2, 1, padding=0), nn.ReLU(), nn.AvgPool2d(2, 2)),
            *(nn.Dropout(0.2), nn.Flatten(), nn.Linear(4, 9), nn.ReLU()),
            *(nn.Dropout(0.5), nn.Linear(9, 5)),
        )
    )
    assert [block.spec for block in blocks] == [
        BlockSpec(
            kind="conv",
            in_channels=3,
            out_channels=6,
            stride=2,
            downsample="max",
            kernel=5,
            padding=0,
        ),
        BlockSpec(kind="conv", in_channels=6, out_channels=8, stride=2, downsample="max"),
        BlockSpec(kind="conv", in_channels=8, out_channels=4, kernel=2, padding=0),
        # The mean of a map of 2 x 2.
        BlockSpec(kind="linear", in_channels=4, out_channels=9, average=True, dropout=0.2),
        BlockSpec(kind="linear", in_channels=9, out_channels=5, relu=False, dropout=0.5),
    ]
    assert all(map(is_built, blocks))


@pytest.mark.parametrize(
    "modules",
    [
        [nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()],
        [*conv_bn(3, 4, (3, 1), padding=(1, 0)), nn.ReLU()],
        [*conv_bn(3, 4), nn.ReLU(), nn.MaxPool2d(3, 1, 1)],
        [*conv_bn(3, 4), nn.Dropout(0.1), nn.ReLU()],
        [*conv_bn(3, 4)],
        [nn.BatchNorm2d(3), *conv_bn(3, 4), nn.ReLU()],
    ],
    ids=["bias", "window", "pool", "dropout", "no ReLU", "norm first"],
)
def test_what_no_description_has_is_kept_as_it_is(modules):
    (first, last) = parse(nn.Sequential(*modules, *head(4)))
    assert first.spec == BlockSpec(kind="conv", in_channels=3, out_channels=4)
    assert str(list(first)) == str(modules) and not is_built(first)
    assert last.spec.kind == "linear" and last.spec.average


def test_dead_batch_norm_hides_no_missing_relu():
    modules = conv_bn(3, 4)
    model = nn.Sequential(*modules, *head(4))
    nn.init.zeros_(modules[1].weight)
    assert not is_built(part(parse_blocks(model, IN_SHAPE), "0", Block))


def test_other_settings_of_batch_norm_go_along():
    conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)
    norm = nn.BatchNorm2d(4, eps=1e-2, momentum=0.3)
    first, _ = parse(nn.Sequential(conv, norm, nn.ReLU(inplace=True), *head(4)))
    assert (first[1].eps, first[1].momentum) == (1e-2, 0.3) and not first[2].inplace


@pytest.mark.parametrize("bias", [False, True])
def test_flat_resnet(bias):
    plain = nn.Sequential(*conv_bn(4, 6), nn.ReLU(), *conv_bn(6, 4, bias=bias))
    wider = nn.Sequential(*conv_bn(4, 8, 3, 2), nn.ReLU(), *conv_bn(8, 8, bias=bias))
    residuals = [Residual(plain), nn.MaxPool2d(2), Residual(wider, Subsample(4, 8, 2))]
    blocks = parse(nn.Sequential(*conv_bn(3, 4), nn.ReLU(), *residuals, *head(8)))
    assert [block.spec for block in blocks[1:3]] == [
        BlockSpec(
            kind="residual",
            in_channels=4,
            out_channels=4,
            middle=6,
            stride=2,
            downsample="max",
        ),
        BlockSpec(kind="residual", in_channels=4, out_channels=8, stride=2),
    ]
    assert [is_built(block) for block in blocks] == [True, not bias, not bias, True]
    # What is kept can still be read by others.
    assert isinstance(blocks[2][0].shortcut, Subsample) and len(blocks[1]) == 2


# --- models with a forward of their own --------------------------------------------------------


@pytest.mark.parametrize(("block", "kind"), [(BasicBlock, "residual"), (Bottleneck, "bottleneck")])
def test_resnet(block, kind):
    blocks = parse(ResNet(block), Shape(3, 64, 48))
    assert kinds(blocks) == ["conv", *[kind] * 8, "linear"]
    stem, *middle, last = (block.spec for block in blocks)
    assert (stem.stride, stem.kernel, stem.padding, stem.downsample) == (4, 7, None, "max")
    widths = [4 * block.out, 6 * block.out, 8 * block.out, 10 * block.out]
    assert [spec.out_channels for spec in middle] == [width for width in widths for _ in (0, 1)]
    assert [spec.stride for spec in middle] == [1, 1, 2, 1, 2, 1, 2, 1]
    if block is Bottleneck:
        assert [spec.middle for spec in middle] == [4, 4, 6, 6, 8, 8, 10, 10]
    assert last.average and not last.relu
    assert is_built(blocks[2]) and not is_built(blocks[3])
    assert type(blocks[3][0]) is Residual and len(part(blocks[3], "0.shortcut", nn.Sequential)) == 2


def test_shortcut_without_weights_written_with_slices():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = conv_bn(3, 4)
            self.blocks = nn.Sequential(OptionA(4, 4), OptionA(4, 8, 2))
            self.fc = nn.Linear(8, 5)

        def forward(self, x):
            batch = x.size(0)
            out = self.blocks(torch.relu(self.norm(self.conv(x))))
            out = F.avg_pool2d(out, out.size()[3])
            return self.fc(out.view(batch, -1))

    net = Net()
    net.blocks[1].downsample = nn.Identity()  # unused weights would be no part of a block
    blocks = parse(net)
    assert [block.spec for block in blocks] == [
        BlockSpec(kind="conv", in_channels=3, out_channels=4),
        BlockSpec(kind="residual", in_channels=4, out_channels=4),
        BlockSpec(kind="residual", in_channels=4, out_channels=8, stride=2),
        BlockSpec(kind="linear", in_channels=8, out_channels=5, average=True, relu=False),
    ]
    assert all(map(is_built, blocks))


def test_vgg():
    class Vgg(nn.Module):
        def __init__(self):
            super().__init__()
            first = [nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(True)]
            second = [nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(2, 2)]
            self.features = nn.Sequential(*first, *second)
            self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
            self.classifier = nn.Sequential(
                *(nn.Linear(6, 9), nn.ReLU(True), nn.Dropout()),
                *(nn.Linear(9, 8), nn.ReLU(True), nn.Dropout(), nn.Linear(8, 5)),
            )

        def forward(self, x):
            x = torch.flatten(self.avgpool(self.features(x)), 1)
            return self.classifier(x)

    blocks = parse(Vgg())
    assert kinds(blocks) == ["conv", "conv", "linear", "linear", "linear"]
    assert [block.spec.stride for block in blocks] == [1, 2, 1, 1, 1]
    assert [block.spec.dropout for block in blocks[2:]] == [0, 0.5, 0.5]
    assert [is_built(block) for block in blocks] == [False, False, True, True, True]


def test_average_pooling_to_the_size_of_the_map_does_nothing():
    pool = nn.AdaptiveAvgPool2d((8, 8))
    modules = [*conv_bn(3, 4, stride=2), nn.ReLU(), pool, nn.Flatten(), nn.Linear(256, 5)]
    _, last = parse(nn.Sequential(*modules))
    assert last.spec.area == 64 and not last.spec.average and is_built(last)


def test_mobilenet():
    class Separable(nn.Module):
        def __init__(self, channels, filters, stride):
            super().__init__()
            self.conv1, self.bn1 = conv_bn(channels, channels, 3, stride, groups=channels)
            self.conv2, self.bn2 = conv_bn(channels, filters, 1)

        def forward(self, x):
            return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(*conv_bn(3, 4))
            self.layers = nn.Sequential(Separable(4, 6, 1), Separable(6, 8, 2))
            self.fc = nn.Linear(8, 5)

        def forward(self, x):
            x = self.layers(F.relu(self.stem(x), inplace=True))
            return self.fc(F.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1))

    blocks = parse(Net())
    assert kinds(blocks)[:3] == ["conv", "separable", "separable"]
    assert [block.spec.stride for block in blocks[:3]] == [1, 1, 2]
    assert [block.spec.out_channels for block in blocks] == [4, 6, 8, 5]
    assert all(map(is_built, blocks[:3]))


@pytest.mark.parametrize("before", [False, True])
def test_densenet(before):
    blocks = parse(Dense(before))
    assert kinds(blocks) == ["conv", "dense", "dense", "conv", "linear"]
    assert [block.spec.out_channels for block in blocks] == [4, 6, 8, 6, 5]
    assert [block.spec.stride for block in blocks] == [1, 1, 1, 2, 1]
    assert (blocks[3].spec.kernel, blocks[3].spec.downsample) == (1, "max")
    assert [is_built(block) for block in blocks] == [True, not before, not before, True, True]
    assert type(blocks[1][0]) is Concatenate


def test_residual_with_batch_norm_first():
    """K. He et al., arXiv:1603.05027; the shortcut with weights reads what is normalised."""

    class First(nn.Module):
        def __init__(self, channels, filters, stride):
            super().__init__()
            self.norm = nn.BatchNorm2d(channels)
            self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
            self.rest = nn.Sequential(nn.BatchNorm2d(filters), nn.ReLU(inplace=True))
            self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
            if stride > 1:
                self.shortcut = nn.Conv2d(channels, filters, 1, stride, bias=False)

        def forward(self, x):
            out = F.relu(self.norm(x))
            shortcut = self.shortcut(out) if hasattr(self, "shortcut") else x
            out = self.conv1(out)
            out = self.conv2(F.dropout(self.rest(out), p=0.3, training=self.training))
            out += shortcut
            return out

    layers = [nn.Conv2d(3, 4, 3), First(4, 4, 1), First(4, 6, 2), nn.BatchNorm2d(6), nn.ReLU()]
    blocks = parse(nn.Sequential(*layers, *head(6)))
    assert kinds(blocks) == ["conv", "residual", "residual", "linear"]
    assert [block.spec.stride for block in blocks] == [1, 1, 2, 1]
    dropout = [module for module in blocks[1].modules() if isinstance(module, nn.Dropout)]
    assert [module.p for module in dropout] == [0.3]


def test_residual_without_a_relu_of_its_own():
    """MobileNetV2's; with scales of zero it looks as if a ReLU did nothing."""

    class Inverted(nn.Module):
        def __init__(self):
            super().__init__()
            wide = [*conv_bn(4, 8, 1), nn.ReLU(), *conv_bn(8, 8, groups=8), nn.ReLU()]
            self.body = nn.Sequential(*wide, *conv_bn(8, 4, 1))

        def forward(self, x):
            return x + self.body(x)

    blocks = parse(nn.Sequential(*conv_bn(3, 4), nn.ReLU(), Inverted(), Inverted(), *head(4)))
    assert kinds(blocks) == ["conv", "other", "other", "linear"]


def test_paths_of_another_make():
    class Shuffle(nn.Module):
        """N. Ma et al., arXiv:1807.11164: half of the channels take another way."""

        def __init__(self):
            super().__init__()
            self.branch = nn.Sequential(*conv_bn(2, 2), nn.ReLU())

        def forward(self, x):
            one, two = x.chunk(2, 1)
            x = torch.cat((one, self.branch(two)), 1)
            batch, channels, rows, columns = x.size()
            x = x.view(batch, 2, channels // 2, rows, columns)
            return torch.transpose(x, 1, 2).reshape(batch, -1, rows, columns)

    class Inception(nn.Module):
        def __init__(self):
            super().__init__()
            self.branches = nn.ModuleList([nn.Conv2d(4, 3, 1), nn.Conv2d(4, 3, 3, 1, 1)])

        def forward(self, x):
            return F.relu(torch.cat([branch(x) for branch in self.branches], 1))

    blocks = parse(nn.Sequential(*conv_bn(3, 4), nn.ReLU(), Shuffle(), Inception(), *head(6)))
    assert kinds(blocks) == ["conv", "other", "other", "linear"]


def test_linear_layer_of_a_pooled_image():
    (only,) = parse(nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(48, 5)))
    assert only.spec == BlockSpec(kind="other", in_channels=3, out_channels=5)


@pytest.mark.parametrize("function", [False, True])
def test_another_activation(function):
    class Silu(nn.Module):
        def forward(self, x):
            return F.silu(x) if function else x * torch.sigmoid(x)

    models = [nn.SiLU(inplace=True), Silu()]
    first, second, _ = parse(
        nn.Sequential(*conv_bn(3, 4, stride=2), models[0], *conv_bn(4, 6), models[1], *head(6))
    )
    assert first.spec == BlockSpec(kind="other", in_channels=3, out_channels=4, stride=2)
    assert second.spec == BlockSpec(kind="other", in_channels=4, out_channels=6)


# --- what cannot be taken apart ----------------------------------------------------------------


class Wrapped(nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.compute = forward

    def forward(self, x):
        return self.compute(self, x)


class TwoInputs(nn.Module):
    def forward(self, x, other):
        return x + other


def changed(self, x):
    x = self.conv(x)
    return F.relu(x, inplace=True) + x


def unused(self, x):
    x = self.conv(x)
    x.mul_(2)
    return x


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            nn.Sequential(nn.ReLU(), Wrapped(lambda self, x: x if x.sum() > 0 else self.conv(x))),
            r"1: Wrapped cannot be taken apart: .*control flow; its forward must",
        ),
        (TwoInputs(), "TwoInputs cannot be taken apart: .*missing 1 required .* must read one"),
        (Wrapped(lambda self, x: (x, self.conv(x))), "Wrapped gives several outputs; return"),
        (BasicBlock(3, 3), "conv1: the model is a single block that cannot be cut; there must"),
        (nn.Sequential(nn.ReLU()), "no Conv2d or Linear; there is nothing to recast"),
        (
            nn.Sequential(
                nn.Flatten(), nn.Linear(768, 48), nn.Unflatten(1, (3, 4, 4)), nn.Conv2d(3, 4, 3)
            ),
            "3: follows a Linear but is none; linear layers must come last",
        ),
        (nn.Sequential(nn.Conv2d(5, 4, 3)), "the model does not fit images of 3 x 16 x 16: "),
        (
            Wrapped(lambda self, x: self.conv(x + torch.rand(1).item())),
            "Wrapped: its operations, one after the other, do not give what the model gives",
        ),
        (Wrapped(unused), "Wrapped: its operations, .* a method that works in place gives"),
        (Wrapped(changed), "relu: changes in place what is read again; use inplace=False"),
    ],
)
def test_errors_name_the_module(model, message):
    with pytest.raises(BitrainError, match=message):
        parse_blocks(model, IN_SHAPE)
