"""Where a network loses accuracy, layer by layer, and what helps."""

from .diagnosis import OWN_NUMBERS, Diagnosis, diagnose, write_diagnosis
from .floats import FloatModel
from .remedies import Repair, repair
from .surgery import Case

__all__ = [
    "OWN_NUMBERS",
    "Case",
    "Diagnosis",
    "FloatModel",
    "Repair",
    "diagnose",
    "repair",
    "write_diagnosis",
]
