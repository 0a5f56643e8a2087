"""Models by name."""

from itertools import groupby

import pytest
import torch
from modules import named_model
from torch import nn

from bitrain.frontend import read_chain
from bitrain.models import Block, check_scores, create_model, list_models, save_weights
from bitrain.recast.plan import Rule
from bitrain.recast.student import Student, specs_of
from bitrain.spec import BitrainError, Shape


@pytest.mark.parametrize("name", list_models())
def test_models_give_scores(name) -> None:
    """Without weights in memory: the largest has 36 million."""
    shape = Shape(3, 64, 32)
    with torch.device("meta"):
        model = create_model(name, shape, 7).eval()
    assert model(torch.empty(2, *shape, device="meta")).shape == (2, 7)


@pytest.mark.parametrize("name", list_models())
def test_models_are_blocks_that_fit(name) -> None:
    shape = Shape(3, 64, 32)
    with torch.device("meta"):
        model = named_model(name, shape, 7)
    for block in model:
        assert isinstance(block, Block)
        assert block.spec == block.spec.reading(shape)
        before, shape = shape, block.out_shape(shape)
        assert shape.channels == block.spec.out_channels
        if block.spec.kind != "linear":
            assert before.height // shape.height == block.spec.stride
    assert shape == (7, 1, 1)


def weight(model: nn.Module, path: str) -> torch.Tensor:
    """Of a convolution or a linear layer."""
    found = model.get_submodule(path).weight
    assert isinstance(found, torch.Tensor)
    return found


def kinds(model: nn.Sequential) -> list[tuple[str, int]]:
    """Kind of the blocks in order, each with how many come in a row."""
    return [
        (kind, len(list(blocks)))
        for kind, blocks in groupby(block.spec.kind for block in model if isinstance(block, Block))
    ]


@pytest.mark.parametrize(
    ("name", "wanted", "layers"),
    [
        ("lenet5", [("conv", 2), ("linear", 3)], 5),
        ("vgg8", [("conv", 3), ("linear", 2)], 8),
        ("vgg16", [("conv", 13), ("linear", 1)], 14),
        ("resnet20", [("conv", 1), ("residual", 9), ("linear", 1)], 20),
        ("resnet56", [("conv", 1), ("residual", 27), ("linear", 1)], 56),
        ("resnet83", [("conv", 1), ("bottleneck", 27), ("linear", 1)], 83),
        ("wrn28_10", [("conv", 1), ("residual", 12), ("linear", 1)], 26),
        ("resnet9", [("conv", 2), ("residual", 1), ("conv", 2), ("residual", 1), ("linear", 1)], 9),
        ("densenet100", [("conv", 1), ("dense", 4)] * 3, 100),
        ("densenet22", [("conv", 1), ("dense", 2)] * 3, 22),
    ],
)
def test_blocks_and_layers_with_weights(name, wanted, layers) -> None:
    with torch.device("meta"):
        model = named_model(name, Shape(3, 32, 32), 10)
    if wanted[-1][0] != "linear":
        wanted = [*wanted, ("linear", 1)]
    assert kinds(model) == wanted
    weighted = [part for part in model.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    assert len(weighted) == layers


@pytest.mark.parametrize(
    "name",
    ["digits_cnn", "lenet5", "vgg8", "resnet20", "resnet9", "resnet83", "vgg16", "densenet22"],
)
def test_read_as_a_chain(name) -> None:
    shape = Shape(3, 32, 32)
    steps = read_chain(create_model(name, shape, 5), shape)
    assert steps[0].name == "0.0" and steps[-1].out_shape == (5, 1, 1)


def test_weights_follow_the_seed_and_leave_the_generator_alone() -> None:
    before = torch.get_rng_state()
    first, same, other = (
        weight(create_model("digits_cnn", Shape(1, 8, 8), 10, seed=seed), "0.0")
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, same) and not torch.equal(first, other)
    assert torch.equal(before, torch.get_rng_state())


def test_unknown_model() -> None:
    with pytest.raises(BitrainError, match=r"model 'vgg' is unknown; choose one of \['dense"):
        create_model("vgg", Shape(1, 8, 8), 10)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("net.py", r"net\.py: name the function or class in it .*, as net\.py:Net$"),
        ("net.pth", r"net\.pth: holds weights or pickled objects, not the code of a model; give "),
    ],
)
def test_files_that_do_not_say_how_a_model_is_made(name, message) -> None:
    with pytest.raises(BitrainError, match=message):
        create_model(name, Shape(1, 8, 8), 10)


@pytest.mark.filterwarnings("ignore:`torch.jit.*:DeprecationWarning")
def test_torchscript(tmp_path) -> None:
    for path in (tmp_path / "net.pt", tmp_path / "net.jit"):
        torch.jit.save(torch.jit.trace(nn.Linear(8, 2), torch.rand(1, 1, 8, 8)), path)
        with pytest.raises(
            BitrainError, match=r"holds a TorchScript program .*; give file\.py:fun"
        ):
            create_model(str(path), Shape(1, 8, 8), 10)
    (tmp_path / "net.py").write_text(f"import torch\nnet = torch.jit.load({str(path)!r})\n")
    with pytest.raises(
        BitrainError, match=r"net: holds TorchScript; give the module that it was made"
    ):
        create_model(f"{tmp_path}/net.py:net", Shape(1, 8, 8), 10)


class Giving(nn.Module):
    """Ten scores, and what is made of them."""

    def __init__(self, change):
        super().__init__()
        self.head, self.change = nn.Linear(64, 10), change

    def forward(self, x):
        return self.change(self.head(x.flatten(1)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda x: (x, x),
            "gives tuple, not a tensor, for an image of 1 x 8 x 8, expected 10 score",
        ),
        (lambda x: {"logits": x}, "gives dict, not a tensor, for an image of 1 x 8 x 8"),
        (lambda x: x.argmax(1), r"gives whole numbers \(int64\), as argmax does, for an image of"),
        (lambda x: x.sum(), r"gives a tensor \(\), without the batch, for an image"),
        (lambda x: x.squeeze(), r"gives a tensor \(10,\), without the batch, for an image"),
        (
            lambda x: x[:, :, None],
            "gives 10 x 1 for an image of 1 x 8 x 8, expected 10 scores in a",
        ),
        (lambda x: x @ x, "does not fit images of 1 x 8 x 8: "),
    ],
)
def test_what_is_no_row_of_scores(change, message) -> None:
    with pytest.raises(BitrainError, match=message):
        check_scores(Giving(change), "net.py:Net", Shape(1, 8, 8), 10)


def test_images_too_small() -> None:
    with pytest.raises(BitrainError, match="images of 3 x 8 are too small for 2 poolings by two"):
        create_model("digits_cnn", Shape(1, 3, 8), 10)
    for name in set(list_models()) - {"digits_cnn"}:
        with pytest.raises(BitrainError, match="images of 3 x 8 are too small; expected at least"):
            create_model(name, Shape(1, 3, 8), 10)


def test_a_users_own_model(tmp_path) -> None:
    path = tmp_path / "own.py"
    path.write_text(
        "from torch import nn\n"
        "def make(in_shape, num_classes):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(in_shape.size, num_classes))\n"
        "def broken(in_shape, num_classes):\n"
        "    raise ArithmeticError('no\\nway')\n"
        "number = 3\n"
    )
    shape = Shape(1, 4, 4)
    assert create_model(f"{path}:make", shape, 5)(torch.rand(2, *shape)).shape == (2, 5)
    with pytest.raises(BitrainError, match=r"own.py:broken: ArithmeticError: no$"):
        create_model(f"{path}:broken", shape, 5)
    with pytest.raises(BitrainError, match=r"expected a function or class .* a torch module"):
        create_model(f"{path}:number", shape, 5)
    with pytest.raises(BitrainError, match=r"own\.py:absent: \S+own\.py defines no 'absent'$"):
        create_model(f"{path}:absent", shape, 5)
    with pytest.raises(BitrainError, match=r"nothing.py:make: no such file"):
        create_model(f"{tmp_path / 'nothing.py'}:make", shape, 5)


def test_a_program_that_ends_itself(tmp_path) -> None:
    path = tmp_path / "train.py"
    path.write_text("import sys\nsys.exit('usage')\n")
    with pytest.raises(BitrainError, match=r"train\.py ends the program .* == .__main__.:$"):
        create_model(f"{path}:Net", Shape(1, 4, 4), 5)


@pytest.mark.parametrize("name", ["Net", "plain", "by_name", "several", "NET"])
def test_a_users_own_model_of_any_form(tmp_path, monkeypatch, name) -> None:
    """In a file, and in a module that is importable from here."""
    (tmp_path / "neighbour.py").write_text("WIDTH = 5\n")
    (tmp_path / "foreign_net.py").write_text(
        "from torch import nn\n"
        "from neighbour import WIDTH\n"
        "class Net(nn.Sequential):\n"
        "    def __init__(self, size=16, num_classes=WIDTH):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(size, num_classes))\n"
        "def plain(): return Net()\n"
        "def by_name(num_classes, *, scale=1): return Net(16, num_classes)\n"
        "def several(shape, classes): return Net(shape.size, classes)\n"
        "def odd(depth): return Net()\n"
        "NET = Net()\n"
    )
    shape = Shape(1, 4, 4)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for place in (tmp_path / "foreign_net.py", "foreign_net"):
        assert create_model(f"{place}:{name}", shape, 5)(torch.rand(2, *shape)).shape == (2, 5)
        with pytest.raises(BitrainError, match=r":odd: needs depth; give a function that needs"):
            create_model(f"{place}:odd", shape, 5)
    with pytest.raises(BitrainError, match="ModuleNotFoundError"):
        create_model("no_such_package.net:Net", shape, 5)


@pytest.fixture
def student_file(tmp_path):
    """Weights of a recast model, with its blocks, and the model."""
    shape = Shape(1, 8, 8)
    student = Student(named_model("digits_cnn", shape, 10), shape)
    student.replace(1, Rule(blocks=(1,), to="bottleneck", width=0.5), 0)
    model, path = student.model().eval(), tmp_path / "student.safetensors"
    save_weights(model, path, {"blocks": [spec.model_dump() for spec in specs_of(model)]})
    return str(path), model


def test_blocks_of_a_weights_file(student_file) -> None:
    path, model = student_file
    shape, generator = Shape(1, 8, 8), torch.get_rng_state()
    found = named_model(path, shape, 10, pretrained=path).eval()
    assert torch.equal(generator, torch.get_rng_state())
    assert specs_of(found) == specs_of(model)
    assert kinds(found) == [("conv", 1), ("bottleneck", 1), ("linear", 1)]
    images = torch.rand(2, *shape)
    assert torch.equal(found(images), model(images))
    one, same, other = (
        weight(create_model(path, shape, 10, seed=seed), "2.1") for seed in (1, 1, 2)
    )
    assert torch.equal(one, same) and not torch.equal(one, other), "untrained without pretrained"


@pytest.mark.parametrize(
    ("shape", "classes", "message"),
    [
        (Shape(3, 8, 8), 10, "reads 1 channels and gives 10 classes; the data set has 3 and 10"),
        (Shape(1, 8, 8), 7, "reads 1 channels and gives 10 classes; the data set has 1 and 7"),
    ],
)
def test_blocks_for_other_data(student_file, shape, classes, message) -> None:
    path, _ = student_file
    with pytest.raises(BitrainError) as error:
        create_model(path, shape, classes)
    assert str(error.value) == f"model {path}: {message}"


@pytest.mark.parametrize("metadata", [{}, {"blocks": None}, {"blocks": [{"kind": "cnov"}]}])
def test_a_weights_file_without_blocks(tmp_path, metadata) -> None:
    path = tmp_path / "model.safetensors"
    save_weights(nn.Linear(2, 2), path, metadata)
    with pytest.raises(BitrainError, match=r"model\.safetensors: the file does not say which bloc"):
        create_model(str(path), Shape(1, 8, 8), 10)


def test_no_weights_file() -> None:
    with pytest.raises(BitrainError, match=r"weights 'nothing\.safetensors': no such file"):
        create_model("nothing.safetensors", Shape(1, 8, 8), 10)
