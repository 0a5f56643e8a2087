"""The one exception for a user's mistake: the command line prints its single line and exits 2."""

import re
from collections.abc import Mapping
from typing import Any


class BitrainError(Exception):
    """A mistake in what the user gave (file, layer, option), or a tool that is missing.

    The message is one line: what is wrong and where, what was expected, how to mend it.
    """


def plain(problem: Mapping[str, Any]) -> str:
    """A problem that pydantic found with a value, in plain words; one of ``error.errors()``."""
    kind, context, given = problem["type"], problem.get("ctx", {}), problem.get("input")
    if kind == "value_error":
        return str(context["error"])
    if kind in ("literal_error", "enum"):
        told = context["expected"].replace("'", "")
        quoted = isinstance(given, str) and given in re.split(", | or ", told)
        return f"{given!r}: expected {told}{', without quotes' if quoted else ''}"
    if kind in _BOUNDS:
        bound, name = _BOUNDS[kind]
        return f"{given!r}: expected {bound} {context[name]:g}"
    if kind in _EXPECTED:
        return f"{given!r}: expected {_EXPECTED[kind]}"
    if kind == "string_pattern_mismatch":
        return f"{given!r}: expected text of the form {context['pattern']}"
    told = {"extra_forbidden": "there is no such option", "missing": "is missing"}
    return told.get(kind) or problem["msg"]


_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}
_EXPECTED = {
    **dict.fromkeys(["int_type", "int_parsing", "int_from_float"], "a whole number"),
    **dict.fromkeys(["float_type", "float_parsing"], "a number"),
    "finite_number": "a finite number",
    **dict.fromkeys(["bool_type", "bool_parsing"], "true or false"),
    "string_type": "text",
    **dict.fromkeys(["tuple_type", "list_type"], "a list, as [1, 2]"),
    **dict.fromkeys(["model_type", "dict_type"], "options, as {name: value}"),
}
