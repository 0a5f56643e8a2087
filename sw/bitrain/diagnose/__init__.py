"""Where a network loses accuracy, layer by layer, and what helps."""

from .diagnosis import Diagnosis, diagnose, write_diagnosis
from .floats import OWN_NUMBERS, Reference, find_reference
from .remedies import Repair, repair
from .surgery import Case

__all__ = [
    "OWN_NUMBERS",
    "Case",
    "Diagnosis",
    "Reference",
    "Repair",
    "diagnose",
    "find_reference",
    "repair",
    "write_diagnosis",
]
