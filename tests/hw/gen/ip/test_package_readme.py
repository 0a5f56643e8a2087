"""The README and the header of an IP package say what its Verilog and its ROM images are."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from amaranth.hdl import Shape
from networks import compiled, dense_network, padded_network, residual_network, streamed

from bitrain.accelerator import Engines
from bitrain.cost import estimate
from bitrain.gen.ip.config import read_config
from bitrain.gen.ip.package import generate_ip
from bitrain.host.registers import constants, registers_of
from bitrain.program import Array, Interface, Options, Program, Tiling
from bitrain.rtl.ports.top import build_top
from bitrain.spec import Network

INTERFACES = [
    Interface(streams=streams, reset=reset)
    for streams in ("raw", "axi")
    for reset in ("high", "low")
    for streams in ("raw", "axi")
    for reset in ("high", "low")
]


@pytest.mark.parametrize("interface", INTERFACES, ids=str)
def test_readme_lists_every_port(
    interface: Interface, network: Network, array: Array, tmp_path: Path
):
    ip = generate_ip(
        compiled(network, array, interface=interface),
        tmp_path / "ip",
        name="tiny",
    )
    assert read_config(ip).interface == interface
    readme = (ip / "README.md").read_text()
    table = re.findall(r"^\| `(\w+)` \| (in|out) \| (\d+) \|", readme, re.M)
    top = build_top(compiled(network, array, interface=interface))
    ports = {
        "__".join(map(str, path)): Shape.cast(member.shape).width
        for path, member, _ in top.signature.flatten(top)
    }
    ports |= {interface.clock_name: 1, interface.reset_name: 1}
    assert {name: int(width) for name, _, width in table} == ports
    verilog = (ip / "rtl" / "tiny.v").read_text()
    head = verilog[: verilog.index("endmodule")]
    for name, direction, width in table:
        bits = "" if width == "1" else rf"\[{int(width) - 1}:0\] "
        assert re.search(rf"^  {direction}put {bits}{name};$", head, re.M), name
    assert len(re.findall(r"^  (?:in|out)put ", head, re.M)) == len(table)
    for constraint in ("lpf", "pcf", "sdc"):
        text = (ip / "constraints" / f"tiny.{constraint}").read_text()
        assert re.search(rf"\b{interface.clock_name}\b", text)


@pytest.mark.parametrize("weights", ["rom", "ram"])
def test_registers_in_header_and_readme(
    fast, network: Network, array: Array, tmp_path: Path, weights
):
    interface = Interface.usual("axi")
    ip = generate_ip(
        compiled(network, array, interface=interface, weights=weights),
        tmp_path / "ip",
        name="tiny",
    )
    registers = registers_of(Engines.of(Program(network, array, weights=weights)))
    header = (ip / "include" / "tiny_registers.h").read_text()
    defined = dict(re.findall(r"^#define TINY_(\w+) (0x[0-9a-f]+)u$", header, re.M))
    assert {name: int(value, 16) for name, value in defined.items()} == dict(constants(registers))
    readme = (ip / "README.md").read_text()
    rows = re.findall(r"^\| 0x(..) \| `(\w+)` \| (\w+) \|", readme, re.M)
    assert [(int(offset, 16), name, access) for offset, name, access in rows] == [
        (entry.offset, entry.name, entry.access) for entry in registers
    ]
    core = yaml.safe_load((ip / "tiny.core").read_text().partition("\n")[2])
    (header_file,) = core["filesets"]["software"]["files"]
    assert header_file == {"include/tiny_registers.h": {"is_include_file": True}}


def test_formula_of_the_readme(package: Path, network: Network, array: Array):
    readme = (package / "README.md").read_text()
    (formula,) = re.findall(r"^    (Q \+ .+)$", readme, re.M)
    cost = estimate(Program(network, array))
    for layer, layer_cost in zip(network.layers, cost.layers, strict=True):
        tiling, L, N = Tiling.of(layer, array), layer.stream_length, array.lanes
        P, Q, T, c = array.channels, array.positions, tiling.tiles, tiling.chunks
        names = {"P": P, "Q": Q, "N": N, "L": L, "T": T, "c": c, "chunk": max(L, N)}
        names["tile"] = max(c * names["chunk"], P * Q)
        assert eval(formula, names) == layer_cost.cycles
    assert f"(`cycles`), sum of the above from layer 0 on | {cost.latency} |" in readme


def test_readme_lists_the_shortcuts(fast, array: Array, tmp_path: Path):
    network = residual_network(bits=3, lanes=2)
    readme = (generate_ip(compiled(network, array), tmp_path / "ip") / "README.md").read_text()
    program = Program(network, array)
    adding = [layer for layer in network.layers if layer.shortcut]
    assert len(adding) == 4
    for layer in adding:
        shortcut = layer.shortcut
        assert shortcut is not None
        row = (
            f"| `{layer.name}` | `{network.layers[shortcut.source].name}` | "
            f"{program.out_bases[shortcut.source]} | {shortcut.gain} | "
            f"{shortcut.stride[0]}, {shortcut.stride[1]} | {shortcut.before} |"
        )
        assert row in readme.splitlines()
    assert "What a later layer adds stays" in readme


def test_readme_says_what_stands_around_maps(fast, array: Array, tmp_path: Path):
    sentence = "- **padding**: at padding_base + input channel, the activation that stands"
    for build, count in ((padded_network, 1), (residual_network, 0)):
        ip = generate_ip(compiled(build(bits=3, lanes=2), array), tmp_path / build.__name__)
        assert (ip / "README.md").read_text().count(sentence) == count


@pytest.mark.parametrize("build", [dense_network, residual_network])
def test_readme_lists_the_buffers(fast, array: Array, tmp_path: Path, build):
    network = build(bits=3, lanes=2)
    readme = (generate_ip(compiled(network, array), tmp_path / "ip") / "README.md").read_text()
    program = Program(network, array)
    sources = ["pixels", *(f"`{layer.name}`" for layer in network.layers)]
    for buffer, base in zip(program.buffers, program.buffer_bases, strict=True):
        stored = ", ".join(sources[layer + 1] for layer in (buffer.first, *buffer.sums))
        read = network.layers[buffer.last].name
        assert f"| {buffer.size} | {base} | {stored} | `{read}` |" in readme.splitlines()
    assert any(buffer.sums for buffer in program.buffers) == (build is residual_network)
    joined = "Outputs that lie behind each other are read as one map."
    assert (joined in readme) == (build is dense_network)


def test_readme_of_a_chain_has_no_shortcuts(package: Path):
    assert "shortcut" not in (package / "README.md").read_text()


@pytest.mark.parametrize("kind", ["plain", "skip_zeros", "or_lanes"])
def test_readme_says_what_the_bias_rom_holds(fast, network: Network, tmp_path: Path, kind: str):
    """The formula there, as an expression of a layer here, gives the words of the ROM."""
    formulas = {
        "plain": "bias - L x (number of negative weights)",
        "skip_zeros": "bias",
        "or_lanes": "bias - L x (number of chunks) x 2",
    }
    array = Array(channels=2, positions=2, lanes=4)
    options: Options = {"skip_zeros": True} if kind == "skip_zeros" else {}
    if kind == "or_lanes":
        network = Network.model_validate(dict(network) | {"or_lanes": 2})
    readme = (
        generate_ip(compiled(network, array, **options), tmp_path / "ip") / "README.md"
    ).read_text()
    program = Program(network, array, **options)
    bits = program.score_bits
    start = f"- **biases**: at base + channel, {formulas[kind]}, two's complement of\n  {bits} bits"
    assert start in readme
    for layer, base in zip(network.layers, program.bias_bases, strict=True):
        taken = {
            "plain": (layer.weight_matrix < 0).sum(1),
            "skip_zeros": 0,
            "or_lanes": -(-layer.num_inputs // 4) * 2,
        }
        expected = layer.bias - layer.stream_length * taken[kind]
        words = np.array(program.bias_words[base : base + layer.out_channels])
        np.testing.assert_array_equal(words % (1 << bits), expected % (1 << bits))


def test_readme_lists_the_constants_of_streams(fast, network: Network, tmp_path: Path):
    array = Array(channels=2, positions=4, lanes=2)
    readme = (
        generate_ip(compiled(streamed(network), array), tmp_path / "ip") / "README.md"
    ).read_text()
    widths = Program(streamed(network), array).stream_widths
    assert f"{widths.state}, {widths.negatives} and {widths.exponent} bits." in readme
    assert "Zero for layers in stream mode." in readme


def test_readme_says_what_the_sizes_of_a_weight_stream_are(
    network: Network, array: Array, tmp_path: Path
):
    ip = generate_ip(compiled(network, array, weights="stream"), tmp_path / "ip")
    assert "its weight words in a channel tile less one" in (ip / "README.md").read_text()
    program = Program(network, array, weights="stream")
    words = [int(line, 2) for line in (ip / "rom" / "sizes.mem").read_text().split()]
    bits = max(1, (max(program.weight_tiles) - 1).bit_length())
    for word, tiling, tile in zip(words, program.tilings, program.weight_tiles, strict=True):
        assert (word % (1 << bits), word >> bits) == (tile - 1, tiling.channel_tiles - 1)


def test_names_of_layers_stay_in_their_cells(fast, network: Network, array: Array, tmp_path: Path):
    name = "a`|b<script>\n# c"
    layers = [network.layers[0].model_copy(update={"name": name}), *network.layers[1:]]
    odd = Network.model_validate(dict(network) | {"layers": layers, "name": name})
    text = (generate_ip(compiled(odd, array), tmp_path / "ip") / "README.md").read_text()
    assert "a__b_script__" in text
    assert not any(part in text for part in ("a`|", "|b<", "<script>", "\n# c"))
