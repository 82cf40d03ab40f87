"""Values have a column an output, also where there are none."""

import numpy as np
import pytest

from spexlens import Spectrum
from spexlens.masks.outputs import by_output, squeezed
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.shares import shares_of


@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 3), (0,), (0, 2)])
def test_columns_are_a_view_and_one_is_handed_out_as_a_vector(
    shape: tuple[int, ...],
) -> None:
    values = np.zeros(shape)
    columns = by_output(values)
    assert columns.shape == (shape[0], shape[1] if len(shape) > 1 else 1)
    assert np.shares_memory(columns, values) or not values.size
    one = columns.shape[1] == 1
    assert squeezed(columns).shape == (columns.shape[:1] if one else columns.shape)


def test_a_spectrum_of_nothing_has_no_shares() -> None:
    assert shares_of(Spectrum(Sets.of(3, []), np.zeros(0))).shape == (0,)
