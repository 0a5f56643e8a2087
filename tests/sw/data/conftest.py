"""Real data sets, where there are any beside the repository."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the real data sets are not there: no folder ../shared/data")
    return SHARED
