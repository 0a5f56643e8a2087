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
    asked = {"run_time_length": True, "weights": "ram", "skip_zeros": True}
    options = AcceleratorConfig.model_validate(asked).options
    assert options.keys() == Options.__annotations__.keys()
    assert options == {**asked, "early_termination": False}


@pytest.mark.parametrize(
    "wrong", [{"engines": 0}, {"weights": "flash"}, {"array": {"lanes": 0}}, {"lanes": 4}]
)
def test_what_is_no_accelerator(wrong) -> None:
    with pytest.raises(ValidationError):
        AcceleratorConfig.model_validate(wrong)


def test_it_does_not_change() -> None:
    config = AcceleratorConfig(array=Array(lanes=4))
    with pytest.raises(ValidationError):
        config.engines = 2
    assert AcceleratorConfig.model_validate(config.model_dump(mode="json")) == config
