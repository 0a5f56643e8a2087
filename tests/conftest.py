"""What all tests share."""

import os

import pytest
from sampling import sampled

# Before torch is imported: threads that spin while they wait crawl where workers share cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--every N``, for machines that have no hour for the slow tests."""
    about = "of the parameter sets of each slow test, run one in N, the same ones each time"
    parser.addoption("--every", type=int, default=1, metavar="N", help=about)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the others out."""
    slow = [item for item in items if "slow" in item.keywords]
    kept = sampled([item.nodeid.partition("[")[0] for item in slow], config.option.every)
    left_out = {*slow} - {slow[place] for place in kept}
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]
