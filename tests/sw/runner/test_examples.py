"""Examples by name."""

import pytest

from bitrain.flow.config import load_config
from bitrain.nas.flow.config import load_search
from bitrain.recast.flow import load_plan
from bitrain.runner.examples import example_paths
from bitrain.spec import BitrainError

LOADERS = {"": load_config, "recast": load_plan, "search": load_search}


@pytest.mark.parametrize("kind", LOADERS)
def test_every_example_is_found_by_its_name(kind, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = list(example_paths(kind))
    assert "digits" in names
    for name in names:
        assert LOADERS[kind](type(tmp_path)(name)).name == name


def test_a_file_goes_first(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").write_text("name: mine\n")
    assert load_config(type(tmp_path)("digits")).name == "mine"


def test_no_example_of_this_kind(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        BitrainError, match=r"^lenet5_mnist: no such .*; the examples are cifar10, "
    ):
        load_search(type(tmp_path)("lenet5_mnist"))
