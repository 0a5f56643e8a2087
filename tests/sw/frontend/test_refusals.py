"""What is refused: in one line, by operation and place, with a way out that the user chooses."""

import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bitrain.frontend import RefusedError, read_chain
from bitrain.spec import BitrainError

IN_SHAPE = (2, 8, 8)
WAYS_OUT = re.compile(
    r"\((bitrain recast|--finetune)\)$|--replace-activations|return the scores alone|"
    r"there is nothing to compute|must read one image$|does not run on images of 2 x 8 x 8|"
    r"training=self\.training$|train"
)


class Net(nn.Module):
    """A convolution, the operation in question, and a linear layer of what that gives."""

    def __init__(self, operation, module: nn.Module | None = None):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.point = nn.Conv2d(4, 4, 1)
        self.linear = nn.Linear(8, 8)
        if module is not None:
            self.odd = module
        self.operation = operation

    def forward(self, x):
        x = F.relu(self.conv(x))
        return self.operation(self, x)


ACTIVATIONS = {
    kind: (lambda m, x: m.odd(x), kind)
    for kind in (
        *(nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish, nn.Sigmoid, nn.Tanh, nn.ELU),
        *(nn.SELU, nn.CELU, nn.Softplus, nn.Hardshrink, nn.Softshrink, nn.LogSigmoid),
    )
}


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activations(kind) -> None:
    model = Net(lambda m, x: m.point(m.odd(x)).flatten(1), kind())
    with pytest.raises(BitrainError) as refusal:
        read_chain(model, IN_SHAPE)
    assert re.fullmatch(
        rf"{kind.__name__} \(odd, test_refusals.py:\d+\): the accelerator has no such activation; "
        r"bitrain convert --replace-activations puts ReLU there, which is another function: "
        r"fine-tune it \(--finetune\)",
        str(refusal.value),
    )


@pytest.mark.parametrize(
    "gate",
    [
        lambda x: x * torch.sigmoid(x.mean(1, keepdim=True)),
        lambda x: x.mean((2, 3), keepdim=True).tanh() * x,
    ],
)
def test_gates_are_no_activations_that_relu_could_replace(gate) -> None:
    model = Net(lambda m, x: m.point(gate(x)).flatten(1))
    with pytest.raises(BitrainError, match=r"a gate, the product of two activations; recast"):
        read_chain(model, IN_SHAPE)


MODULES = {
    "LayerNorm": nn.LayerNorm([4, 8, 8]),
    "GroupNorm": nn.GroupNorm(2, 4),
    "InstanceNorm2d": nn.InstanceNorm2d(4),
    "LocalResponseNorm": nn.LocalResponseNorm(2),
    "Upsample": nn.Upsample(scale_factor=2),
    "ConvTranspose2d": nn.ConvTranspose2d(4, 4, 2, stride=2),
    "LPPool2d": nn.LPPool2d(2, 2),
    "ReflectionPad2d": nn.ReflectionPad2d(1),
    "ReplicationPad2d": nn.ReplicationPad2d(1),
    "ConstantPad2d": nn.ConstantPad2d(1, 0.5),
    "AdaptiveAvgPool2d": nn.AdaptiveAvgPool2d(3),
    "AdaptiveMaxPool2d": nn.AdaptiveMaxPool2d(5),
    "MaxPool2d": nn.MaxPool2d(2, dilation=2),
    "FractionalMaxPool2d": nn.FractionalMaxPool2d(2, output_size=4),
    "Softmax2d": nn.Softmax2d(),
    "PixelShuffle": nn.PixelShuffle(2),
    "Fold": nn.Sequential(nn.Unfold(2), nn.Linear(49, 4)),
    "BatchNorm2d": nn.BatchNorm2d(4, track_running_stats=False),
    "Bilinear": nn.Bilinear(8, 8, 2),
    "MultiheadAttention": nn.MultiheadAttention(8, 2, batch_first=True),
    "LSTM": nn.LSTM(8, 4, batch_first=True),
    "Embedding": nn.Embedding(2, 3),
    "circular": nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"),
    "reflect": nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
    "Threshold": nn.Threshold(0.1, 0.2),
    "GLU": nn.GLU(1),
    "CosineSimilarity": nn.CosineSimilarity(),
    "Conv3d": nn.Conv3d(1, 2, 3),
}


def through(name):
    def forward(m, x):
        rows = x[:, 0]
        match name:
            case "Bilinear" | "CosineSimilarity":
                return m.odd(rows, rows).flatten(1)
            case "MultiheadAttention":
                return m.odd(rows, rows, rows)[0].flatten(1)
            case "LSTM":
                return m.odd(rows)[0].flatten(1)
            case "Embedding":
                return m.odd((x > 0.5).long()).flatten(1)
            case "Conv3d":
                return m.odd(x[:, None]).flatten(1)
        found = m.odd(x)
        return (m.point(found) if found.dim() == 4 and found.shape[1] == 4 else found).flatten(1)

    return forward


@pytest.mark.parametrize("name", MODULES)
def test_modules(name) -> None:
    check(Net(through(name), MODULES[name]))


OPERATIONS = {
    "product of two": lambda m, x: m.point(x * m.point(x)).flatten(1),
    "squeeze and excite": lambda m, x: (x * x.mean((2, 3), keepdim=True)).flatten(1),
    "quotient": lambda m, x: (x / (x + 1)).flatten(1),
    "rounded quotient": lambda m, x: torch.div(x, 3, rounding_mode="floor").flatten(1),
    "dropout in use": lambda m, x: F.dropout(x, 0.5, training=True).flatten(1),
    "statistics of the batch": lambda m, x: F.batch_norm(
        x, torch.zeros(4), torch.ones(4), training=True
    ).flatten(1),
    "value of the largest score": lambda m, x: x.flatten(1).max(1)[0],
    "one over": lambda m, x: (1 / (x + 1)).flatten(1),
    "square": lambda m, x: (x**2).flatten(1),
    "root": lambda m, x: (x + 1).sqrt().flatten(1),
    "exp": lambda m, x: x.exp().flatten(1),
    "log": lambda m, x: (x + 1).log().flatten(1),
    "maximum of two": lambda m, x: torch.maximum(x, m.point(x)).flatten(1),
    "minimum of two": lambda m, x: torch.minimum(x, m.point(x)).flatten(1),
    "mean over channels": lambda m, x: x.mean(1).flatten(1),
    "maximum over channels": lambda m, x: x.amax(1).flatten(1),
    "mean over images": lambda m, x: (x - x.mean(0)).flatten(1),
    "mean of all": lambda m, x: (x + x.mean()).flatten(1),
    "softmax within": lambda m, x: m.point(x.softmax(1)).flatten(1),
    "softmax of pixels": lambda m, x: x.softmax(-1).flatten(1),
    "softmax of images": lambda m, x: m.linear(x.mean(1)[:, 0]).softmax(0),
    "argmax of rows": lambda m, x: x.argmax(2).flatten(1),
    "attention": lambda m, x: (x.flatten(2) @ x.flatten(2).transpose(1, 2)).flatten(1),
    "scaled attention": lambda m, x: F.scaled_dot_product_attention(x, x, x).flatten(1),
    "einsum": lambda m, x: torch.einsum("bchw,bdhw->bcd", x, x).flatten(1),
    "interpolate": lambda m, x: m.point(F.interpolate(x, scale_factor=2)).flatten(1),
    "bilinear": lambda m, x: F.interpolate(x, size=(4, 4), mode="bilinear").flatten(1),
    "grid": lambda m, x: F.grid_sample(x, torch.zeros(4, 2, 2, 2), align_corners=False).flatten(1),
    "where": lambda m, x: torch.where(x > 0.5, x, 0).flatten(1),
    "sign": lambda m, x: torch.sign(x).flatten(1),
    "round": lambda m, x: torch.round(x * 4).flatten(1),
    "constant map": lambda m, x: (x + torch.arange(8.0)).flatten(1),
    "constant in cat": lambda m, x: torch.cat([x, torch.ones(4, 1, 8, 8)], 1).flatten(1),
    "cat of rows": lambda m, x: torch.cat([x, m.point(x)], 2).flatten(1),
    "sum of two shapes": lambda m, x: (x + x.mean((2, 3), keepdim=True)).flatten(1),
    "cumulative": lambda m, x: x.cumsum(2).flatten(1),
    "sorted": lambda m, x: x.sort(1)[0].flatten(1),
    "top k": lambda m, x: x.flatten(1).topk(3)[0],
    "norm": lambda m, x: x / x.norm(dim=1, keepdim=True),
    "standard deviation": lambda m, x: x.std((2, 3)),
    "chance": lambda m, x: (x + torch.rand(1)).flatten(1),
    "noise": lambda m, x: (x * torch.bernoulli(torch.full((4, 4, 8, 8), 0.5))).flatten(1),
    "other images": lambda m, x: x.flip(0).flatten(1),
    "batch as channels": lambda m, x: x.reshape(1, -1).expand(4, -1),
    "two outputs": lambda m, x: (x.flatten(1), x.mean((2, 3))),
    "a dictionary": lambda m, x: {"scores": x.flatten(1), "map": x},
    "a branch on values": lambda m, x: (x if x.sum() > 0 else -x).flatten(1),
    "five dimensions": lambda m, x: F.relu(x.reshape(-1, 2, 2, 8, 8) - 1).flatten(1),
    "transposed map": lambda m, x: m.point(x.transpose(2, 3)).flatten(1),
    "mirrored map": lambda m, x: m.point(x.flip(3)).flatten(1),
    "rolled map": lambda m, x: m.point(x.roll(1, 2)).flatten(1),
    "other sizes": lambda m, x: m.linear(x.flatten(1)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(name) -> None:
    check(Net(OPERATIONS[name]))


def check(model: nn.Module) -> None:
    with pytest.raises(BitrainError) as refusal:
        read_chain(model.eval(), IN_SHAPE)
    message = str(refusal.value)
    assert "\n" not in message and WAYS_OUT.search(message), message
    assert re.search(r"test_refusals.py:\d+|images of 2 x 8 x 8|outputs|inputs", message), message


REASONS = {
    "mean of channels and pixels": (
        lambda m, x: (x - x.mean((1, 2, 3), keepdim=True)).flatten(1),
        "cannot have a mean over channels;",
    ),
    "mean of images": (
        lambda m, x: (x - x.mean(0)).flatten(1),
        "a mean over the images of a batch;",
    ),
    "mean of all": (lambda m, x: (x + x.mean()).flatten(1), "a mean over the images of a batch;"),
    "sum of all": (lambda m, x: (x + x.sum()).flatten(1), "a sum over the images of a batch;"),
    "largest of all": (lambda m, x: (x + x.max()).flatten(1), "a maximum over the images of a"),
    "larger of two": (lambda m, x: x.max(m.point(x)).flatten(1), "the larger of two activations;"),
    "batch behind": (lambda m, x: m.linear(x.transpose(0, 2)), "a batch in another dimension than"),
    "sum": (
        lambda m, x: x - x.amax((2, 3), True),
        "cannot have the sum of shapes 4 x 8 x 8 and 4 x",
    ),
    "bytes": (lambda m, x: (x * 9).byte().float().flatten(1), "cannot have values cut to uint8;"),
    "integers": (lambda m, x: x.flatten(1).int(), "cannot have values cut to int32;"),
    "einsum": (
        lambda m, x: torch.einsum("bchw,wo->bcho", x, m.linear.weight).flatten(1),
        "cannot have einsum; write it as F.linear, which computes the same",
    ),
    "einsum of two": (
        lambda m, x: torch.einsum("bchw,bdhw->bcd", x, x),
        "products of two activati",
    ),
    "numbers": (lambda m, x: x.flatten(1) * float(x.flatten()[0]), "a number of Python takes its"),
}


@pytest.mark.parametrize("name", REASONS)
def test_reasons(name) -> None:
    operation, reason = REASONS[name]
    with pytest.raises(BitrainError, match=reason):
        read_chain(Net(operation), IN_SHAPE)


@pytest.mark.parametrize("batch_first", [False, True])
def test_attention_multiplies_activations(batch_first) -> None:
    model = Net(through("MultiheadAttention"), nn.MultiheadAttention(8, 2, batch_first=batch_first))
    with pytest.raises(
        BitrainError, match=r"MultiheadAttention \(odd, .*\): it multiplies two act"
    ):
        read_chain(model, IN_SHAPE)


def test_a_branch_on_values_is_told_in_one_line(capfd) -> None:
    """By its line; torch prints the whole graph."""
    model = Net(OPERATIONS["a branch on values"])
    with pytest.raises(BitrainError) as refusal:
        read_chain(model, IN_SHAPE)
    assert re.match(
        r"Net \(test_refusals.py:\d+\): what it does on images of 2 x 8 x 8 cannot be recorded "
        r"\(an if, a loop or a number of Python takes its value from a tensor\); it must not",
        str(refusal.value),
    )
    assert capfd.readouterr() == ("", "")


def test_what_was_read_before_the_refusal() -> None:
    with pytest.raises(RefusedError) as refusal:
        read_chain(Net(OPERATIONS["exp"]), IN_SHAPE)
    told = [(origin.operation, origin.fate) for origin in refusal.value.origins]
    assert told == [("Conv2d", ""), ("relu", ""), ("exp", "refused")]


def test_there_are_sixty() -> None:
    assert len(ACTIVATIONS) + len(MODULES) + len(OPERATIONS) >= 60


def test_a_model_without_weights() -> None:
    with pytest.raises(BitrainError, match=r"^the model has no weights; there is nothing to"):
        read_chain(nn.Flatten(), IN_SHAPE)


@pytest.mark.parametrize("output", [torch.zeros(1, 3), "scores"])
def test_what_does_not_depend_on_the_image(output) -> None:
    with pytest.raises(
        BitrainError, match=r"^the model gives what does not depend on the image; re"
    ):
        read_chain(Net(lambda m, x: output), IN_SHAPE)


def under_autocast(m, x):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return m.point(x).flatten(1)


def test_autocast() -> None:
    with pytest.raises(
        BitrainError, match=r"bits \(torch.autocast\); leave it out of forward, whi"
    ):
        read_chain(Net(under_autocast), IN_SHAPE)


def test_buffers_that_change() -> None:
    def counted(m, x):
        m.count += 1
        return x.flatten(1)

    model = Net(counted)
    model.register_buffer("count", torch.zeros(1))
    with pytest.raises(
        BitrainError, match=r"changes its buffers in evaluation mode \(count\); cha"
    ):
        read_chain(model, IN_SHAPE)


def test_weights_without_values() -> None:
    with pytest.raises(BitrainError, match=r"weights have no values \(device 'meta'\); load them"):
        read_chain(nn.Sequential(nn.Conv2d(2, 3, 1, device="meta"), nn.Flatten()), IN_SHAPE)


def test_images_changed_in_place() -> None:
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(2, 2, 3)

        def forward(self, x):
            return self.conv(x.mul_(0.5)).flatten(1)

    with pytest.raises(BitrainError, match=r"^the model changes its images in place .* \(x = x"):
        read_chain(Scaled(), IN_SHAPE)


def test_two_inputs() -> None:
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(2, 2, 3)

        def forward(self, x, y):
            return self.conv(x) + y

    with pytest.raises(BitrainError, match=r"^Two does not run on images of 2 x 8 x 8"):
        read_chain(Two(), IN_SHAPE)
