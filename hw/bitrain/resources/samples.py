"""Samples: accelerators that were drawn, and what synthesis and routing made of them."""

import re
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from bitrain.gen.families.resources import Resources
from bitrain.gen.ip.package import generate_ip
from bitrain.gen.tools.blocks import measure_blocks
from bitrain.gen.tools.synth import synthesise
from bitrain.spec import BitrainError, write_atomically

from .drawing import Drawn, draw

ROUTING_LIMIT = 1200
"""Seconds until the routing of a sample is given up."""


class Sample(BaseModel):
    """What the tools say of a drawn accelerator."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    drawn: Drawn
    device: str
    lut: int
    """Post-synthesis, flattened; so are the next ones."""
    ff: int
    bram: int
    dsp: int
    ram_lut: int
    blocks: dict[str, dict[str, int]]
    """Resources of each block, the hierarchy kept, by its path; instances that are numbered are one
    block together."""
    routed_lut: int | None = None
    """Post-route; None if it was not asked for, or does not route."""
    clock_mhz: float | None = None
    tools: dict[str, str]


def measure(seed: int, device: str, *, route: bool) -> Sample:
    """The sample of a seed; :class:`BitrainError` if it does not fit the device."""
    drawn = draw(seed)
    with tempfile.TemporaryDirectory(prefix="bitrain-sample-") as folder:
        ip = generate_ip(drawn.compile(), Path(folder) / "ip", device=device)
        blocks = measure_blocks(ip, device)
        try:
            flat = synthesise(ip, device, route=route, limit_s=ROUTING_LIMIT)
        except BitrainError:  # what fits by its count may not be placed, or find no end
            if not route:
                raise
            flat = synthesise(ip, device, route=False)
    joined: dict[str, Resources] = defaultdict(Resources)
    for block in blocks.blocks:
        joined[re.sub(r"\d+", "#", block.path)] += block.resources
    found = flat.resources
    return Sample(
        seed=seed,
        drawn=drawn,
        device=device,
        lut=found.logic_lut + found.carry_lut + found.ram_lut,
        ff=found.ff,
        bram=found.bram,
        dsp=found.dsp,
        ram_lut=found.ram_lut,
        blocks={path: _nonzero(each) for path, each in sorted(joined.items()) if _nonzero(each)},
        routed_lut=found.lut if flat.fmax_mhz else None,
        clock_mhz=flat.fmax_mhz,
        tools=flat.tools,
    )


def _nonzero(resources: Resources) -> dict[str, int]:
    found = asdict(replace(resources, lut=0))
    return {name: value for name, value in found.items() if value}


def read_samples(path: Path) -> list[Sample]:
    """Samples of a file, one a line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Sample.model_validate_json(line) for line in lines]


def write_samples(path: Path, samples: Sequence[Sample]) -> None:
    """Write samples, one a line."""
    lines = [sample.model_dump_json(exclude_none=True) + "\n" for sample in samples]
    write_atomically(path, "".join(lines))
