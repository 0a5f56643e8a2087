"""How far a pair of streams is from a product: counts of their AND, and their correlation.

Stochastic-computing correlation (SCC) of two bit streams: A. Alaghi and J. P. Hayes, *Exploiting
correlation in stochastic circuit design*, ICCD 2013. It is 0 where the AND gives the product, +1
where it gives the minimum (greatest overlap), -1 where it gives max(0, x + y - 1) (least overlap).
"""

import numpy as np


def product_counts(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Ones in the AND of every pair of streams: ``[a, m]`` = |{t: first_a,t = second_m,t = 1}|.

    first, second: streams of the numbers 0 … 2^n at two SNGs, (2^n + 1, L), bool. Returns
    (2^n + 1, 2^n + 1), int32; the last row and column count the ones of a single stream.
    """
    # Exact in float32, and BLAS is far faster.
    return (first.astype(np.float32) @ second.T.astype(np.float32)).astype(np.int32)


def scc(both: np.ndarray, first: np.ndarray, second: np.ndarray, length: int) -> np.ndarray:
    """SCC in [-1, 1] from counts of ones, which broadcast; NaN where a stream is constant.

    both: ones of the AND. first, second: ones of each stream. length: L, bits of a stream.
    """
    both, first, second = (np.asarray(ones, np.int64) for ones in (both, first, second))
    product = first * second
    excess = both * length - product
    most = np.minimum(first, second) * length - product
    least = product - np.maximum(first + second - length, 0) * length
    bound = np.where(excess > 0, most, least)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(bound > 0, excess / bound, np.nan)


def scc_table(counts: np.ndarray) -> np.ndarray:
    """SCC of every pair of streams, (2^n + 1, 2^n + 1), from :func:`product_counts`."""
    return scc(counts, counts[:, -1:], counts[-1:, :], int(counts[-1, -1]))
