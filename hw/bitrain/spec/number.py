"""Number formats: what integers in streams, accumulators and files stand for."""

import numpy as np

from .errors import BitrainError


def to_unipolar(values: np.ndarray, bits: int) -> np.ndarray:
    """Real numbers in [0, 1] to the nearest of 0 … 2^n (int32), half up.

    Values outside [0, 1] raise :class:`BitrainError`: streams are unipolar.
    """
    values = np.asarray(values, np.float64)
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise BitrainError(
            f"inputs span {values.min():g} … {values.max():g}, expected [0, 1]; "
            "divide images by their white level and do not subtract a mean"
        )
    return np.floor(values * (1 << bits) + 0.5).astype(np.int32)
