"""The text of a Liberty file as nested groups.

There is a well-kept parser on PyPI, under a licence that this project's does not go together with;
the language is three kinds of statements:

    name (argument, …) { statement … }
    name (value, …) ;
    name : value ;
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKENS = re.compile(
    r"""(?P<space>\\?\s+|\\|/\*.*?\*/|//[^\n]*)|(?P<text>"(?:[^"\\]|\\.)*")"""
    r"""|(?P<mark>[(){}:;,])|(?P<word>[^\s(){}:;,"]+)""",
    re.S,
)


@dataclass
class Group:
    """A group with what it holds."""

    kind: str
    args: list[str] = field(default_factory=list)
    values: dict[str, list[str]] = field(default_factory=dict)
    """Attributes by their names, without quotes; of several alike the last."""
    groups: list["Group"] = field(default_factory=list)

    def of(self, *kinds: str) -> "list[Group]":
        """The groups of these kinds in it."""
        return [group for group in self.groups if group.kind in kinds]

    def text(self, name: str, default: str = "") -> str:
        """The first value of an attribute."""
        return next(iter(self.values.get(name, ())), default)

    def number(self, name: str, default: float = 0.0) -> float:
        """The same as a number."""
        return float(self.text(name) or default)


def parse(text: str) -> Group:
    """The one group of a file; ValueError says the line that is wrong."""
    file = Group("file")
    _Tokens(text).statement(file)
    if not file.groups:
        raise ValueError("line 1: an attribute, expected library (name) {")
    return file.groups[0]


class _Tokens:
    """The words and marks of a text, one after the other."""

    def __init__(self, text: str):
        self._text = text
        self._all = self._read()
        self._before = 0
        self._kind, self._word, self._place = next(self._all)

    def _read(self) -> Iterator[tuple[str, str, int]]:
        place = 0
        while place < len(self._text):
            found = _TOKENS.match(self._text, place)
            if found is None:
                line = self._text.count("\n", 0, place) + 1
                raise ValueError(f"line {line}: a text without its second quote")
            if (kind := found.lastgroup) != "space":
                yield kind or "", found.group(), place
            place = found.end()
        while True:
            yield "", "the end of the file", place

    def take(self) -> None:
        """Go on to the next one."""
        self._before = self._place + len(self._word)
        self._kind, self._word, self._place = next(self._all)

    def error(self, expected: str) -> ValueError:
        """That something else stands there."""
        line = self._text.count("\n", 0, self._place) + 1
        return ValueError(f"line {line}: {self._word}, expected {expected}")

    def mark(self, wanted: str) -> bool:
        """Whether it is next, and then taken."""
        found = self._kind == "mark" and self._word == wanted
        if found:
            self.take()
        return found

    @property
    def same_line(self) -> bool:
        """Whether the next one is on the line of the one before."""
        return "\n" not in self._text[self._before : self._place]

    @property
    def is_word(self) -> bool:
        """Whether a word or a text is next."""
        return self._kind in ("word", "text")

    def word(self, expected: str) -> str:
        """Take a word, or a text without its quotes."""
        if not self.is_word:
            raise self.error(expected)
        kind, found = self._kind, self._word
        self.take()
        return found[1:-1].replace("\\\n", " ") if kind == "text" else found

    def statement(self, into: Group) -> None:
        """Add the next statement to a group."""
        name = self.word("a statement, or }")
        if self.mark(":"):
            words = [self.word("a value")]
            while self.is_word and self.same_line:  # the ; may be missing
                words.append(self.word("a value"))
            into.values[name] = [" ".join(words)]
            return
        if not self.mark("("):
            raise self.error(f"( or : after {name}")
        args = []
        while not self.mark(")"):
            args.append(self.word("a value, or )"))
            self.mark(",")
        if not self.mark("{"):
            into.values[name] = args
            return
        into.groups.append(group := Group(name, args))
        while not self.mark("}"):
            if not self.mark(";"):
                self.statement(group)
