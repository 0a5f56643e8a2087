"""What a RAM shows of a word in the cycle in which it is written matters to nobody.

Tools are told so (`rtl/engine/memories.py`), and a block RAM may then show anything.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from networks import grouped_network, random_images, random_network, residual_network, worded

from bitrain.accelerator import compile_network
from bitrain.cosim import simulate, write_testbench
from bitrain.gen.ip.package import generate_ip
from bitrain.program import AcceleratorConfig

WRITE = re.compile(
    r"if \((?P<enable>[^\n]+)\)\n\s+(?P<memory>\\\S+ |\w+)\[(?P<address>[^\n]+)\] <= [^\n]+;\n"
)


def spoil(verilog: str) -> tuple[str, int]:
    """Verilog whose RAMs show wrong bits of a word that is being written, and how many reads do."""
    modules, spoilt = [], 0
    for module in re.split(r"(?<=\nendmodule\n)", verilog):
        for write in WRITE.finditer(module):
            memory = re.escape(write["memory"])
            if not re.search(rf"no_rw_check \*\)\n\s+reg [^\n]*{memory} *\[", module):
                continue
            clash = f"({write['enable']}) && ({write['address']})"
            module, reads = re.subn(
                rf"<= ({memory}\[([^\n]+)\]);",
                lambda read, clash=clash: f"<= ({clash} == ({read[2]})) ? ~{read[1]} : {read[1]};",
                module,
            )
            spoilt += reads
        modules.append(module)
    return "".join(modules), spoilt


@pytest.mark.tools
@pytest.mark.parametrize(
    ("build", "array", "more", "least"),
    [
        (residual_network, {"positions": 2}, {}, 4),
        (random_network, {"positions": 1}, {"engines": 2}, 3),
        (random_network, {"positions": 2}, {"interface": "axi", "weights": "ram"}, 5),
        (grouped_network, {"positions": 2, "width": 4}, {}, 12),
        (random_network, {"positions": 2, "width": 4}, {"engines": 2}, 24),
    ],
)
def test_reads_of_a_word_that_is_being_written(tmp_path, build, array, more, least):
    network = worded(build(1, bits=3, lanes=4), 4)
    config: dict[str, Any] = {"array": {"channels": 4, "lanes": 4, **array}, **more}
    engines = compile_network(network, AcceleratorConfig.model_validate(config))
    images = random_images(network, 2, 0)
    folder: Path = tmp_path / "ip"
    generate_ip(
        engines,
        folder,
        name="clash",
        testbench=lambda ip: write_testbench(ip, engines, images, top="clash"),
    )
    found = 0
    for source in (folder / "rtl").glob("*.v"):
        verilog, spoilt = spoil(source.read_text())
        source.write_text(verilog)
        found += spoilt
    assert found >= least
    report = simulate(folder, simulator="icarus")
    assert report.problems == () and report.values_compared > 0
