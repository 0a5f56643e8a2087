"""What a user asks of an accelerator."""

import pytest
from pydantic import ValidationError

from bitrain.program import AcceleratorConfig, Array, Interface, Options


def test_interface_by_name() -> None:
    for wanted in (Interface(streams="raw", reset="high"), Interface(streams="axi", reset="low")):
        config = AcceleratorConfig.model_validate({"interface": wanted.streams})
        assert config.interface == wanted
    whole = {"interface": {"streams": "axi", "reset": "high"}}
    assert AcceleratorConfig.model_validate(whole).interface.reset_name == "areset"


def test_options_are_those_of_a_program() -> None:
    asked = {"run_time_length": True, "weights": "ram", "weight_beat": 32, "skip_zeros": True}
    options = AcceleratorConfig.model_validate(asked).options
    assert options.keys() == Options.__annotations__.keys()
    assert options == {**asked, "early_termination": False}


def test_the_last_array_is_as_the_others_where_it_is_not_given() -> None:
    array = {"channels": 2, "positions": 8, "lanes": 4, "width": 2}
    asked = {"array": array, "engines": 3, "last_array": {"channels": 16, "positions": 1}}
    config = AcceleratorConfig.model_validate(asked)
    last = Array(channels=16, positions=1, lanes=4, width=2)
    assert config.last_array == last
    assert config.arrays == [config.array, config.array, last]
    same = AcceleratorConfig.model_validate(asked | {"array": Array.model_validate(array)})
    assert same == config == AcceleratorConfig.model_validate(config.model_dump(mode="json"))
    assert AcceleratorConfig.model_validate({**asked, "last_array": "16x1"}) == config
    alone = AcceleratorConfig.model_validate({"engines": 2, "last_array": {"channels": 16}})
    assert alone.last_array == Array(channels=16)


def test_there_is_no_last_array_by_default() -> None:
    config = AcceleratorConfig(array=Array(lanes=4), engines=2)
    assert config.arrays == [Array(lanes=4)] * 2 and config.last_array is None
    written = config.model_dump(mode="json")
    assert "last_array" not in written and "width" not in written["array"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"engines": 0},
        {"weights": "flash"},
        {"array": {"lanes": 0}},
        {"lanes": 4},
        {"array": {"width": 3}},
        {"last_array": {"channels": 0}},
        {"last_array": 4},
        {"last_array": "16"},
        {"last_array": "16x0"},
        {"weight_beat": 0},
        {"weight_beat": 4},
        {"weight_beat": 48},
        {"weight_beat": 2048},
    ],
)
def test_what_is_no_accelerator(wrong) -> None:
    with pytest.raises(ValidationError):
        AcceleratorConfig.model_validate(wrong)


@pytest.mark.parametrize("beat", [8, 16, 32, 64, 128, 256, 512, 1024])
def test_beats_of_weights(beat) -> None:
    config = AcceleratorConfig.model_validate({"weights": "stream", "weight_beat": beat})
    assert config.options.get("weight_beat") == beat


def test_beats_that_no_stream_has() -> None:
    with pytest.raises(ValidationError, match="48 is not a power of two from 8 to 1024"):
        AcceleratorConfig(weights="stream", weight_beat=48)
    assert AcceleratorConfig(weights="stream").weight_beat == 64


def test_it_does_not_change() -> None:
    config = AcceleratorConfig(array=Array(lanes=4))
    with pytest.raises(ValidationError):
        config.engines = 2
    assert AcceleratorConfig.model_validate(config.model_dump(mode="json")) == config
