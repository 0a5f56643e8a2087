"""Primitive polynomials over GF(2): the tap sets with which an LFSR runs through every state.

A polynomial of degree n is primitive where x has the order 2^n - 1 modulo it (R. Lidl and
H. Niederreiter, *Finite Fields*, Cambridge 1997, section 3.1); there are φ(2^n - 1) / n of them.
"""

from functools import lru_cache


@lru_cache(maxsize=16)
def primitive_taps(width: int) -> tuple[tuple[int, ...], ...]:
    """Every value of ``Lfsr.taps`` for ``width`` bits, each with its exponents in falling order.

    The polynomials of 16 bits take some seconds, those of 10 bits some hundredths.
    """
    order = (1 << width) - 1
    proper = [order // factor for factor in _prime_factors(order)]
    found = []
    for low in range(1 << (width - 1)):
        polynomial = 1 << width | low << 1 | 1
        if _power_of_x(order, polynomial) == 1 and all(
            _power_of_x(exponent, polynomial) != 1 for exponent in proper
        ):
            found.append(tuple(t for t in range(width, 0, -1) if polynomial >> t & 1))
    return tuple(found)


def _power_of_x(exponent: int, polynomial: int) -> int:
    """x^exponent modulo the polynomial; bit i is the coefficient of x^i."""
    width, power = polynomial.bit_length() - 1, 1
    for bit in f"{exponent:b}":
        square = int(f"{power:b}", 4)  # squaring spreads the coefficients: (Σ x^i)² = Σ x^2i
        power = square << int(bit)
        while (excess := power.bit_length() - 1 - width) >= 0:
            power ^= polynomial << excess
    return power


def _prime_factors(number: int) -> list[int]:
    factors, candidate = [], 2
    while number > 1:
        if number % candidate == 0:
            factors.append(candidate)
        while number % candidate == 0:
            number //= candidate
        candidate += 1
    return factors
