"""Fields of a layer's descriptor."""

from dataclasses import MISSING, fields

from bitrain.program import descriptor
from bitrain.program.descriptor import SIGNED_FIELDS, Descriptor

OPTIONAL = tuple(
    name
    for group, names in vars(descriptor).items()
    if group.endswith("_FIELDS") and group != "SIGNED_FIELDS"
    for name in names
)


def test_what_a_program_may_lack_is_zero_by_default():
    defaults = {field.name: field.default for field in fields(Descriptor)}
    assert {name for name, default in defaults.items() if default is not MISSING} == set(OPTIONAL)
    assert all(defaults[name] == 0 for name in OPTIONAL) and len(set(OPTIONAL)) == len(OPTIONAL)
    assert defaults.keys() > SIGNED_FIELDS
