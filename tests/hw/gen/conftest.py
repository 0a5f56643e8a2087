"""A small component with the memories of every kind, and one IP package for all tests."""

# Members of an Amaranth component come from its signature at run time.
# pyright: reportAttributeAccessIssue=false

import shutil
from pathlib import Path

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import memory
from amaranth.lib.wiring import Component, In, Out
from networks import compiled, random_network

from bitrain.gen.ip import package as packages
from bitrain.gen.ip.package import generate_ip
from bitrain.program import Array
from bitrain.spec import Network

COEFFICIENTS = [(37 * i + 11) % 256 for i in range(32)]


class Coefficients(Component):
    """A ROM under a name that says nothing."""

    def __init__(self):
        super().__init__({"address": In(5), "value": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = rom = memory.Memory(shape=8, depth=32, init=COEFFICIENTS)
        port = rom.read_port()
        m.d.comb += [port.addr.eq(self.address), self.value.eq(port.data)]
        return m


class Filter(Component):
    """A delay line in a RAM that starts empty, coefficients in a ROM, a running sum."""

    def __init__(self):
        super().__init__({"sample": In(8), "total": Out(16)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.line = line = memory.Memory(shape=8, depth=512, init=[])
        m.submodules.coefficients = coefficients = Coefficients()
        write, read = line.write_port(), line.read_port()
        position = Signal(9)
        m.d.sync += position.eq(position + 1)
        m.d.comb += [
            write.en.eq(1),
            write.addr.eq(position),
            write.data.eq(self.sample),
            read.addr.eq(position + 1),
            coefficients.address.eq(position),
        ]
        m.d.sync += self.total.eq(self.total + (read.data ^ coefficients.value))
        return m


@pytest.fixture
def component() -> Filter:
    return Filter()


@pytest.fixture(scope="session")
def coefficients() -> list[int]:
    """Contents of the component's ROM."""
    return COEFFICIENTS


@pytest.fixture(scope="session")
def network() -> Network:
    return random_network(1, bits=3, lanes=2, in_shape=(1, 4, 4))


@pytest.fixture(scope="session")
def array() -> Array:
    return Array(channels=2, positions=2, lanes=4)


@pytest.fixture(scope="session")
def package(network: Network, array: Array, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An IP package that tests must leave as it is."""
    return generate_ip(
        compiled(network, array),
        tmp_path_factory.mktemp("ip") / "tiny",
        name="tiny",
    )


@pytest.fixture
def copy(package: Path, tmp_path: Path) -> Path:
    """An IP package to work in."""
    return Path(shutil.copytree(package, tmp_path / "tiny"))


@pytest.fixture
def fast(monkeypatch):
    """Leave out the Verilog, for tests of everything around it."""

    def write(component, directory: Path, name: str):
        (directory / "rtl").mkdir(parents=True)
        (directory / "rtl" / f"{name}.v").write_text(f"module {name}; endmodule\n")
        return packages.Sources(directory=directory, top=name, memories=())

    monkeypatch.setattr(packages, "write_verilog", write)
