"""Hardware commands where neither torch nor scikit-learn is installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from networks import random_network

from bitrain.spec import save_network

REPOSITORY = Path(__file__).parents[2]
BLOCKED = ("torch", "torchvision", "sklearn", "safetensors", "PIL", "matplotlib")
"""What ``bitrain[sim,synth,board]`` does not bring along, or does not need for these commands."""

PROGRAM = f"""
import sys
for name in {BLOCKED}:
    sys.modules[name] = None  # importing it raises ModuleNotFoundError
from bitrain.cli import main
sys.argv[0] = "bitrain"
main()
"""


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    network = random_network(3, bits=3, lanes=4, in_shape=(1, 6, 6))
    save_network(network, folder / "net.npz")

    def run(*arguments: str) -> str:
        paths = os.pathsep.join(str(REPOSITORY / root) for root in ("hw", "sim", "sw"))
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["doctor"], ["cost", "net.npz"]])
def test_commands_without_a_folder(call, arguments) -> None:
    assert call(*arguments)


@pytest.mark.tools
@pytest.mark.slow
def test_from_network_to_routed_accelerator(call) -> None:
    """The commands in order; the folder that the first writes is the others' argument."""
    array = ("-P", "2", "-Q", "2", "-N", "4")
    ram = ("--interface", "axi", "--weights", "ram")
    out = call("generate", "net.npz", "--out", "ip", *array, "--images", "2", *ram)
    assert "random images" in " ".join(out.split())
    assert "0 mismatches" in call("simulate", "ip")
    assert "LUT" in call("synth", "ip", "--device", "ecp5-25k", "--blocks")
    assert "proven" in call("prove", "ip")
    assert "words" in call("weights", "ip", "net.npz", "--out", "weights.bin")
    built = call("build", "net.npz", "--board", "icebreaker", "--out", "board", *array)
    assert "wrote" in built
