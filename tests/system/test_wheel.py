"""The wheel by itself: installed without the checkout, in an empty folder."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from zipfile import ZipFile

import pytest

REPOSITORY = Path(__file__).parents[2]
PROGRAM = """
import os, sys
sys.path += os.environ["PACKAGES"].split(os.pathsep)
from bitrain.cli import main
sys.argv[0] = "bitrain"
main()
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """What the wheel holds."""
    dist, folder = (tmp_path_factory.mktemp(name) for name in ("dist", "lib"))
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(dist)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    (wheel,) = dist.glob("*.whl")
    assert list(dist.glob("*.tar.gz"))
    ZipFile(wheel).extractall(folder)
    return folder


@pytest.fixture(scope="module")
def call(installed, tmp_path_factory):
    """The command of the installed wheel; `-S` leaves out the checkout, which a .pth file names."""
    work = tmp_path_factory.mktemp("work")
    packages = os.pathsep.join([str(installed), sysconfig.get_paths()["purelib"]])

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-S", "-c", PROGRAM, *arguments],
            cwd=work,
            env={**os.environ, "PACKAGES": packages, "PYTHONPATH": packages},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return " ".join(done.stdout.split())

    return run


@pytest.mark.slow
@pytest.mark.tools
def test_run_and_simulate(call) -> None:
    found = call("run", "digits", "--until", "export")
    assert "torch and golden agree" in found
    call("generate", "build/digits/network.npz", "--out", "ip", "--images", "2")
    assert "0 mismatches" in call("simulate", "ip")


@pytest.mark.slow
def test_what_is_in_it(installed) -> None:
    """Types, examples, weights and templates; no tests."""
    package = installed / "bitrain"
    for name in ("py.typed", "examples/digits.yaml", "models/weights/lenet5_mnist.safetensors"):
        assert (package / name).is_file(), name
    roots = [REPOSITORY / root / "bitrain" for root in ("hw", "sim", "sw")]
    wanted = {p.relative_to(root) for root in roots for p in root.rglob("*") if p.is_file()}
    wanted = {path for path in wanted if "__pycache__" not in path.parts}
    held = {path.relative_to(package) for path in package.rglob("*") if path.is_file()}
    held -= {path for path in held if path.parts[0] == "examples" or "__pycache__" in path.parts}
    assert held == wanted
