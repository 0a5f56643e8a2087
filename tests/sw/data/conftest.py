"""Real data sets, where there are any beside the repository, and a tree of small images."""

from pathlib import Path

import pytest
from image_trees import write_tree

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the real data sets are not there: no folder ../shared/data")
    return SHARED


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "pets"
    write_tree(folder)
    return folder
