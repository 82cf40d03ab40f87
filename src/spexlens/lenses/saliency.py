"""Saliency: attributions by the gradient of a model's answer, when candidates are there to a degree."""

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.lenses.attribution import Attribution

if TYPE_CHECKING:
    import torch


GRADIENT, INTEGRATED, PATCHING = "gradient x input", "integrated gradients", "attribution patching"
STEPS = 4  # of integrated gradients


class Graded(Protocol):
    """A lens whose candidates can be there to a degree."""

    @property
    def passes(self) -> int:
        """Forward passes for each answer."""

    @property
    def n(self) -> int:
        """The number of candidates."""

    def graded(self, degrees: "torch.Tensor") -> "torch.Tensor":
        """The answer, differentiable, with each candidate so far on the way from ablated (0) to kept (1).

        (n,) -> (k,), the tensors on the model's device.
        """

    @property
    def device(self) -> "torch.device":
        """Where the model is."""


def slopes(lens: Graded, method: str, steps: int | None = None) -> Attribution:
    """The derivatives of the answer by the degrees to which candidates are there.

    Args:
        lens: what is asked.
        method: what to call them.
        steps: None for those where everything is kept: gradient x input with what stands in for a token as
            the reference (Shrikumar, Greenside & Kundaje, "Learning important features through propagating
            activation differences", ICML 2017), which for components is attribution patching (Nanda, 2023;
            Syed, Rager & Conmy, "Attribution patching outperforms automated circuit discovery", 2023).
            A number for their mean at so many Gauss-Legendre points from all ablated to all kept, so that
            the scores add up to about f(all) - f(none): integrated gradients (Sundararajan, Taly & Yan,
            "Axiomatic attribution for deep networks", ICML 2017).

    Returns:
        Scores (n,) or (n, k); a forward pass a point, and a backward pass a point and output.
    """
    import torch

    points, weights = (np.ones(1), np.ones(1)) if steps is None else _quadrature(steps)
    found, outputs = [], 1
    for point in points.tolist():
        degrees = torch.full((lens.n,), point, device=lens.device, requires_grad=True)
        with torch.enable_grad():
            answers = lens.graded(degrees)
            if not answers.requires_grad:
                raise InvalidInput(f"what is watched has no gradient, so there is no {method}: leave one out")
            outputs = len(answers)
            each = [
                torch.autograd.grad(answer, degrees, retain_graph=number + 1 < outputs)[0]
                for number, answer in enumerate(answers)
            ]
        found.append(torch.stack(each, dim=1).double().cpu().numpy())
    scores = np.average(np.stack(found), axis=0, weights=weights)
    count = len(points) * lens.passes
    return Attribution(
        method,
        scores[:, 0] if outputs == 1 else scores,
        forward=count,
        backward=count * outputs,
    )


def _quadrature(steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points in (0, 1) and weights that sum to one."""
    points, weights = np.polynomial.legendre.leggauss(steps)
    return (points + 1.0) / 2.0, weights / 2.0
