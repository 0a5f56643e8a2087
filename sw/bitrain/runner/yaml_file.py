"""Configurations from YAML files; a mistake is told with its line."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from bitrain.spec import BitrainError, plain
from bitrain.spec.yaml_text import parse_yaml

from .examples import example_paths

Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: Path, model: type[Model], kind: str = "") -> Model:
    """The file as a ``model``; :class:`BitrainError` names the line and the option that is wrong.

    path: a file, or the name of an example. kind: of the examples (:func:`example_paths`).
    """
    path, content, tree = _read(path, kind)
    try:
        found = model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where, what = _named(first["loc"], plain(first))
        line, option = _locate(tree, where)
        place = f"line {line}: {option}" if option else "configuration"
        raise BitrainError(f"{path}: {place}: {what}") from error
    for where, flag in _flags_as_numbers(content, found):
        line, option = _locate(tree, where)
        what = f"expected a number, not {str(flag).lower()}"
        raise BitrainError(f"{path}: line {line}: {option}: {what}")
    return found


def read_options(path: Path, kind: str = "") -> dict[str, Any]:
    """The options of such a file as they stand there, not checked."""
    return _read(path, kind)[1]


def _read(path: Path, kind: str) -> tuple[Path, dict[str, Any], Any]:
    """The file that ``path`` names, its options, and their tree."""
    if not path.is_file():
        examples = example_paths(kind)
        if str(path) not in examples:
            raise BitrainError(
                f"{path}: no such configuration file; the examples are {', '.join(examples)}"
            )
        path = examples[str(path)]
    try:
        content, tree = parse_yaml(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BitrainError(f"{path}: not valid YAML ({error})") from error
    if not isinstance(content, dict):
        names = ", ".join(example_paths(kind))
        raise BitrainError(f"{path}: expected a mapping of options; see the examples {names}")
    return path, content, tree


def _flags_as_numbers(
    given: Any, found: Any, where: tuple[int | str, ...] = ()
) -> Iterator[tuple[tuple[int | str, ...], bool]]:
    """Places where the file has true or false and pydantic took it for 1 or 0."""
    if isinstance(given, bool):
        if isinstance(found, int | float | tuple) and not isinstance(found, bool):
            yield where, given
    elif isinstance(given, dict):
        values = found
        if isinstance(found, BaseModel):
            fields = type(found).model_fields.items()
            values = {field.alias or name: getattr(found, name) for name, field in fields}
        if isinstance(values, dict):
            for name, value in given.items():
                yield from _flags_as_numbers(value, values.get(name), (*where, name))
    elif isinstance(given, list) and isinstance(found, list | tuple) and len(given) == len(found):
        for index, (value, inner) in enumerate(zip(given, found, strict=True)):
            yield from _flags_as_numbers(value, inner, (*where, index))


def _named(location: tuple[int | str, ...], what: str) -> tuple[tuple[int | str, ...], str]:
    """Where a mistake is, and what: one of several options begins with the name of one of them."""
    if not location and (found := re.match(r"([a-z_]+(?:\.[a-z_]+)*): ", what)):
        return tuple(found[1].split(".")), what[found.end() :]
    return location, what


def _locate(node: Any, location: tuple[int | str, ...]) -> tuple[int, str]:
    """Line and dotted name of an option, as far as the file has it.

    The name goes on where an option is missing; parts that are pydantic's own are left out, and
    those that a short form leaves out.
    """
    line, names, missing = 1, [], 0
    for part in location:
        if isinstance(node, yaml.MappingNode):
            entry = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if entry is None:
                names.append(str(part))
                missing += 1
                continue
            names[len(names) - missing :], missing = [str(part)], 0
            line, node = entry[0].start_mark.line + 1, entry[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line + 1
            names.append(str(part))
        else:
            break
    return line, ".".join(names)
