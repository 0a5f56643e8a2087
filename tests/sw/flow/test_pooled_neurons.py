"""The table of pooled neurons: what errs, and by how much."""

import numpy as np
import pytest

from bitrain.flow import pooled_neurons
from bitrain.flow.pooled_neurons import LFSR, exact, random_increments
from bitrain.nn import ScConfig


@pytest.mark.parametrize(
    "config", [ScConfig(bits=pooled_neurons.BITS), LFSR], ids=["default", "lfsr"]
)
def test_what_fires_errs_upwards_and_little(config):
    increments = random_increments(config)
    wanted = exact(increments)
    errors = {v.name: v.activations(increments) - wanted for v in pooled_neurons.variants()}
    counters, fused, *saturating, literature = errors.values()
    assert not counters.any()
    assert fused.min() >= 0 and 0 < fused.mean() < 0.05
    assert all((error >= fused).all() for error in saturating)
    assert np.abs(literature).mean() > 10 * fused.mean()
