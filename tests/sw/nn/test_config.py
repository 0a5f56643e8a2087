"""Banks that a configuration describes, and configurations that are refused."""

import numpy as np
import pytest
from own_sequence import installed
from pydantic import ValidationError

from bitrain.nn import ScConfig, StreamSource
from bitrain.spec import Lfsr, Sobol


def test_defaults() -> None:
    config = ScConfig()
    assert config.length == 32
    activation, weight = config.banks()
    assert len(activation.lanes) == len(weight.lanes) == 16
    assert activation.sequence != weight.sequence


@pytest.mark.parametrize("bits", range(2, 11))
def test_default_products_are_nearly_exact(bits) -> None:
    """Averaged over the inverted lanes a product is exact but for the lanes that are missing."""
    lanes = 1 << bits
    activation, weight = (
        bank.values(1 << bits) for bank in ScConfig(bits=bits, lanes=min(lanes, 256)).banks()
    )
    for a, w in ((lanes // 2, lanes // 2), (lanes // 4, lanes // 2), (lanes, lanes // 4)):
        ones = ((activation < a) & (weight < w)).sum(1)
        assert ones.mean() == a * w / lanes


def test_wirings() -> None:
    source = StreamSource(kind="ramp", wiring="inverted")
    np.testing.assert_array_equal(
        source.bank(2, 4).values(4), [[0, 1, 2, 3], [2, 3, 0, 1], [1, 0, 3, 2], [3, 2, 1, 0]]
    )
    rotated = source.model_copy(update={"wiring": "rotated"}).bank(2, 2)
    np.testing.assert_array_equal(rotated.values(4), [[0, 1, 2, 3], [0, 2, 1, 3]])
    same = source.model_copy(update={"wiring": "identical", "seed": 1}).bank(2, 2)
    np.testing.assert_array_equal(same.values(4), [[1, 2, 3, 0]] * 2)


def test_period_and_mixed_wiring() -> None:
    source = StreamSource(kind="ramp", wiring="inverted", period=2)
    np.testing.assert_array_equal(source.bank(2, 4).values(4), [[0, 1, 2, 3], [2, 3, 0, 1]] * 2)
    mixed = source.model_copy(update={"wiring": "mixed", "period": None})
    np.testing.assert_array_equal(mixed.bank(2, 2).values(4), [[0, 1, 2, 3], [2, 0, 3, 1]])


def test_options_of_the_sequence() -> None:
    lfsr = StreamSource(kind="lfsr", taps=(5, 2)).bank(5, 1).sequence
    assert lfsr == Lfsr(width=5, taps=(5, 2))
    sobol = StreamSource(kind="sobol", dimension=4, direction="down").bank(5, 1).sequence
    assert sobol == Sobol(width=5, dimension=4, direction="down")


def test_options_of_a_kind_of_ones_own(tmp_path) -> None:
    with installed(tmp_path):
        source = {"kind": "weyl", "multiplier": 11, "seed": 3}
        config = ScConfig(bits=4, weight_source=StreamSource.model_validate(source))
        sequence = config.banks()[1].sequence
        assert sequence.model_dump() == {**source, "width": 4}
        assert ScConfig.model_validate(config.model_dump(mode="json")) == config
        with pytest.raises(
            ValidationError, match="taps is no option of weyl, which has multiplier"
        ):
            StreamSource(kind="weyl", taps=(4, 3))
        wrong = StreamSource.model_validate({"kind": "weyl", "multiplier": 0})
        with pytest.raises(
            ValidationError, match=r"weight_source\.multiplier: 0: expected at least 1"
        ):
            ScConfig(bits=4, weight_source=wrong)
    with pytest.raises(ValidationError, match="no sequence is called 'weyl'"):
        StreamSource(kind="weyl")


def test_with_length() -> None:
    config = ScConfig(bits=8, stream_length=16, lanes=4).with_length(64)
    assert (config.bits, config.length, config.lanes) == (6, 64, 4)


def test_with_length_makes_sources_fit() -> None:
    lfsr = StreamSource(kind="lfsr", taps=(5, 2), seed=17, wiring="rotated")
    config = ScConfig(bits=5, activation_source=lfsr)
    assert config.with_length(32).activation_source == lfsr
    shorter = config.with_length(8).activation_source
    assert shorter == StreamSource(kind="lfsr", seed=1, wiring="rotated")
    # Sources that differ in taps or seed alone become the same, and give way to the default.
    same = ScConfig(
        bits=5, activation_source=lfsr.model_copy(update={"taps": (5, 3)}), weight_source=lfsr
    ).with_length(8)
    assert same.weight_source == ScConfig().weight_source


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stream_length": 12}, "stream length 12: expected a power of two, 2 to 2^bits = 32"),
        ({"stream_length": 64}, "stream length 64: expected a power of two, 2 to 2^bits = 32"),
        (
            {"weight_source": StreamSource(kind="sobol", seed=32)},
            "weight_source: seed 32 is not below 2^bits = 32",
        ),
        (
            {"weight_source": StreamSource(kind="van_der_corput")},
            "lane 0 sees the same values in both banks",
        ),
        (
            {"weight_source": StreamSource(kind="lfsr", taps=(5, 1))},
            "weight_source: taps (5, 1) are not a primitive polynomial",
        ),
        (
            {"weight_source": {"kind": "ramp", "taps": [5, 2]}},
            "taps is no option of ramp, which has direction",
        ),
        (
            {"weight_source": {"kind": "lfsr", "direction": "up"}},
            "direction is no option of lfsr, which has taps",
        ),
        ({"weight_source": {"kind": "ramp", "period": 0}}, "greater than or equal to 1"),
        ({"or_lanes": 3}, "Input should be 1, 2, 4 or 8"),
        (
            {"or_lanes": 4, "layer_neurons": {"conv1": "stream"}},
            "or_lanes = 4 is for neurons in counter mode, not for stream mode",
        ),
        ({"bits": 1}, "greater than or equal to 2"),
        ({"lane": 1}, "Extra inputs are not permitted"),
    ],
)
def test_refusals(options, message) -> None:
    with pytest.raises(ValidationError) as error:
        ScConfig(**options)
    assert message in str(error.value)


def test_groups_of_one_change_no_fingerprint() -> None:
    assert "or_lanes" not in ScConfig().model_dump(mode="json")
    config = ScConfig(or_lanes=4)
    assert ScConfig.model_validate(config.model_dump(mode="json")) == config
    assert config.with_length(8).or_lanes == 4
