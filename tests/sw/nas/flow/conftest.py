"""What the tests of whole searches share: 60 images, and a configuration."""

from dataclasses import replace

import pytest
from tiny_search import CONFIG

from bitrain.nas.flow import ablation, steps
from bitrain.nas.flow import search as flow_search
from bitrain.nas.flow.config import load_search


@pytest.fixture(autouse=True)
def few(digits, monkeypatch):
    found = replace(
        digits,
        **{
            name: getattr(digits, name)[:60]
            for name in ("train_images", "train_labels", "test_images", "test_labels")
        },
    )
    for module in (flow_search, ablation, steps):
        monkeypatch.setattr(module, "load_dataset", lambda name, **source: found)
    return found


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text(CONFIG.replace("random_networks: 1", "random_networks: 0"))
    return load_search(path)
