"""Files that Yosys 0.70 and nextpnr 0.11.1 wrote for the component of tests/hw/gen/conftest.py."""

import json
from pathlib import Path
from typing import Any

OUTPUTS = Path(__file__).parent / "hw" / "gen" / "outputs"


def load(name: str) -> Any:
    return json.loads((OUTPUTS / name).read_text())
