"""A sequence of one's own, from YAML to simulation and proofs, as docs/extending.md says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from own_sequence import blocks, install

REPOSITORY = Path(__file__).parents[2]
CONFIG = {
    "name": "weyl",
    "train": {"epochs": 1},
    "finetune": {"epochs": 1, "images": 60},
    "lengths": [8],
    "array": {"channels": 2, "positions": 2, "lanes": 4},
    "simulate": {"images": 2},
}


@pytest.mark.tools
@pytest.mark.slow
def test_from_yaml_to_simulation(tmp_path) -> None:
    def call(*arguments: str) -> str:
        roots = [tmp_path, *(REPOSITORY / root for root in ("hw", "sim", "sw"))]
        done = subprocess.run(
            [sys.executable, "-m", "bitrain", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, roots))},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    install(tmp_path)
    sc = yaml.safe_load(blocks("yaml")[0])["sc"]
    config = {**CONFIG, "sc": {"bits": 3, "lanes": 4, **sc}}
    (tmp_path / "weyl.yaml").write_text(yaml.safe_dump(config))
    assert "0 mismatches" in call(
        *("run", "--config", "weyl.yaml", "--out", "out", "--until", "simulate")
    )
    assert "weyl" in call("prove", "out/ip")
