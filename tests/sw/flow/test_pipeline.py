"""What makes a finished step of ``bitrain run`` run again."""

import pytest
from rich.console import Console

from bitrain.flow import RunConfig, run_flow
from bitrain.nn import create_model, save_weights


@pytest.fixture
def accuracy(tmp_path):
    """Of given weights, as the step that reads them says."""

    def run(path) -> float:
        config = RunConfig.model_validate({"name": "tiny", "pretrained": str(path)})
        found = run_flow(config, tmp_path / "out", until="train", console=Console(quiet=True))
        return found["train"]["accuracy"]

    return run


def test_other_weights_in_the_same_file(accuracy, tmp_path, trained, digits):
    path, steps = tmp_path / "weights.safetensors", tmp_path / "out/steps/train.json"
    save_weights(create_model("digits_cnn", digits.in_shape, 10), path, {})
    before = accuracy(path)
    save_weights(trained, path, {})
    assert accuracy(path) > before
    written = steps.stat().st_mtime_ns
    assert accuracy(path) > before and steps.stat().st_mtime_ns == written
