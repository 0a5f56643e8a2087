"""Memory images under names that tell what they hold.

A file is named after its memory and as much of the module's path as makes the name unique.
"""

import copy
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from amaranth.lib.memory import Memory as AmaranthMemory

SEPARATOR = "__"
"""Between the parts of a module's path: top__array__source."""

_GENERIC = frozenset({"memory", "mem", "rom", "ram", "data", "array"})
"""Names of memories that say nothing: the module around them has the name."""
_MODULE = re.compile(r"^module (?P<name>\S+?) ?\(.*?^endmodule", re.M | re.S)
_MEMORY = re.compile(
    r"^  \(\* contents = 32'd(?P<number>\d+) \*\)\n"
    r"(?P<declaration>"
    r"^  reg (?:\[(?P<top_bit>\d+):0\] )?(?P<name>\S+) +\[(?P<last>\d+):0\];\n)",
    re.M,
)


@dataclass(frozen=True, kw_only=True)
class Memory:
    """A memory in the Verilog."""

    file: str | None
    """Image that ``$readmemb`` reads, bare name in rom/; None for a RAM that needs no contents."""
    module: str
    name: str
    depth: int
    width: int

    def image(self, words: Iterable[int]) -> Iterator[str]:
        """Lines of the file, one for each word; of negative ones in two's complement."""
        mask = (1 << self.width) - 1
        return (f"{word & mask:0{self.width}b}\n" for word in words)


class Contents:
    """A platform of Amaranth that makes memories without contents, numbered by an attribute."""

    def __init__(self):
        self.words: list[list[int]] = []
        """Of each memory, as Amaranth has them: those of a signed shape may be negative."""
        self.kept: set[int] = set()
        """Memories with the attribute ``initial_contents``, whose words matter if all are zero."""
        self.unchecked: set[int] = set()
        """Memories with the attribute ``no_rw_check``, which tools understand."""

    def get_memory(self, made: AmaranthMemory) -> Any:
        """Amaranth's hook: what a memory elaborates to."""
        number = len(self.words)
        instance: Any = made.elaborate(None)
        data: Any = copy.copy(made.data)
        self.words.append(data._init._raw)
        if "initial_contents" in made.attrs:
            self.kept.add(number)
        if "no_rw_check" in made.attrs:
            self.unchecked.add(number)
        # No public way leaves them out, and Amaranth makes an object of each bit.
        data._init = SimpleNamespace(_raw=())
        instance._data, instance._attrs = data, {"contents": number}
        return instance


def name_memories(verilog: str, contents: Contents) -> tuple[str, dict[Memory, list[int]]]:
    """The Verilog that reads named images, and the words by memory.

    Takes Verilog whose memories have the numbers of ``contents``. A RAM that would start as zeros
    gets no image unless that is in ``contents.kept``: hardware cannot clear it a second time, so
    that no design may rely on it. In simulation it starts as ones, at addresses beyond its end
    too: what neurons beyond a map count is garbage that is later subtracted from itself, which is
    zero for all numbers but those that a simulator does not know.
    """
    found: list[tuple[re.Match, str, list[str]]] = []
    written = set()
    for module in _MODULE.finditer(verilog):
        module_name = module["name"].removeprefix("\\")
        for match in _MEMORY.finditer(verilog, *module.span()):
            path = [*module_name.split(SEPARATOR)[1:], _plain_name(match["name"])]
            meaningful = [part for part in path if part not in _GENERIC]
            found.append((match, module_name, meaningful or path))
            if re.search(rf"{re.escape(match['name'])} *\[[^\n;]*\] <=", module[0]):
                written.add(int(match["number"]))
    names = _unique_suffixes([path for _, _, path in found])
    parts, position, named = [], 0, {}
    for (match, module_name, _), name in zip(found, names, strict=True):
        number = int(match["number"])
        words = contents.words[number]
        needed = number not in written or number in contents.kept or any(words)
        memory = Memory(
            file=f"{name}.mem" if needed else None,
            module=module_name,
            name=_plain_name(match["name"]),
            depth=int(match["last"]) + 1,
            width=int(match["top_bit"] or 0) + 1,
        )
        parts.append(verilog[position : match.start()])
        declaration = match["declaration"]
        if number in contents.unchecked:
            declaration = f"  (* no_rw_check *)\n{declaration}"
        if needed:
            # With its bounds, as standards differ on where to begin in an array that counts down.
            target = match["name"] + " " * match["name"].startswith("\\")
            arguments = f'"{memory.file}", {target}, 0, {match["last"]}'
            parts.append(f"{declaration}  initial $readmemb({arguments});\n")
        else:
            parts.append(_ram(memory, match, declaration))
        position = match.end()
        named[memory] = words
    return "".join(parts) + verilog[position:], named


def _ram(memory: Memory, match: re.Match, declaration: str) -> str:
    """The declaration of a RAM; in simulation with a word for each address, of ones."""
    declared = match["name"]
    word = re.sub(r"\W", "_", declared.removeprefix("\\")) + "_word"
    last = (1 << (memory.depth - 1).bit_length()) - 1
    size = match["declaration"].replace(f"[{match['last']}:0];", f"[{last}:0];")
    return (
        f"`ifdef SYNTHESIS\n{declaration}`else\n{size}"
        f"  integer {word};\n"
        f"  initial for ({word} = 0; {word} <= {last}; {word} = {word} + 1)\n"
        f"    {declared} [{word}] = {{{memory.width}{{1'b1}}}};\n"
        "`endif\n"
    )


def _unique_suffixes(paths: list[list[str]]) -> list[str]:
    """The shortest ends of paths that tell each from all others, as file names."""
    names, seen = [], Counter()
    for path in paths:
        others = [other for other in paths if other is not path]
        length = 1
        while length < len(path) and any(o[-length:] == path[-length:] for o in others):
            length += 1
        name = re.sub(r"\W", "_", "_".join(path[-length:]))
        names.append(f"{name}_{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return names


def _plain_name(name: str) -> str:
    """A name without the escape of Verilog and the number that Amaranth adds to a taken one."""
    return re.sub(r"\$\d+$", "", name.removeprefix("\\"))
