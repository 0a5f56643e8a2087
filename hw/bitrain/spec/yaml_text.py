"""YAML that people hand over, refused where reading it would crash, hang or fill the memory."""

from typing import Any

import yaml

MAX_CHARACTERS = 200_000
MAX_DEPTH = 40
MAX_VALUES = 20_000
"""With aliases counted as often as they stand."""
_PREFIX = "tag:yaml.org,2002:"
_TAGS = {_PREFIX + kind for kind in ("str", "int", "float", "bool", "null", "map", "seq", "merge")}


class _Loader(yaml.SafeLoader):
    """Refuses an option that is there twice; YAML's own loader takes the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen and key.tag != _PREFIX + "merge":
                raise yaml.MarkedYAMLError(
                    problem=f"{key.value} again", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


# What looks like a date is text.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag in _TAGS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_yaml(text: str) -> tuple[Any, yaml.Node | None]:
    """What a document says, in strings, numbers, lists and mappings, and its tree.

    Raises ValueError with a reason of one line.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"{len(text):,} characters, expected at most {MAX_CHARACTERS:,}")
    loader = None
    try:
        loader = _Loader(text)
        tree = loader.get_single_node()
        if tree is None:
            return None, None
        if _size(tree, {}, 0) > MAX_VALUES:
            raise ValueError(f"aliases stand for more than {MAX_VALUES:,} values")
        return loader.construct_document(tree), tree
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    except RecursionError as error:
        raise ValueError(f"nested more than {MAX_DEPTH} deep") from error
    finally:
        if loader:
            loader.dispose()


def _size(node: yaml.Node, known: dict[yaml.Node, int], depth: int) -> int:
    """Values below a node, without following an alias twice; ValueError for what cannot be read."""
    where = f"line {node.start_mark.line + 1}"
    if depth > MAX_DEPTH:
        raise ValueError(f"{where}: nested more than {MAX_DEPTH} deep")
    if node.tag not in _TAGS:
        raise ValueError(f"{where}: tag {node.tag.removeprefix(_PREFIX)!r} is not known here")
    if node not in known:
        known[node] = MAX_VALUES + 1  # if it holds itself
        parts = [node.value] if isinstance(node, yaml.SequenceNode) else []
        parts += node.value if isinstance(node, yaml.MappingNode) else []
        known[node] = 1 + sum(_size(each, known, depth + 1) for part in parts for each in part)
    return known[node]
