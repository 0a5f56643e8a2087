"""Models before they are trained: what is refused, and what makes another one."""

from pathlib import Path
from typing import Any

import pytest

from bitrain.flow.config import RunConfig
from bitrain.flow.learning import check_model, describe_model
from bitrain.flow.run import Run
from bitrain.runner.workspace import Workspace
from bitrain.spec import BitrainError, file_digest

OWN = """\
from torch import nn
def make(in_shape, num_classes):
    return nn.Sequential(
        nn.Conv2d(1, 2, 3), {activation}, nn.Flatten(), nn.Linear(72, {scores}))
"""


@pytest.fixture
def run(digits, tmp_path):
    def make(**options: Any) -> Run:
        config = RunConfig.model_validate({"name": "tiny", **options})
        return Run(config, Workspace(tmp_path / "out"), digits)

    return make


@pytest.fixture
def own(tmp_path):
    """The name of a model in a file of its own."""

    def make(activation: str = "nn.ReLU()", scores: str = "num_classes") -> str:
        path = tmp_path / "own.py"
        path.write_text(OWN.format(activation=activation, scores=scores))
        return f"{path}:make"

    return make


def test_models_that_run(run, own):
    check_model(run())
    check_model(run(model=own()))


def test_what_the_accelerator_cannot_run_may_be_asked_for_without_it(run, own):
    asked = run(model=own("nn.GELU()"))
    with pytest.raises(BitrainError, match=r"^GELU \(1\): the accelerator has no such activation"):
        check_model(asked)
    check_model(asked, accelerated=False)


def test_as_many_scores_as_classes(run, own):
    with pytest.raises(BitrainError, match="gives 7 for an image of 1 x 8 x 8, expected 10 scores"):
        check_model(run(model=own(scores="7")))


def test_a_model_is_its_weights_and_its_file(run, own):
    name = own()
    path = Path(name.rpartition(":")[0])
    first, again = describe_model(run(model=name)), describe_model(run(model=name))
    assert first == again and first[1:] == [file_digest(path)]
    other = describe_model(run(model=name, train={"seed": 1}))
    assert other[0] != first[0] and other[1:] == first[1:]
    path.write_text(path.read_text() + "# changed\n")
    changed = describe_model(run(model=name))
    assert changed[0] == first[0] and changed[1] != first[1]


def test_pretrained_weights_are_part_of_it(run, tmp_path, trained):
    from bitrain.models import save_weights

    path = tmp_path / "model.safetensors"
    save_weights(trained, path, {})
    plain, pretrained = describe_model(run()), describe_model(run(pretrained=str(path)))
    assert plain != pretrained and len(plain) == len(pretrained) == 1


def test_code_that_a_model_imports_is_part_of_it(run, tmp_path, monkeypatch):
    """A class of another file than the model's own, which is neither torch's nor ours."""
    (tmp_path / "layers_of_mine.py").write_text(
        "from torch import nn\nclass Same(nn.Identity):\n    pass\n"
    )
    (tmp_path / "own.py").write_text(
        "from torch import nn\nfrom layers_of_mine import Same\n"
        "def make(in_shape, num_classes):\n"
        "    return nn.Sequential(Same(), nn.Flatten(), nn.Linear(64, 10))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found = describe_model(run(model=f"{tmp_path / 'own.py'}:make"))
    files = [tmp_path / "own.py", tmp_path / "layers_of_mine.py"]
    assert found[1:] == [file_digest(file) for file in files]
