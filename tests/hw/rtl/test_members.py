"""Docstrings name exactly the members that a component has."""

import inspect
import re

import pytest
from amaranth.lib.wiring import Component

import bitrain.rtl

EXPORTED = [getattr(bitrain.rtl, name) for name in bitrain.rtl.__all__]
COMPONENTS = [exported for exported in EXPORTED if inspect.isclass(exported)]


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda c: c.__name__)
def test_documented_members_are_the_signature(component):
    assert issubclass(component, Component)
    text = inspect.getdoc(component) or ""
    members = text[text.index("Members\n-------") :]
    documented = set()
    for line in members.splitlines()[2:]:
        if line and not line.startswith(" "):
            documented.update(re.findall(r"(\w+)(?=[\w, ]* : )", line))
    source = inspect.getsource(component.__init__).partition("super().__init__(")[2]
    declared = set(re.findall(r'"(\w+)": (?:In|Out)\(', source))
    assert documented == declared
