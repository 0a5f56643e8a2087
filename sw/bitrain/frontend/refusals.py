"""What the accelerator cannot do, and the ways out.

None of them changes what a trained network computes unless the user asks for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from bitrain.spec import BitrainError

from .operations import Origin

REPLACEABLE = frozenset(
    [
        "gelu",
        "silu",
        "mish",
        "hardswish",
        "sigmoid",
        "tanh",
        "elu",
        "selu",
        "celu",
        "softplus",
        "hardshrink",
        "softshrink",
        "log_sigmoid",
        "threshold",
    ]
)
"""Activations that ``--replace-activations`` can put ReLU in the place of."""
MONOTONE = frozenset(["sigmoid", "log_sigmoid", "tanh", "softplus"])
"""Of these, the ones that leave the largest score the largest, or as large as others."""
BY_CHANCE = "what depends on chance (training=True)", "write training=self.training"
"""What is refused, and the way out."""
CHANCE = frozenset(
    ["rand", "randn", "randint", "rand_like", "randn_like", "bernoulli", "normal", "multinomial"]
)
"""Operations that give something else each time."""
_REASONS = {  # by torch's names of operations, and of modules in which any of them stands
    **dict.fromkeys(
        [
            "layer_norm",
            "native_layer_norm",
            "group_norm",
            "native_group_norm",
            "instance_norm",
            "rms_norm",
        ],
        "its mean and variance are of each image, and the accelerator has no division",
    ),
    **dict.fromkeys(
        ["bmm", "scaled_dot_product_attention", "baddbmm", "MultiheadAttention"],
        "it multiplies two activations, and the accelerator multiplies activations by weights",
    ),
    **dict.fromkeys(
        [
            "upsample_nearest2d",
            "upsample_bilinear2d",
            "upsample_nearest1d",
            "upsample_linear1d",
            "conv_transpose2d",
            "conv_transpose1d",
        ],
        "maps only become smaller on the accelerator",
    ),
    **dict.fromkeys(["LSTM", "GRU", "RNN"], "each of its steps reads what the one before gives"),
    **dict.fromkeys(CHANCE, "it depends on chance"),
}


RECAST = "recast the block that holds it into convolutions (bitrain recast)"


def refusal(origin: Origin, name: str, what: str = "", way_out: str = RECAST) -> BitrainError:
    """Why an operation cannot be read, and what to do."""
    origin.fate = "refused"
    if name in REPLACEABLE:
        return BitrainError(
            f"{origin}: the accelerator has no such activation; bitrain convert "
            "--replace-activations puts ReLU there, which is another function: fine-tune it "
            "(--finetune)"
        )
    reason = f"the accelerator cannot have {what}" if what else "it is not supported"
    reason = _REASONS.get(origin.operation) or _REASONS.get(name) or reason
    return BitrainError(f"{origin}: {reason}; {way_out}")


class RefusedError(BitrainError):
    """A model cannot be read."""

    def __init__(self, message: str, origins: list[Origin]):
        super().__init__(message)
        self.origins = origins
        """Its operations up to the one that is refused, if it is one."""


@contextmanager
def telling(origins: list[Origin]) -> Iterator[None]:
    """Errors hold what was read of the model until then."""
    try:
        yield
    except BitrainError as error:
        raise RefusedError(str(error), origins) from error
