"""Gradients: attributions by how the answer changes as candidates fade.

A candidate fades where it is there to a degree, between ablated (0) and kept (1).
"""

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.lenses.screening.attribution import LEAVE_ONE_OUT, Attribution
from spexlens.memory import enough_memory

if TYPE_CHECKING:
    import torch


GRADIENT = "gradient x input"
INTEGRATED = "integrated gradients"
PATCHING = "attribution patching"
STEPS = 4  # of integrated gradients
_INSTEAD = f"choose by {LEAVE_ONE_OUT}, which has none, or give a shorter text"


class Graded(Protocol):
    """A lens whose candidates can be there to a degree."""

    @property
    def passes(self) -> int:
        """Forward passes for each answer."""

    @property
    def n(self) -> int:
        """The number of candidates."""

    @property
    def inputs(self) -> int:
        """How many inputs there are, whose mean answer is the answer."""

    def value_at(self, degrees: "torch.Tensor", number: int) -> "torch.Tensor":
        """One input's answer, differentiable, with each candidate so far on the way
        from ablated to kept.

        Args:
            degrees: (n,), 0 ablated, 1 kept, on the model's device.
            number: of the input.

        Returns:
            (k,), there too.
        """

    @property
    def device(self) -> "torch.device":
        """Where the model is."""


def gradient_attribution(
    lens: Graded, method: str, steps: int | None = None
) -> Attribution:
    """The derivatives of the answer by the degrees to which candidates are there.

    Args:
        lens: what is asked.
        method: what to call them.
        steps: None for those where everything is kept: gradient x input with what
            stands in for a token as the reference (Shrikumar, Greenside & Kundaje,
            "Learning important features through propagating activation differences",
            ICML 2017), which for components is attribution patching (Nanda, 2023; Syed,
            Rager & Conmy, "Attribution patching outperforms automated circuit
            discovery", 2023). A number for their mean at so many Gauss-Legendre points
            from all ablated to all kept, so that the scores add up to about f(all) -
            f(none): integrated gradients (Sundararajan, Taly & Yan, "Axiomatic
            attribution for deep networks", ICML 2017).

    Returns:
        Scores (n,) or (n, k); a forward pass a point, and a backward pass a point and
            output.

    Raises:
        InvalidInput: what is watched has no gradient.
        OutOfMemory: one input, gone back through at one point, does not fit.
    """
    points, weights = _everything_kept() if steps is None else _quadrature(steps)
    at_points = []
    for point in points.tolist():
        with enough_memory(f"in the backward pass of {method}: {_INSTEAD}"):
            of_inputs = [
                _derivatives(lens, method, point, number)
                for number in range(lens.inputs)
            ]
        at_points.append(np.mean(of_inputs, axis=0))
    scores = np.average(np.stack(at_points), axis=0, weights=weights)
    outputs = scores.shape[1]
    passes = len(points) * lens.passes
    return Attribution(
        method,
        scores[:, 0] if outputs == 1 else scores,
        forward=passes,
        backward=passes * outputs,
    )


def _derivatives(
    lens: Graded, method: str, point: float, number: int
) -> NDArray[np.float64]:
    """(n, k) float64, of one input's answer, where all candidates are there to one
    degree.

    An input is gone back through before the next one is read, so that no more than one
    is held in memory.
    """
    import torch

    degrees = torch.full((lens.n,), point, device=lens.device, requires_grad=True)
    with torch.enable_grad():
        answers = lens.value_at(degrees, number)
        if not answers.requires_grad:
            raise InvalidInput(
                f"what is watched has no gradient, so there is no {method}: leave"
                " one out"
            )
        gradients: list[torch.Tensor] = []
        for output, answer in enumerate(answers):
            # the last one frees what the forward pass left
            more = output + 1 < len(answers)
            gradients += torch.autograd.grad(answer, degrees, retain_graph=more)
    return np.asarray(torch.stack(gradients, dim=1).double().cpu().numpy())


def _everything_kept() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The one point where nothing fades, and its weight."""
    return np.ones(1), np.ones(1)


def _quadrature(steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points in (0, 1) and weights that sum to one."""
    points, weights = np.polynomial.legendre.leggauss(steps)
    return (points + 1.0) / 2.0, weights / 2.0
