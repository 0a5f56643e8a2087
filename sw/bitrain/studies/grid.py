"""Grids over the fields of a configuration: axes as they are written down, and their points.

An axis is ``FIELD=VALUE,VALUE``. FIELD is the dotted path of a field of :class:`RunConfig`, or a
short name; values are YAML. A point is one value of each axis. Fields that do not go together make
a point with a problem, so that a grid need not be cut to fit.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import combinations, product
from math import prod
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from bitrain.flow.config import RunConfig
from bitrain.spec import BitrainError, plain
from bitrain.spec.yaml_text import parse_yaml

from .ablation import SEQUENCES

Path = tuple[str, ...]
"""Of a field."""
MOST_POINTS = 10_000
PAIRS = {
    "lfsr": SEQUENCES["LFSR × LFSR"],
    "sobol": SEQUENCES["van der Corput × Sobol"],
    "ramp": SEQUENCES["van der Corput × ramp"],
    "multiplexer_ramp": SEQUENCES["van der Corput by multiplexers × ramp"],
    "multiplexer_sobol": SEQUENCES["van der Corput × Sobol, both by multiplexers"],
}
"""Values of ``sequences``: activation source and weight source."""
SHORT = {
    "n": ("sc.bits",),
    "L": ("sc.stream_length",),
    "sequences": ("sc.activation_source", "sc.weight_source"),
    "P": ("accelerator.array.channels",),
    "Q": ("accelerator.array.positions",),
    "N": ("sc.lanes", "accelerator.array.lanes"),
    "W": ("accelerator.array.width",),
    "sharing": ("accelerator.array.sharing",),
}
"""Short names, and the fields that they set."""
_UNUSED = {
    "train.seed": "give --seeds",
    "finetune.seed": "give --seeds",
    **dict.fromkeys(
        ["name", "lengths", "simulate", "synth.frequency", "synth.seed"],
        "no figure of the table depends on it",
    ),
}
"""Fields that are no axes, and why."""
_HARDWARE = ("accelerator", "synth")
"""Sections that do not change what is trained; but for the arithmetic."""

_TEXTS = ("accelerator.interface", "accelerator.last_array")
"""Sections that a word can stand for."""
_OF_LENGTHS = (
    ("sc", "lengths"),
    ("sc", "layer_lengths"),
    ("finetune", "prefix_weights"),
    ("finetune", "prefix_distillation"),
    ("finetune", "sampled_prefixes"),
)
"""Fields that networks of one length do not have."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A field, or several that change together, and its values."""

    name: str
    """As the user wrote it."""
    texts: tuple[str, ...]
    """The values, as the user wrote them."""
    values: tuple[Any, ...]
    paths: tuple[Path, ...]

    @property
    def settings(self) -> list[tuple[Any, ...]]:
        """For each value what each path is set to."""
        if self.name == "sequences":
            return [tuple(each.model_dump() for each in PAIRS[value]) for value in self.values]
        return [(value,) * len(self.paths) for value in self.values]

    @property
    def of_network(self) -> bool:
        """Whether it changes the network, and so its accuracy."""
        hardware = (path[0] in _HARDWARE and path[-1] != "arithmetic" for path in self.paths)
        return not all(hardware)


@dataclass(frozen=True, kw_only=True)
class Point:
    """A value of each axis, and the configuration that has them."""

    cells: dict[str, str]
    """The values as written, by the axes' names."""
    config: RunConfig | None = None
    problem: str = ""
    """Why there is no accelerator of it."""

    def failed(self, problem: str) -> "Point":
        """The same with a problem."""
        return replace(self, problem=problem)


def parse_grid(texts: Sequence[str]) -> tuple[Axis, ...]:
    """The axes of ``FIELD=VALUE,VALUE`` each; :class:`BitrainError` names what is wrong."""
    if not texts:
        raise BitrainError("no axis to sweep; give --grid FIELD=VALUE,VALUE, as --grid L=8,16,32")
    axes = tuple(_axis(text) for text in texts)
    for one, other in combinations(axes, 2):
        for path, its in product(one.paths, other.paths):
            if path[: len(its)] == its or its[: len(path)] == path:
                raise BitrainError(
                    f"--grid {other.name}: {one.name} sets {'.'.join(max(path, its, key=len))} "
                    "too; give each field in one --grid"
                )
    return axes


def points_of(base: RunConfig, options: Mapping[str, Any], axes: Sequence[Axis]) -> list[Point]:
    """All combinations, the last axis changing first.

    options: those of the configuration file, which ``base`` was read from. Raises
    :class:`BitrainError` for a value that its field cannot have, and for too many points.
    """
    count = prod(len(axis.values) for axis in axes)
    if count > MOST_POINTS:
        raise BitrainError(
            f"--grid: {count:,} points, at most {MOST_POINTS:,}; give fewer values, or several "
            "sweeps"
        )
    options = _whole(options)
    for axis in axes:
        _check_values(base, options, axis)
    choices = [list(zip(axis.texts, axis.settings, strict=True)) for axis in axes]
    return [_point(base, options, axes, chosen) for chosen in product(*choices)]


def _axis(text: str) -> Axis:
    name, equals, values = (part.strip() for part in text.partition("="))
    if not equals or not name:
        raise BitrainError(f"--grid {text}: expected FIELD=VALUE,VALUE, as L=8,16,32")
    if not values:
        raise BitrainError(f"--grid {text}: no values; give some, as {name}=VALUE,VALUE")
    texts = tuple(part.strip() for part in _split(values))
    for index, each in enumerate(texts):
        if not each:
            raise BitrainError(f"--grid {text}: an empty value between commas; leave it out")
        if each in texts[:index]:
            raise BitrainError(f"--grid {text}: {each} is there twice; leave one out")
    try:
        parsed = tuple(parse_yaml(each)[0] for each in texts)
    except ValueError as error:
        raise BitrainError(f"--grid {text}: not valid YAML ({error})") from error
    if name == "sequences" and (unknown := [each for each in texts if each not in PAIRS]):
        raise BitrainError(
            f"--grid sequences: {unknown[0]!r} is unknown; choose of {', '.join(PAIRS)}, or sweep "
            "fields of sc.activation_source and sc.weight_source"
        )
    if name == "L" and not all(isinstance(each, int) for each in parsed):
        raise BitrainError(f"--grid {text}: expected whole numbers, powers of two")
    paths = tuple(_path(name, field) for field in SHORT.get(name, (name,)))
    return Axis(name=name, texts=texts, values=parsed, paths=paths)


def _split(text: str) -> list[str]:
    """Parts between commas that are in no brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "[{") - (character in "]}")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _path(name: str, field: str) -> Path:
    """The path of a field, from the top; :class:`BitrainError` where there is none."""
    path = tuple(field.split("."))
    path = ("accelerator", *path) if path[0] == "array" else path
    for depth in range(1, len(path) + 1):
        if reason := _UNUSED.get(".".join(path[:depth])):
            raise BitrainError(f"--grid {name}: cannot be an axis; {reason}")
    section: type[BaseModel] | None = RunConfig
    for depth, part in enumerate(path, 1):
        last = depth == len(path)
        if section and last and part and section.model_config.get("extra") == "allow":
            return path  # an option of some kind, which will say whether it has it
        if section is None or part not in section.model_fields:
            raise BitrainError(
                f"--grid {name}: a configuration has no such field; {_nearest(name)}"
            )
        annotation = section.model_fields[part].annotation
        section = _section(annotation)
        if get_origin(annotation) is dict and depth == len(path) - 1:
            return path  # names of layers
    if section and name not in SHORT and ".".join(path) not in _TEXTS:
        fields = ", ".join(f"{name}.{part}" for part in section.model_fields)
        raise BitrainError(f"--grid {name}: a whole section; give one of its fields: {fields}")
    return path


def _section(annotation: Any) -> type[BaseModel] | None:
    """The section that a field holds, if it is one."""
    for each in (annotation, *get_args(annotation)):
        if isinstance(each, type) and issubclass(each, BaseModel):
            return each
    return None


def _fields(section: type[BaseModel], before: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        inner = _section(field.annotation)
        yield from _fields(inner, f"{before}{name}.") if inner else (before + name,)


def _nearest(name: str) -> str:
    known = [each for each in _fields(RunConfig) if each not in _UNUSED]
    same = [each for each in known if each.rpartition(".")[2] == name.rpartition(".")[2]]
    found = [*dict.fromkeys([*same, *get_close_matches(name, [*known, *SHORT], cutoff=0.6)])]
    if found:
        return f"did you mean {' or '.join(found[:3])}?"
    return f"give one as sc.bits, or one of {', '.join(SHORT)}"


def _whole(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of which ``array`` is in the accelerator."""
    found = deepcopy(dict(options))
    if "array" in found:
        found["accelerator"] = {**(found.get("accelerator") or {}), "array": found.pop("array")}
    return found


def _put(options: dict[str, Any], base: RunConfig, path: Path, value: Any) -> None:
    """Set a field; what is beside it in its section stays as ``base`` has it."""
    node, here = options, base
    for name in path[:-1]:
        here = here.get(name) if isinstance(here, dict) else getattr(here, name, None)
        if not isinstance(node.get(name), dict):
            if isinstance(here, BaseModel):
                found = here.model_dump(exclude_unset=True)
            else:
                found = dict(here or {})
            node[name] = found
        node = node[name]
    node[path[-1]] = value


def _check_values(base: RunConfig, options: Mapping[str, Any], axis: Axis) -> None:
    """Refuse a value that its field cannot have, whatever the other fields are."""
    for text, setting in zip(axis.texts, axis.settings, strict=True):
        alone = deepcopy(dict(options))
        for path, value in zip(axis.paths, setting, strict=True):
            _put(alone, base, path, value)
        try:
            RunConfig.model_validate(alone)
        except ValidationError as error:
            for each in error.errors():
                if any(each["loc"][: len(path)] == path for path in axis.paths):
                    raise BitrainError(f"--grid {axis.name}={text}: {plain(each)}") from error


def _point(
    base: RunConfig,
    options: Mapping[str, Any],
    axes: Sequence[Axis],
    chosen: Sequence[tuple[str, tuple[Any, ...]]],
) -> Point:
    point = Point(cells={axis.name: text for axis, (text, _) in zip(axes, chosen, strict=True)})
    set_paths = {path for axis in axes for path in axis.paths}
    length, found = None, deepcopy(dict(options))
    if "L" in point.cells:  # a network of one length
        found.pop("exit", None)
        for section, name in _OF_LENGTHS:
            (found.get(section) or {}).pop(name, None)
    for axis, (_, setting) in zip(axes, chosen, strict=True):
        if axis.name == "L" and ("sc", "bits") not in set_paths:
            length = setting[0]
            continue
        for path, value in zip(axis.paths, setting, strict=True):
            _put(found, base, path, value)
    try:
        config = RunConfig.model_validate(found)
        return replace(point, config=config if length is None else _at(config, length, set_paths))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return point.failed(f"{where}: {plain(first)}" if where else plain(first))
    except BitrainError as error:
        return point.failed(str(error))


def _at(config: RunConfig, length: int, set_paths: set[Path]) -> RunConfig:
    """The network for streams of ``length``, n = log2 L, as `bitrain accuracy` trains it."""
    before, sc = config.sc, config.sc.with_length(length)
    for path in set_paths:
        if path[0] != "sc" or path == ("sc", "stream_length"):
            continue
        if _value(before, path[1:]) != _value(sc, path[1:]):
            raise BitrainError(
                f"L = {length}: n = {sc.bits} changes {'.'.join(path)}; sweep n and L both, so "
                "that n stays"
            )
    return config.model_copy(update={"sc": sc})


def _value(section: Any, path: Path) -> Any:
    for name in path:
        section = section.get(name) if isinstance(section, dict) else getattr(section, name, None)
    return section
