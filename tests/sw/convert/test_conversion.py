"""Any trained module, from Python."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import bitrain.convert
from bitrain import golden
from bitrain.convert import convert
from bitrain.nn import ScConfig
from bitrain.spec import BitrainError, load_network, to_unipolar


class Bottleneck(nn.Module):
    """With a sum of signed maps, and images that it normalises itself or not."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.widen, self.narrow = nn.Conv2d(8, 16, 1), nn.Conv2d(16, 8, 1)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.stem(x)
        x = x + self.narrow(F.relu6(self.widen(x)))
        return self.head(F.leaky_relu(x, 0.2).mean([2, 3]))


@pytest.fixture
def model() -> Bottleneck:
    torch.manual_seed(0)
    return Bottleneck()


IMAGES = torch.rand(40, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def decibels(wanted: np.ndarray, found: np.ndarray) -> float:
    return 10 * np.log10((wanted**2).mean() / ((found - wanted) ** 2).mean())


def scores(done, images) -> np.ndarray:
    """Of the golden model, in the unit of the float network's."""
    integers = to_unipolar(images.numpy(), done.network.bits)
    return golden.predict(done.network, integers) * done.model.steps[-1].product_scale


def test_the_module_may_be_called(model, tmp_path) -> None:
    done = bitrain.convert(model, IMAGES, bits=8)  # pyright: ignore[reportCallIssue]
    wanted = model(IMAGES).detach().numpy()
    assert decibels(wanted, scores(done, IMAGES)) > 30
    assert done.network.name == "bottleneck"
    done.save(str(tmp_path / "net.npz"))
    assert load_network(tmp_path / "net.npz") == done.network
    assert [origin.operation for origin in done.origins][:3] == ["Conv2d", "Conv2d", "relu6"]


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_any_float_type(model, kind) -> None:
    """Of the module, and of the images."""
    done = convert(model.to(kind), IMAGES.to(kind), bits=8)
    wanted = model.float()(IMAGES).detach().numpy()
    assert decibels(wanted, scores(done, IMAGES)) > 28


@pytest.mark.parametrize("images", [IMAGES.numpy(), IMAGES.numpy()[::-1], IMAGES.numpy()[:1]])
def test_any_images(model, images) -> None:
    assert convert(model.train(), images, bits=4).network.in_shape == (3, 8, 8)
    assert model.training


@pytest.mark.parametrize("exact", [False, True])
def test_normalised_images(model, exact) -> None:
    mean, std = (0.4, 0.5, 0.45), (0.2, 0.25, 0.3)
    done = convert(model, IMAGES, bits=8, mean=mean, std=std, exact_borders=exact)
    centre, spread = (torch.tensor(part)[:, None, None] for part in (mean, std))
    wanted = model((IMAGES - centre) / spread).detach().numpy()
    assert decibels(wanted, scores(done, IMAGES)) > 30
    assert done.network.layers[0].padding_value.any() != exact
    assert not model._forward_pre_hooks, "the module is left alone"


def test_weights_of_a_file(model, tmp_path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"state_dict": {f"module.{k}": v for k, v in model.state_dict().items()}}, path)
    other = Bottleneck()
    done = convert(other, IMAGES, bits=4, weights=path)
    assert done.network == convert(model, IMAGES, bits=4).network


def test_options_by_themselves_and_in_a_configuration(model) -> None:
    config = ScConfig(bits=5, lanes=4)
    done = convert(model, IMAGES, config=config, length=8)
    assert (done.network.bits, done.network.num_lanes) == (5, 4)
    assert {layer.stream_length for layer in done.network.layers} == {8}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mean": 0.1}, "mean and std go together"),
        ({"mean": (0.1, 0.2), "std": 1}, "mean 0.1, 0.2: expected one number, or one for each"),
        ({"bits": 4, "length": 5}, "^bits 4, length 5: stream length 5: expected a power of two"),
        ({"bits": 1}, "^bits 1: expected at least 2$"),
        ({"bits": 11}, r"^bits 11: expected at most \d+$"),
        ({"length": 1.5}, "^length 1.5: expected a whole number$"),
        ({"weights": "nothing.pt"}, "weights 'nothing.pt': no such file"),
    ],
)
def test_options_that_do_not_suit(model, options, message) -> None:
    with pytest.raises(BitrainError, match=message):
        convert(model, IMAGES, **options)


def test_what_is_no_module() -> None:
    with pytest.raises(BitrainError, match="dict is no torch module; give the trained module"):
        convert({}, IMAGES)  # pyright: ignore[reportArgumentType]


def test_a_module_without_weights_yet() -> None:
    with pytest.raises(BitrainError, match="lazy modules have no weights yet; give their sizes"):
        convert(nn.Sequential(nn.Flatten(), nn.LazyLinear(4)), IMAGES)


def test_activations_that_were_replaced_are_told(model) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.Flatten(), nn.Linear(144, 4))
    (told,) = convert(model, IMAGES, bits=4, replace_activations=True).replaced
    assert told.startswith("SiLU (1")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES[:0], "no images to calibrate with"),
        (IMAGES * 3, "beyond|0 … 1|\\[0, 1\\]"),
        (torch.rand(5), "images of shape"),
        (list(IMAGES), "images of type list; give an array or a tensor"),
        (torch.rand(4, 8, 8, 3), "does not run on images of 8 x 8 x 3"),
    ],
)
def test_images_that_do_not_suit(model, images, message) -> None:
    with pytest.raises(BitrainError, match=message):
        convert(model, images)
