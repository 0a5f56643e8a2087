"""Names of Verilog modules, which also name files and stand in scripts of tools."""

import re
from typing import Annotated

from pydantic import AfterValidator
from pygments.lexers.hdl import SystemVerilogLexer
from pygments.token import Token

from bitrain.spec import BitrainError


def default_name(network_name: str) -> str:
    """A network's name as a Verilog identifier."""
    name = re.sub(r"[\W_]+", "_", network_name, flags=re.ASCII).strip("_").lower()
    usable = name and not name[0].isdigit() and not _is_keyword(name)
    return name if usable else f"network_{name}".rstrip("_")


def check_name(top: str) -> str:
    """The name; :class:`BitrainError` for what cannot be that of a Verilog module."""
    if not re.fullmatch(r"[A-Za-z_]\w*", top, re.ASCII) or "__" in top:
        raise BitrainError(
            f"name {top!r} is no module name; use letters, digits and single underscores"
        )
    if _is_keyword(top):
        raise BitrainError(f"name {top!r} is a keyword of Verilog; choose another")
    return top


def _is_keyword(word: str) -> bool:
    (kind, _), *_ = SystemVerilogLexer().get_tokens(word)
    return kind is not Token.Name


def _checked(top: str) -> str:
    try:
        return check_name(top)
    except BitrainError as error:
        raise ValueError(str(error)) from error


ModuleName = Annotated[str, AfterValidator(_checked)]
"""A field of a configuration that is read from a file."""
