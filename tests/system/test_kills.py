"""A command that is killed and run again leaves what it would have left."""

import kills
import pytest
from networks import random_network

from bitrain.spec import save_network


def test_examples_are_quick():
    """Few epochs and lengths, in every example that is used."""
    for name in ("digits", "recast/digits", "search/digits"):
        text = kills.quick((kills.EXAMPLES / f"{name}.yaml").read_text())
        epochs = [line.strip() for line in text.splitlines() if line.lstrip().startswith("epochs")]
        assert set(epochs) <= {"epochs: 1"}
        assert "epochs" in text and "lengths: [4, 8" not in text


@pytest.mark.tools
@pytest.mark.slow
def test_generate(tmp_path, monkeypatch):
    folder = tmp_path / "network"
    folder.mkdir()
    save_network(random_network(1, in_shape=(1, 8, 8), classes=10), folder / "network.npz")
    (folder / "model.safetensors").touch()
    assert kills.main(["generate", "--kills", "2", "--out", str(tmp_path)]) == 0
    # One that loses a file is told.
    monkeypatch.setattr(kills, "written", lambda folder: {str(folder): b""})
    assert kills.main(["generate", "--kills", "0", "--out", str(tmp_path)]) == 1
