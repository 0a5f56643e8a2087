"""The one table of what does not go together, with the reason and the way out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bitrain.spec import BitrainError, Layer, Network

from .array import Sharing
from .config import AcceleratorConfig
from .options import DEFAULT_BEAT

Finder = Callable[[AcceleratorConfig, Any], "dict[str, Any] | None"]


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """A row of the table."""

    one: str
    """What is asked for."""
    other: str
    """What it does not go with."""
    reason: str
    """Why; names in braces are filled in."""
    remedy: str
    find: Finder
    """What to fill in, or None where there is no such conflict."""


def _if(found: Any) -> dict[str, Any] | None:
    return {} if found else None


def _exact(config: AcceleratorConfig) -> bool:
    return not config.array.rules.has_streams


def _no_streams(config: AcceleratorConfig, found: Any) -> dict[str, Any] | None:
    return {"arithmetic": config.array.arithmetic} if _exact(config) and found else None


def _dsp(config: AcceleratorConfig) -> dict[str, Any] | None:
    found = any(array.dsp and array.rules.counts_bits for array in config.arrays)
    return {"arithmetic": config.array.arithmetic} if found else None


def _fired(config: AcceleratorConfig, network: Network) -> Layer | None:
    """The first layer in stream mode, which only streams have."""
    layers = () if _exact(config) else network.layers
    return next((layer for layer in layers if layer.neuron == "stream"), None)


def _fired_name(config: AcceleratorConfig, network: Network) -> dict[str, Any] | None:
    layer = _fired(config, network)
    return {"layer": layer.name} if layer else None


def _lanes(config: AcceleratorConfig, network: Network) -> dict[str, Any] | None:
    exported = network.num_lanes
    wrong = [array.lanes for array in config.arrays if array.lanes % exported]
    if _exact(config) or not wrong:
        return None
    return {"lanes": wrong[0], "exported": exported, "network": network.name}


def _or_lanes(config: AcceleratorConfig, network: Network) -> dict[str, Any] | None:
    lanes, group = config.array.lanes, network.or_lanes
    values = {"lanes": lanes, "group": group, "network": network.name}
    return None if _exact(config) or lanes % group == 0 else values


def _stream_lanes(config: AcceleratorConfig, network: Network) -> dict[str, Any] | None:
    layer, lanes = _fired(config, network), config.array.lanes
    if layer is None or lanes == network.num_lanes:
        return None
    return {"lanes": lanes, "layer": layer.name, "exported": network.num_lanes}


def _stream_window(config: AcceleratorConfig, network: Network) -> dict[str, Any] | None:
    positions = config.array.positions
    for layer in () if _exact(config) else network.layers:
        rows, columns = layer.pool_window.kernel
        if layer.neuron == "stream" and positions % (rows * columns):
            return {"positions": positions, "layer": layer.name, "size": rows * columns}
    return None


def _shortest(config: AcceleratorConfig, network: Network) -> dict[str, Any] | None:
    if not config.early_termination or _fired(config, network):
        return None
    if len(config.array.rules.shorter(network)) > 1:
        return None
    return {"network": network.name}


def _no_exits(config: AcceleratorConfig, network: Network) -> dict[str, Any] | None:
    margins = config.interface.is_axi or network.exits
    return {"network": network.name} if config.early_termination and not margins else None


def _exit_lengths(config: AcceleratorConfig, network: Network) -> dict[str, Any] | None:
    if not config.early_termination or _fired(config, network):
        return None
    lengths = sorted(config.array.rules.shorter(network))
    wrong = [each.length for each in network.exits if each.length not in lengths]
    if not wrong:
        return None
    runs = ", ".join(map(str, lengths[:-1]))
    return {"network": network.name, "length": wrong[0], "runs": runs}


def _divides(config: AcceleratorConfig, what: str) -> dict[str, Any] | None:
    for array in config.arrays:
        width, count = array.width, getattr(array, what)
        if count % width:
            where = "array" if array == config.array else "last_array"
            return {"where": where, "width": width, "count": count}
    return None


def _other_last(config: AcceleratorConfig) -> dict[str, Any] | None:
    """What the last engine's array has otherwise that all must have alike."""
    for name in ("width", "arithmetic"):
        last, array = (getattr(each, name) for each in (config.arrays[-1], config.array))
        if last != array:
            return {"name": name, "last": last, "array": array}
    return None


def _no_words(config: AcceleratorConfig, network: Network) -> dict[str, Any] | None:
    """The first layer whose inputs lie in no words that the width divides."""
    width = config.array.width
    never = network.or_lanes > 1 or _fired(config, network)  # which have rows of their own
    for layer in () if _exact(config) or never else network.layers:
        size = layer.word.size if layer.word else 1
        if size % width:
            found = f"in words of {size}" if layer.word else "one by one"
            return {"width": width, "layer": layer.name, "found": found}
    return None


def _wide(config: AcceleratorConfig, found: Any) -> dict[str, Any] | None:
    return {"width": config.array.width, **found} if config.array.width > 1 and found else None


def _reshaped(config: AcceleratorConfig, network: Network) -> dict[str, Any] | None:
    """The first layer that reads a map in another shape, and is not linear."""
    for layer, parts in zip(network.layers, network.reads, strict=True):
        stored = network.stored_shape(parts[-1])
        if layer.kind == "conv2d" and layer.in_shape != stored:
            return _wide(config, {"layer": layer.name, "stored": tuple(stored)})
    return None


def _beat(config: AcceleratorConfig, _: Any) -> dict[str, Any] | None:
    if config.weights == "stream" or config.weight_beat == DEFAULT_BEAT:
        return None
    return {"beat": config.weight_beat, "weights": config.weights}


def _run_time(config: AcceleratorConfig) -> bool:
    return config.run_time_length or config.early_termination


OPTION_CONFLICTS = (
    Conflict(
        one="last_array",
        other="one engine",
        reason="last_array is that of the last of several engines, and engines = 1",
        remedy="choose more engines, or leave it out",
        find=lambda c, _: _if(c.last_array and c.engines == 1),
    ),
    Conflict(
        one="last_array",
        other="another width or arithmetic",
        reason="last_array: {name} = {last}, but array has {array}; all engines have the same",
        remedy="leave {name} out of last_array",
        find=lambda c, _: _other_last(c),
    ),
    Conflict(
        one="array: width",
        other="lanes that it does not divide",
        reason="{where}: lanes = {count} is no multiple of width = {width}, the operands that are "
        "read in a cycle",
        remedy="choose a multiple",
        find=lambda c, _: _divides(c, "lanes"),
    ),
    Conflict(
        one="array: width",
        other="channels that it does not divide",
        reason="{where}: channels = {count} is no multiple of width = {width}, the results that "
        "leave in a cycle",
        remedy="choose a multiple",
        find=lambda c, _: _divides(c, "channels"),
    ),
    Conflict(
        one="array: sharing = unshared",
        other="an arithmetic without streams",
        reason="array: sharing = unshared is of SNGs, and {arithmetic} arithmetic has none",
        remedy="leave it out",
        find=lambda c, _: _no_streams(c, c.array.sharing is Sharing.UNSHARED),
    ),
    Conflict(
        one="array: dsp",
        other="an arithmetic without multipliers",
        reason="array: dsp puts products into DSP blocks, and {arithmetic} arithmetic multiplies "
        "by AND gates",
        remedy="leave it out",
        find=lambda c, _: _dsp(c),
    ),
    Conflict(
        one="run_time_length, early_termination",
        other="arithmetic = binary",
        reason="a length chosen at run time is of streams or of bit-serial integers, and products "
        "of {arithmetic} arithmetic take a cycle",
        remedy="leave one of the two out",
        find=lambda c, _: _no_streams(c, _run_time(c) and not c.array.rules.counts_bits),
    ),
    Conflict(
        one="skip_zeros",
        other="an arithmetic without streams",
        reason="skip_zeros is of chunks of streams, and {arithmetic} arithmetic has none",
        remedy="leave it out",
        find=lambda c, _: _no_streams(c, c.skip_zeros),
    ),
    Conflict(
        one="engines",
        other="run_time_length, early_termination",
        reason="engines = {engines}: images of different stream lengths would be in the pipeline "
        "at a time",
        remedy="use one engine, or leave out the run-time length and early termination",
        find=lambda c, _: {"engines": c.engines} if c.engines > 1 and _run_time(c) else None,
    ),
    Conflict(
        one="engines",
        other="weights = ram",
        reason="engines = {engines}: weights can be loaded into one engine",
        remedy="use one, or leave the weights in ROM",
        find=lambda c, _: {"engines": c.engines} if c.engines > 1 and c.weights == "ram" else None,
    ),
    Conflict(
        one="weight_beat",
        other="weights that are not streamed",
        reason="weight_beat = {beat} is of weights on a stream, and weights = {weights}",
        remedy="choose weights = stream, or leave it out",
        find=_beat,
    ),
    Conflict(
        one="weights = ram",
        other="interface = raw",
        reason="weights = ram: the raw interface has no bus to write them over",
        remedy="choose the interface axi",
        find=lambda c, _: _if(c.weights == "ram" and not c.interface.is_axi),
    ),
)
"""Rows on options alone."""

NETWORK_CONFLICTS = (
    Conflict(
        one="array: width > 1",
        other="stream mode",
        reason="array: width = {width}: layer {layer!r} is in stream mode, whose neurons fire on "
        "inputs one by one",
        remedy="choose width = 1, or export in counter mode",
        find=lambda c, n: _wide(c, _fired_name(c, n)),
    ),
    Conflict(
        one="array: width > 1",
        other="OR groups",
        reason="array: width = {width}: network {network!r} has OR groups, whose inputs meet lanes "
        "one by one",
        remedy="choose width = 1, or export with or_lanes: 1",
        find=lambda c, n: _wide(
            c, {"network": n.name} if n.or_lanes > 1 and not _exact(c) else None
        ),
    ),
    Conflict(
        one="array: width",
        other="a network exported for other words",
        reason="array: width = {width} does not divide the words of the network: layer {layer!r} "
        "has inputs {found}",
        remedy="choose a width that does, or export with word = 8 under `sc`",
        find=_no_words,
    ),
    Conflict(
        one="array: width > 1",
        other="a layer that reads a map in another shape",
        reason="array: width = {width}: layer {layer!r} reads the map {stored} in another shape, "
        "whose rows lie elsewhere in the banks",
        remedy="choose width = 1",
        find=_reshaped,
    ),
    Conflict(
        one="array: lanes",
        other="a network exported for other lanes",
        reason="array: lanes = {lanes} is no multiple of the {exported} lanes that network "
        "{network!r} was exported for",
        remedy="choose a multiple or export again",
        find=_lanes,
    ),
    Conflict(
        one="array: lanes",
        other="OR groups that do not divide them",
        reason="array: lanes = {lanes} is no multiple of the or_lanes = {group} whose product bits "
        "network {network!r} ORs",
        remedy="choose a multiple or export again",
        find=_or_lanes,
    ),
    Conflict(
        one="array: lanes",
        other="stream mode exported for other lanes",
        reason="array: lanes = {lanes}, but layer {layer!r} is in stream mode with chunks of "
        "{exported} inputs",
        remedy="choose lanes = {exported} or export again",
        find=_stream_lanes,
    ),
    Conflict(
        one="array: positions",
        other="stream mode with larger pooling windows",
        reason="array: positions = {positions}, but layer {layer!r} pools windows of {size} "
        "neurons in stream mode, which must lie in one tile",
        remedy="choose a multiple of {size}",
        find=_stream_window,
    ),
    Conflict(
        one="run_time_length, early_termination",
        other="stream mode",
        reason="layer {layer!r} is in stream mode, whose fires a shorter stream does not scale",
        remedy="prefixes are of networks in counter mode",
        find=lambda c, n: _fired_name(c, n) if _run_time(c) else None,
    ),
    Conflict(
        one="early_termination",
        other="a network without shorter prefixes",
        reason="early_termination: network {network!r} has no shorter streams to run first",
        remedy="leave it out, or export with longer streams",
        find=_shortest,
    ),
    Conflict(
        one="early_termination",
        other="interface = raw, without exits in the network file",
        reason="early_termination: the raw interface has no registers for its margins, and network "
        "{network!r} has no exits",
        remedy="choose the interface axi, or a network with exits (`exit:` in a configuration)",
        find=_no_exits,
    ),
    Conflict(
        one="early_termination",
        other="exits at lengths that the arithmetic cannot run",
        reason="early_termination: network {network!r} has an exit at L = {length}, but its "
        "shorter runs are of L = {runs}",
        remedy="choose exits at these (`exit:` in a configuration)",
        find=_exit_lengths,
    ),
    Conflict(
        one="weights = ram",
        other="stream mode",
        reason="layer {layer!r} is in stream mode, whose constants are ROM",
        remedy="weights = ram is for networks in counter mode",
        find=lambda c, n: _fired_name(c, n) if c.weights == "ram" else None,
    ),
    Conflict(
        one="skip_zeros",
        other="stream mode",
        reason="skip_zeros: layer {layer!r} is in stream mode, whose neurons fire while the last "
        "chunk runs",
        remedy="leave it out, or export in counter mode",
        find=lambda c, n: _fired_name(c, n) if c.skip_zeros else None,
    ),
    Conflict(
        one="skip_zeros",
        other="OR groups",
        reason="skip_zeros: with OR groups each chunk counts one too many per group and cycle, "
        "which the bias takes off",
        remedy="leave it out, or export with or_lanes: 1",
        find=lambda c, n: _if(c.skip_zeros and n.or_lanes > 1),
    ),
)
"""Rows on what the network is, too."""

CONFLICTS = OPTION_CONFLICTS + NETWORK_CONFLICTS


def check_conflicts(config: AcceleratorConfig, network: Network | None = None) -> None:
    """Raise :class:`BitrainError` for the first row of the table that holds.

    network: None while there is none; then rows on options alone are looked at.
    """
    for row in CONFLICTS if network else OPTION_CONFLICTS:
        if (values := row.find(config, network)) is not None:
            raise BitrainError(f"{row.reason}; {row.remedy}".format_map(values))
