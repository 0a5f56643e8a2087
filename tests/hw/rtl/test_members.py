"""Docstrings name exactly the members that a component has."""

import inspect
import pkgutil
import re
from importlib import import_module

import pytest
from amaranth.lib.wiring import Component

import bitrain.rtl
from bitrain.rtl.ports.top import Top

MODULES = [
    import_module(found.name)
    for found in pkgutil.walk_packages(bitrain.rtl.__path__, "bitrain.rtl.")
    if not found.ispkg
]
COMPONENTS = [
    member
    for module in MODULES
    for name, member in inspect.getmembers(module, inspect.isclass)
    if issubclass(member, Component) and member.__module__ == module.__name__
    if not name.startswith("_") and member is not Top  # whose names are those of its interface
]


def test_components_are_found():
    assert len(COMPONENTS) >= 37


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda c: c.__name__)
def test_documented_members_are_the_signature(component):
    text = inspect.getdoc(component) or ""
    members = text[text.index("Members\n-------") :]
    documented = set()
    for line in members.splitlines()[2:]:
        if line and not line.startswith(" "):
            documented.update(re.findall(r"(\w+)(?=[\w, ]* : )", line))
    source = inspect.getsource(component.__init__).partition("__init__(")[2]
    source = source.partition("__init__(")[2]  # that of the base
    declared = set(re.findall(r'"(\w+)": (?:In|Out)\(', source))
    assert documented == declared
