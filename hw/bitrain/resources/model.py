"""The resource model of a family: coefficients of features, with how well they predict."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict

from bitrain.accelerator import Engines
from bitrain.gen.families.devices import FAMILIES
from bitrain.gen.families.family import Device
from bitrain.spec import BitrainError

from .features import (
    Features,
    clock_features,
    dsp_blocks,
    features,
    needs_of,
    ram_luts,
    unshared_sngs,
)

Coefficients = dict[str, float]

RESOURCES = {
    "lut": "LUTs, post-synthesis",
    "routed_lut": "LUTs, post-route",
    "ff": "flip-flops",
    "bram": "block RAMs",
    "dsp": "DSP blocks",
    "clock_mhz": "clock in MHz",
}
"""What is predicted: fields of samples and of estimates."""
COUNTED = ("bram", "dsp")
"""Those whose errors are counted, not relative."""


class Errors(BaseModel):
    """Errors of a prediction, of accelerators that the fit has not seen; 0.05 is 5 %.

    Of block RAMs and DSP blocks they are numbers of these.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    median: float
    worst: float
    count: int


class ResourceModel(BaseModel):
    """What is fitted for a family."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str
    device: str
    """That of the samples; others of the family differ in what they hold."""
    tools: dict[str, str]
    samples: int
    most_multipliers: int
    """P Q N of the largest sample, all engines together; beyond that nothing is known."""
    blocks: dict[str, dict[str, Coefficients]]
    """For each block and for lut and ff the coefficients of its features, the hierarchy kept."""
    totals: dict[str, Coefficients]
    """For lut, routed_lut and ff the parts of all blocks' that a flattened netlist has."""
    period: Coefficients
    """ns, of clock features."""
    errors: dict[str, Errors]
    """By the names of ``RESOURCES``."""

    def by_block(self, found: Features, resource: str) -> dict[str, float]:
        """LUTs (without distributed RAM) or flip-flops of each block, the hierarchy kept."""
        return {
            block: weighted(self.blocks.get(block, {}).get(resource, {}), values)
            for block, values in found.items()
        }

    def predict(self, engines: Engines, device: Device) -> "ResourceEstimate":
        """What an accelerator takes."""
        needs = needs_of(engines, device)
        found = features(engines, needs)
        luts, ffs = self.by_block(found, "lut"), self.by_block(found, "ff")
        unshared_lut, unshared_ff = self._unshared(engines)
        kept = ram_luts(needs, device) + unshared_lut
        lut = weighted(self.totals["lut"], luts) + kept
        routed = weighted(self.totals["routed_lut"], luts) + kept
        blocks = {block: luts[block] * self.totals["lut"].get(block, 0) for block in luts}
        if unshared_lut:
            blocks["SNGs"] += unshared_lut
        return ResourceEstimate(
            lut=round(lut),
            routed_lut=round(routed),
            ff=round(weighted(self.totals["ff"], ffs) + unshared_ff),
            bram=sum(need.blocks for memories in needs for need in memories),
            dsp=dsp_blocks(engines, device),
            clock_mhz=1e3 / weighted(self.period, clock_features(engines, needs, lut)),
            blocks={block: round(value) for block, value in sorted(blocks.items())},
            errors=self.errors,
        )

    def _unshared(self, engines: Engines) -> tuple[float, float]:
        """LUTs and flip-flops of SNGs beyond shared ones, each as with the hierarchy kept.

        Synthesis keeps them apart, so that none of them is merged with others.
        """
        more, block = unshared_sngs(engines), self.blocks.get("SNGs", {})
        lut, ff = (weighted(block.get(name, {}), more) for name in ("lut", "ff"))
        return lut, ff + more.get("sources", 0)


@cache
def model_of(family: str) -> ResourceModel | None:
    """The model in the package; None for a family that nobody has calibrated."""
    table = resources.files("bitrain.resources") / "tables" / f"{family}.json"
    if not table.is_file():
        return None
    return ResourceModel.model_validate_json(table.read_text(encoding="utf-8"))


def needed_model(device: Device) -> ResourceModel:
    """The model of a device's family; :class:`BitrainError` if there is none."""
    found = model_of(device.family.name)
    if found is None:
        known = [family.title for name, family in FAMILIES.items() if model_of(name)]
        raise BitrainError(
            f"--device {device.name}: there is no table of resources for {device.family.title} in "
            f"the package; choose a device of {', '.join(known)} (docs/resources.md)"
        )
    return found


@dataclass(frozen=True, kw_only=True)
class ResourceEstimate:
    """Resources of an accelerator, estimated."""

    lut: int
    """Post-synthesis."""
    routed_lut: int
    ff: int
    bram: int
    dsp: int
    clock_mhz: float
    blocks: dict[str, int]
    """LUTs of each block, without distributed RAM."""
    errors: dict[str, Errors]

    def lacking(self, device: Device) -> list[str]:
        """Resources of which a device has too few: lut, ff, bram or dsp.

        LUTs and flip-flops have their median error added.
        """
        needs = {
            "lut": self.routed_lut * (1 + self.errors["routed_lut"].median),
            "ff": self.ff * (1 + self.errors["ff"].median),
            "bram": self.bram,
            "dsp": self.dsp,
        }
        return [name for name, need in needs.items() if need > getattr(device.capacity, name)]


def weighted(coefficients: Mapping[str, float], values: Mapping[str, float]) -> float:
    """The sum of values, each times its coefficient."""
    return sum(coefficients.get(name, 0.0) * value for name, value in values.items())
