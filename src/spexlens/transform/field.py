"""The finite fields GF(2^m), by tables of powers and logarithms."""

import numpy as np
from numpy.typing import NDArray

# Primitive polynomials, bit k the coefficient of x^k (Lin & Costello, 2004, table 2.7).
_PRIMITIVE = {
    2: 0b111,
    3: 0b1011,
    4: 0b10011,
    5: 0b100101,
    6: 0b1000011,
    7: 0b10001001,
    8: 0b100011101,
    9: 0b1000010001,
    10: 0b10000001001,
    11: 0b100000000101,
    12: 0b1000001010011,
    13: 0b10000000011011,
    14: 0b100010001000011,
    15: 0b1000000000000011,
    16: 0b10001000000001011,
}

Elements = NDArray[np.int32]


class Field:
    """GF(2^m), with integers below 2^m for elements: bit k is the coefficient of α^k.

    Addition is XOR.

    Attributes:
        degree: m, from 2 to 16.
        order: 2^m - 1, the number of elements other than zero.
        powers: (4 order + 1,) int32, α^i for i < 2 order, then zeros.
        logs: (2^m,) int32, the inverse of `powers`; of zero, 2 order, so that a product
            with zero reads a zero.
    """

    def __init__(self, degree: int) -> None:
        self.degree = degree
        self.order = (1 << degree) - 1
        self.powers = np.zeros(4 * self.order + 1, np.int32)
        self.logs = np.full(1 << degree, 2 * self.order, np.int32)

        element = 1
        for i in range(self.order):
            # twice: a sum of two logarithms is looked up as it is
            self.powers[[i, i + self.order]] = element
            self.logs[element] = i

            # times α; what passes α^(m-1) is reduced by the primitive polynomial
            element <<= 1
            if element >> degree:
                element ^= _PRIMITIVE[degree]

    def multiply(self, a: Elements, b: Elements) -> Elements:
        """Products, elementwise with broadcasting."""
        logs = self.logs[a] + self.logs[b]
        product: Elements = self.powers[logs]
        return product

    def divide(self, a: Elements, b: Elements) -> Elements:
        """Quotients, elementwise with broadcasting; nothing in b may be zero."""
        logs = self.logs[a] + self.order - self.logs[b]
        quotient: Elements = self.powers[logs]
        return quotient
