"""Programs that torch.export wrote, as models."""

import numpy as np
import pytest
import torch
from torch import nn

from bitrain.frontend import read_chain
from bitrain.models import create_model, load_weights, normalise_inputs
from bitrain.spec import BitrainError, Shape

SHAPE = Shape(1, 6, 6)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU6(), nn.Flatten(), nn.Linear(48, 4)
    ).eval()


@pytest.fixture(params=[1, 3, None])
def program(request, tmp_path):
    """Written for so many images at once, or for any number."""
    batch = request.param
    images = torch.rand(batch or 2, *SHAPE)
    sizes = None if batch else ({0: torch.export.Dim("batch")},)
    exported = torch.export.export(network(), (images,), dynamic_shapes=sizes, strict=False)
    path = tmp_path / "net.pt2"
    torch.export.save(exported, path)
    return str(path)


def test_a_program_holds_its_weights(program) -> None:
    with pytest.raises(BitrainError, match="a program holds its weights; leave them out"):
        load_weights(create_model(program, SHAPE, 4), "digits.safetensors")


def test_a_program_is_a_model(program) -> None:
    model, images = create_model(program, SHAPE, 4), torch.rand(5, *SHAPE)
    torch.testing.assert_close(model(images), network()(images).detach())


@pytest.mark.parametrize("normalised", [False, True])
def test_a_program_is_read_as_a_chain(program, normalised) -> None:
    model, plain = create_model(program, SHAPE, 4), network()
    if normalised:
        for each in (model, plain):
            normalise_inputs(each, 0.2, 0.5, SHAPE)
    chain = read_chain(model, SHAPE)
    for ours, theirs in zip(chain, read_chain(plain, SHAPE), strict=True):
        torch.testing.assert_close(ours.weight, theirs.weight)
        torch.testing.assert_close(ours.bias, theirs.bias)
    assert [step.ceiling for step in chain] == [6.0, None]


def test_what_is_no_program(tmp_path, capfd) -> None:
    path = tmp_path / "net.pt2"
    with pytest.raises(BitrainError, match=r"net.pt2: no such file"):
        create_model(str(path), SHAPE, 4)
    path.write_bytes(b"nothing")
    others = tmp_path / "weights.pt2", tmp_path / "images.pt2"
    torch.save(network().state_dict(), others[0])
    with others[1].open("wb") as file:
        np.savez(file, images=np.zeros(3))
    for each in (path, *others):
        with pytest.raises(
            BitrainError, match=r"not a program that torch\.export\.save of torch \d"
        ):
            create_model(str(each), SHAPE, 4)
    assert capfd.readouterr() == ("", ""), "torch logs its traceback"


def test_a_program_for_other_images(program) -> None:
    message = r"images of 1 x 8 x 8: ValueError: the program was exported for images of 1 x 6 x 6$"
    with pytest.raises(BitrainError, match=message):
        read_chain(create_model(program, SHAPE, 4), (1, 8, 8))


class Trained(nn.Module):
    """What differs in training, by itself."""

    def __init__(self, odd: nn.Module):
        super().__init__()
        self.conv, self.odd, self.head = nn.Conv2d(1, 3, 3), odd, nn.Linear(48, 4)

    def forward(self, x):
        return self.head(self.odd(self.conv(x)).flatten(1))


@pytest.mark.filterwarnings("ignore:.isinstance.treespec:FutureWarning")
@pytest.mark.parametrize("is_decomposed", [False, True])
@pytest.mark.parametrize("kind", [nn.Dropout, nn.BatchNorm2d, nn.RReLU])
def test_a_program_of_training_mode(tmp_path, kind, is_decomposed) -> None:
    odd = kind(3) if kind is nn.BatchNorm2d else kind()
    exported = torch.export.export(Trained(odd).train(), (torch.rand(2, *SHAPE),), strict=False)
    if is_decomposed:
        exported = exported.run_decompositions()
    path = tmp_path / "net.pt2"
    torch.export.save(exported, path)
    with pytest.raises(BitrainError, match=r"net\.pt2: exported in training mode \(.*eval\(\)$"):
        create_model(str(path), SHAPE, 4)


def test_a_program_of_batch_statistics(tmp_path) -> None:
    """Which are taken in evaluation mode too; the place is not one of torch's or of ours."""
    odd, path = nn.BatchNorm2d(3, track_running_stats=False), tmp_path / "net.pt2"
    images = torch.rand(2, *SHAPE)
    torch.export.save(torch.export.export(Trained(odd).eval(), (images,), strict=False), path)
    with pytest.raises(BitrainError, match=r"^batch_norm: the accelerator cannot have statistics"):
        read_chain(create_model(str(path), SHAPE, 4), SHAPE)
