"""Lenses of a model: what feature and mechanistic lenses share, of a model that may
change under them.
"""

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from spexlens.arguments import named, whole_number
from spexlens.errors import InvalidInput
from spexlens.games.game import Game

if TYPE_CHECKING:
    import torch

    from spexlens.models.model import HuggingFaceModel


class OfModel(Game):
    """A game that asks a Hugging Face model.

    What is asked of the model once, such as a reference embedding, a default target or
    stand-ins, is asked in `_prepare`, which is called again when the model has changed.

    Attributes:
        model: that is asked.
    """

    deterministic = True
    model: "HuggingFaceModel"
    _made: dict[str, Any]

    def _load(self, model: Any, **settings: Any) -> None:
        """Take the model, and see what loading it cost."""
        from spexlens.models.huggingface import load

        self.model = load(model, **settings)
        self._loading = (
            _PROBED if self.model.kind == "causal" and self.model is not model else 0
        )
        self._remarks: dict[int, str] = {}

    @abstractmethod
    def _prepare(self) -> None:
        """Ask the model and its tokenizer everything that is asked once, as `_made`
        says.
        """

    @abstractmethod
    def _identity(self, *, anew: bool) -> tuple[str | None, str | None]:
        """sha256 of everything that decides a value, or why it cannot be told:
        `models.fingerprint.told`.
        """

    @abstractmethod
    def _resolved(self) -> dict[str, Any]:
        """`_made` with the target that was found: a changed model or another text is
        asked the same.
        """

    def renew(self) -> None:
        """Take the fingerprint anew, and ask the model anew what it was asked, if it is
        another since.
        """
        fingerprint, _ = self._identity(anew=True)
        if fingerprint is not None and fingerprint == self.fingerprint:
            return
        first = self._made
        key = self.key
        before = self.fingerprint
        self._made = self._resolved()
        try:
            self._prepare()
        finally:
            self._made = first
        if before is None and self.fingerprint is None:
            self.key = key  # what cannot be recognised is itself as long as it lives

    def remarks(self) -> dict[int, str]:
        """Of the masks that `value` was last given, those that were answered by a model
        in training mode.
        """
        return self._remarks

    @property
    def device(self) -> "torch.device":
        """Where the model is."""
        return self.model.device

    def _remark(self, count: int) -> None:
        """Note what is to be remarked on so many answers, by the model as it is."""
        self._remarks = self.model.remarks(count)


_PROBED = 3  # forward passes that see whether a causal model looks ahead


def batch_size_of(given: int | None) -> int | None:
    """Rows a forward pass, as they were asked for.

    Raises:
        InvalidInput: less than one, or no number.
    """
    if given is None:
        return None
    rows = whole_number(given, named("batch_size"))
    if rows < 1:
        raise InvalidInput(
            f"a batch has at least one row; got {named('batch_size', rows)}"
        )
    return rows
