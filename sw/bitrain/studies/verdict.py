"""``bitrain verdict``: which arithmetic pays, whole accelerators at equal accuracy.

All that `bitrain accuracy` trained of one float network (``studies.contenders``) becomes an
accelerator of P x Q neurons. Each takes the width W and the lanes N that give it the most images a
second per LUT, post-synthesis at one clock, and is then placed and routed for that clock.
Accuracies are the golden model's, of all test images; cycles the cost model's, which is exact, of
every run that an image takes. With a library of standard cells the arrays are mapped too, with the
energy of an image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console

from bitrain.accelerator import compile_network
from bitrain.data import Dataset
from bitrain.gen.asic.liberty import Library
from bitrain.gen.families.devices import find_device
from bitrain.gen.ip.package import generate_ip
from bitrain.gen.tools.synth import synthesise
from bitrain.program import AcceleratorConfig, Array
from bitrain.runner import plots
from bitrain.runner.workspace import Workspace, write_result
from bitrain.spec import BitrainError, Network, network_digest
from bitrain.spec.bank import MAX_LANES

from .arithmetic import array_of_kind, resources_of
from .array_cells import ArrayCells
from .array_energy import LEFT_OUT
from .contenders import TITLES, Contender
from .judging import Judged, judge
from .pareto import Draws, best_ratio, front

WIDTHS, LANES = (1, 2, 4, 8), (16, 32)
ENERGIES = "energy_per_image", "energy_per_image_glitches", "leakage_per_image"
"""nJ, all runs of an image."""
BELOW_FLOAT = 0.5
"""Points: networks that lose more are not compared."""


def measure_verdict(
    contenders: Sequence[Contender],
    neurons: tuple[int, int],
    dataset: Dataset,
    out: Path,
    console: Console,
    *,
    widths: Sequence[int] = WIDTHS,
    lanes: Sequence[int] = LANES,
    device: str = "ecp5-85k",
    clock_mhz: float = 80,
    route: bool = True,
    least: float | None = None,
    library: Library | None = None,
    images: int | None = None,
) -> dict[str, Any]:
    """The verdict on ``contenders``: ``verdict.json`` and a plot in ``out``.

    neurons: P and Q of all. widths, lanes: W and most N of a neuron that counts bits, to choose
    from. clock_mhz: at which they are chosen, and that routing aims at. route: else all is
    post-synthesis and at that clock. least: accuracy (%) from which curves are compared, by default
    half a point below float. library: arrays in its standard cells too, and with images the energy
    of so many test images. What is done is kept in ``out``.
    """
    find_device(device)
    workspace, circuits = Workspace(out), {}
    judged = {}
    for contender in contenders:
        console.print(f"{contender.title}: {len(dataset.test_labels):,} test images ...")
        judged[contender.name] = judge(workspace, contender, dataset)
    for accelerator, group in groupby(contenders, lambda each: each.accelerator):
        *_, chooser = group  # the one with exits, if there is one
        choice = _Choice(chooser, judged[chooser.name], neurons, device, clock_mhz)
        circuits[accelerator] = choice.best(workspace, widths, lanes, console, route=route)
    rows = [_row(each, judged[each.name], circuits[each.accelerator]) for each in contenders]
    if library is not None:
        pixels = None if images is None else dataset.examples(images)[0]
        cells = ArrayCells(workspace=workspace, library=library, clock_mhz=clock_mhz)
        for contender, row in zip(contenders, rows, strict=True):
            if contender.family != "dsp":  # in cells there are none
                console.print(f"{contender.title}: standard cells ...")
                circuit = circuits[contender.accelerator]
                row |= _in_cells(cells, pixels, contender, judged[contender.name], circuit)
    draws = Draws({name: each.right for name, each in judged.items()})
    for row in rows:
        row["interval"] = draws.interval(row["name"])
        point = row["accuracy"], row["images_per_s_per_klut"]
        row["on_front"] = point in front(_points(rows, row["family"]))
    floats = [float(each.metadata["float_accuracy"]) for each in contenders[0].networks]
    if least is None:
        least = median(floats) - BELOW_FLOAT
    result: dict[str, Any] = {
        "network": contenders[0].networks[0].name,
        "data": dataset.note,
        "test_images": len(dataset.test_labels),
        "seeds": len(floats),
        "float": median(floats),
        "channels": neurons[0],
        "positions": neurons[1],
        "device": device,
        "clock_mhz": clock_mhz,
        "tag": f"{'post-route' if route else 'post-synthesis'}; cycles estimated",
        "least": least,
        "rows": rows,
        "ratios": _ratios(rows, draws, least),
    }
    if library is not None:
        result["library"] = library.name
    if images is not None:
        result["energy"] = LEFT_OUT
    result["summary"] = words(result)
    write_result(out / "verdict", result, plots.verdict(result, TITLES))
    return result


def parse_families(text: str) -> list[str]:
    """Families of an option such as stochastic,binary, or :class:`BitrainError`."""
    found = list(dict.fromkeys(text.split(",")))
    for family in found:
        if family not in TITLES:
            raise BitrainError(f"--arithmetics {text}: expected some of {', '.join(TITLES)}")
    return found


def parse_widths(text: str) -> list[int]:
    """Widths of an option such as 1,4, or :class:`BitrainError`."""
    names = {str(width): width for width in WIDTHS}
    found = list(dict.fromkeys(text.split(",")))
    if unknown := [name for name in found if name not in names]:
        raise BitrainError(f"--widths {text}: {unknown[0]!r}, expected some of {', '.join(names)}")
    return [names[name] for name in found]


def parse_lanes(text: str) -> list[int]:
    """Lanes of an option such as 16,32, or :class:`BitrainError`."""
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = [0]
    if not all(1 <= each <= MAX_LANES for each in found):
        raise BitrainError(f"--lanes {text}: expected numbers of 1 … {MAX_LANES} between commas")
    return found


@dataclass(frozen=True)
class _Choice:
    """All that an accelerator is made of, but for its width and lanes."""

    contender: Contender
    judged: Judged
    neurons: tuple[int, int]
    device: str
    clock_mhz: float

    def best(
        self,
        workspace: Workspace,
        widths: Sequence[int],
        lanes: Sequence[int],
        console: Console,
        *,
        route: bool,
    ) -> dict[str, Any]:
        """The circuit with the most images/s per LUT, routed if asked for.

        Wider ones and those of more lanes have no fewer LUTs, so that one is left out which would
        be no better with the LUTs of a smaller one.
        """
        name, found = self.contender.accelerator, list[dict[str, Any]]()
        arrays, refused = self._arrays(widths, lanes)
        for array, network in arrays:
            size = f"{name}, W = {array.width}, N = {array.lanes}"
            speed = _speed(self.contender, self.judged, array, network, self.clock_mhz)
            smaller = [
                each["lut"]
                for each in found
                if each["width"] <= array.width and each["lanes"] <= array.lanes
            ]
            best = max((each["images_per_s_per_klut"] for each in found), default=0)
            if smaller and 1e3 * speed["images_per_s"] / max(smaller) <= best:
                continue
            console.print(f"{size}: post-synthesis ...")
            try:
                found.append(self._circuit(workspace, array, network, route=False))
            except BitrainError as error:  # too large for the device
                refused = str(error)
                console.print(f"left out: {refused}", soft_wrap=True)
        if not found:
            raise BitrainError(f"{self.contender.title}: {refused}")
        chosen = max(found, key=lambda each: each["images_per_s_per_klut"])
        tried = [{key: each[key] for key in _TRIED} for each in found]
        if route:
            array, network = chosen["array"], chosen["network"]
            console.print(f"{name}, W = {array.width}, N = {array.lanes}: post-route ...")
            chosen = self._circuit(workspace, array, network, route=True)
        return chosen | {"tried": tried}

    def _arrays(
        self, widths: Sequence[int], lanes: Sequence[int]
    ) -> tuple[list[tuple[Array, Network]], str]:
        """Arrays to choose from, the smallest first, with their networks; why others are none."""
        network, kind, found = self.contender.networks[0], self.contender.kind, {}
        refused = "no width to choose from"
        for width in widths:
            for most in lanes:
                try:
                    array, wired = array_of_kind(network, kind, self.neurons, width, most)
                except BitrainError as error:  # too wide for the network
                    refused = str(error)
                    continue
                found[array.lanes, width] = array, wired
        return [found[key] for key in sorted(found)], refused

    def _circuit(
        self, workspace: Workspace, array: Array, network: Network, *, route: bool
    ) -> dict[str, Any]:
        contender = self.contender
        config = AcceleratorConfig.model_validate({"array": array, **contender.options})
        size = f"{contender.accelerator}-W{array.width}-N{array.lanes}"
        folder = workspace.path("accelerators", size)

        def measure() -> dict[str, Any]:
            engines = compile_network(network, config)
            generate_ip(engines, folder, device=self.device, frequency=self.clock_mhz)
            report = synthesise(folder, self.device, frequency=self.clock_mhz, route=route)
            return {
                **resources_of(report, array, folder),
                "bram": report.resources.bram,
                "clock_mhz": report.fmax_mhz if route else self.clock_mhz,
            }

        name = f"{'route' if route else 'synth'}-{size}"
        inputs = [network_digest(network), config.model_dump(mode="json"), self.device]
        workspace.fingerprint = ""  # circuits do not depend on images
        workspace.step(name, [*inputs, self.clock_mhz], measure)
        measured = workspace.results[name]
        speed = _speed(contender, self.judged, array, network, measured["clock_mhz"])
        return {
            "array": array,
            "network": network,
            "width": array.width,
            "lanes": array.lanes,
            **measured,
            **speed,
            "images_per_s_per_klut": 1e3 * speed["images_per_s"] / measured["lut"],
        }


_TRIED = "width", "lanes", "lut", "dsp", "images_per_s_per_klut"


def _speed(
    contender: Contender, judged: Judged, array: Array, network: Network, clock_mhz: float
) -> dict[str, float]:
    """Cycles of an image on average, all its runs, and images a second.

    network: of one seed, wired for the array.
    """
    around, runs = contender.cycles(network, array)
    cycles = around + judged.mean(runs)
    return {"image_cycles": cycles, "images_per_s": 1e6 * clock_mhz / cycles}


def _row(contender: Contender, judged: Judged, circuit: dict[str, Any]) -> dict[str, Any]:
    made = circuit["array"], circuit["network"], circuit["clock_mhz"]
    speed = _speed(contender, judged, *made)
    return {
        "name": contender.name,
        "title": contender.title,
        "family": contender.family,
        "bits": contender.bits,
        "ladders": judged.ladders,
        "accuracy": median(judged.accuracies),
        "by_seed": judged.accuracies,
        **{key: value for key, value in circuit.items() if key not in ("array", "network")},
        **speed,
        "images_per_s_per_klut": 1e3 * speed["images_per_s"] / circuit["lut"],
    }


def _in_cells(
    cells: ArrayCells,
    pixels: np.ndarray | None,
    contender: Contender,
    judged: Judged,
    circuit: dict[str, Any],
) -> dict[str, float]:
    """Area of the array in cells, and with ``pixels`` the energy of an image in all its runs."""
    array, network = circuit["array"], circuit["network"]
    name = f"{contender.accelerator}-W{array.width}-N{array.lanes}"
    area = cells.map(name, network, array)["area"]
    cycles = max(array.rules.cycles(network, layer) for layer in network.layers)
    found = {"area": area, "area_per_mac": area * cycles / array.multipliers}
    if pixels is None:
        return found
    lengths = {length for ladder in judged.ladders for length in ladder}
    runs = lengths if contender.several_lengths else ()
    energies = cells.energies(name, network, array, pixels, lengths=runs)
    for key in ENERGIES:
        found[key] = judged.mean({length: each[key] for length, each in energies.items()})
    return found


def _curve(rows: Sequence[dict[str, Any]], family: str) -> dict[str, float]:
    return {r["name"]: r["images_per_s_per_klut"] for r in rows if r["family"] == family}


def _points(rows: Sequence[dict[str, Any]], family: str) -> list[tuple[float, float]]:
    return [(r["accuracy"], r["images_per_s_per_klut"]) for r in rows if r["family"] == family]


def _ratios(rows: Sequence[dict[str, Any]], draws: Draws, least: float) -> list[dict[str, Any]]:
    """Of each two families' curves, where the first is most ahead."""
    families = list(dict.fromkeys(row["family"] for row in rows))
    found = []
    for family in families:
        for rival in families:
            if family == rival:
                continue
            accuracy, ratio = best_ratio(_points(rows, family), _points(rows, rival), least)
            if np.isnan(ratio):
                continue
            interval = draws.best_ratio(_curve(rows, family), _curve(rows, rival), least)
            found.append(
                {
                    "family": family,
                    "rival": rival,
                    "accuracy": accuracy,
                    "ratio": ratio,
                    "interval": interval,
                }
            )
    return found


def words(result: dict[str, Any]) -> list[str]:
    """The verdict in words."""
    lines = []
    for family in dict.fromkeys(row["family"] for row in result["rows"]):
        of_family = [row for row in result["rows"] if row["family"] == family]
        reach = [row for row in of_family if row["accuracy"] >= result["least"]]
        if not reach:
            best = max(of_family, key=lambda row: row["accuracy"])
            lines.append(
                f"{TITLES[family]}: none reaches {result['least']:.2f} % (best {best['title']}, "
                f"{best['accuracy']:.2f} %)"
            )
            continue
        best = max(reach, key=lambda row: row["images_per_s_per_klut"])
        lines.append(
            f"{TITLES[family]}: at {result['least']:.2f} % or more the fastest for its LUTs is "
            f"{best['title']} with {best['images_per_s_per_klut']:,.0f} images/s per 1,000 LUT4 "
            f"at {best['accuracy']:.2f} %"
        )
    for each in result["ratios"]:
        sure = ""
        if each["interval"]:
            low, high = each["interval"]
            sure = f" (95 % of draws of the images: {low:.2f} … {high:.2f})"
        lines.append(
            f"{TITLES[each['family']]} against {TITLES[each['rival']]}: at most "
            f"{each['ratio']:.2f} times as many images/s per 1,000 LUT4 at equal accuracy, "
            f"at {each['accuracy']:.2f} %{sure}"
        )
    return lines
