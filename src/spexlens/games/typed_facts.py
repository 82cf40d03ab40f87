"""Typed facts: what a game says of itself, with types, and in the words of a page.

`Game.facts` is a mapping, as files have it. `Facts` is the same with a type a fact, for
whoever reads it; each lens has a class of its own beside it, which knows its headline,
its notes and what to ask next. Whatever is not said is None, or empty.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, Self

from spexlens.games.candidate import Candidate

_NAMED = 12  # words that the model does not know
_PAID_FOR = {
    "forward": "forward pass",
    "backward": "backward pass",
    "trainings": "training of a linear head",
    "calls": "call",
    "reused": "reused call",
}
_BATCHING = {
    "one length": (
        "read: padding changes this model's answers, so that only rows of one length go"
        " together"
    ),
    "one at a time": (
        "read: this model's answers depend on what else is in a batch, so that each row"
        " goes alone"
    ),
}


class NextStep(NamedTuple):
    """What looks closer at an interaction.

    Attributes:
        why: what it answers.
        command: for a shell; or for Python, where there is no command.
    """

    why: str
    command: str


@dataclass(frozen=True)
class Subject:
    """An interaction that is to be looked at more closely.

    Attributes:
        members: the candidates' positions, ascending.
        labels: their names.
        candidates: all of the game's.
        target: the output that it was found in, where that has a name.
        budget: the calls that were allowed.
    """

    members: tuple[int, ...]
    labels: tuple[str, ...]
    candidates: Sequence[Candidate]
    target: str | None
    budget: int


@dataclass(frozen=True)
class Facts:
    """What any game may say of itself.

    Attributes:
        lens, model, kind, unit, target, foil: as the game's own.
        answered, probability: the label that the model gives, and how likely it is.
        call: what a call is, such as "retraining"; None for a call of the model.
        passes_a_batch: forward passes that a batch takes.
        rows: how rows are put together in a batch.
        remarks: what a person should know of how the input was read.
        variants: other ways to ablate, by name.
        total, kept: candidates that there were, and those that always stay.
        names: of the candidates, where only some of the game's are explained.
        screening, screening_cost: how candidates were chosen, and what that took.
        text, texts: what was read, or of which prompts the answer is the mean.
        replacement, ablation, rescale: what was done to what is ablated.
        bundled: what the model is, where it comes with the package.
        unknown: words that the model does not know.
    """

    lens: str | None = None
    model: str | None = None
    kind: str | None = None
    unit: str | None = None
    target: str | None = None
    foil: str | None = None
    answered: str | None = None
    probability: float | None = None
    call: str | None = None
    passes_a_batch: int | None = None
    rows: str | None = None
    remarks: tuple[str, ...] = field(default=(), metadata={"key": "notes"})
    variants: tuple[str, ...] = ()
    total: int | None = field(default=None, metadata={"key": "of"})
    kept: int | None = None
    names: tuple[str, ...] = ()
    screening: str | None = None
    screening_cost: Mapping[str, int] | None = None
    text: str | None = None
    texts: tuple[str, ...] = ()
    replacement: str | None = None
    ablation: str | None = None
    rescale: bool | None = None
    bundled: str | None = field(default=None, metadata={"key": "about"})
    unknown: tuple[str, ...] = ()

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Self:
        """Those of a mapping that this class has; the others are left out."""
        values: dict[str, Any] = {}
        for fact in fields(cls):
            value = facts.get(fact.metadata.get("key", fact.name))
            # None is what was not said, for which there is a default
            if value is not None:
                values[fact.name] = tuple(value) if isinstance(value, list) else value
        return cls(**values)

    @property
    def headline(self) -> str:
        """What a page's title says behind what is watched."""
        prompts = f" · mean of {len(self.texts)} prompts" if self.texts else ""
        return prompts + self._how_ablated()

    @property
    def speaker(self) -> str:
        """Who answers, as the first line of a page begins."""
        if self.model or self.texts:
            return "The model"
        return "With everything kept, the function"

    @property
    def averaged(self) -> bool:
        """Whether the answer is a mean, and no one answer's probability."""
        return bool(self.texts)

    @property
    def average(self) -> str:
        """Of how many answers it is the mean; empty where of one."""
        return f" on average over {len(self.texts)} prompts" if self.texts else ""

    @property
    def called(self) -> str:
        """What one call is."""
        return self.call or "call"

    @property
    def passed(self) -> str:
        """What one batch is."""
        return "forward pass" if self.called == "call" else "batch"

    @property
    def when_kept(self) -> str:
        """What a candidate is that is not ablated."""
        return "trained on" if self.call == "retraining" else "kept"

    @property
    def choice(self) -> list[str]:
        """How candidates were chosen, what that took, and what became of the others."""
        if not self.screening:
            return []
        kept = self.kept or 0
        cost = self.screening_cost or {}
        spent = [
            counted(cost[name], what)
            for name, what in _PAID_FOR.items()
            if cost.get(name)
        ]
        paid = f" ({', '.join(spent)})" if spent else ""
        total = self.total or kept
        return [
            f"candidates: {total - kept} of {total} {self.screening}{paid}; the other"
            f" {kept} stay kept"
        ]

    @property
    def notes(self) -> list[str]:
        """What a reader should know of the model, and of how the input was read."""
        return [*(f"read: {remark}" for remark in self.remarks), *self.knowledge]

    @property
    def knowledge(self) -> list[str]:
        """What the model is, where it comes with the package, and which words it does
        not know.
        """
        lines = [f"model: {self.bundled}"] if self.bundled else []
        if self.unknown:
            named = ", ".join(map(str, self.unknown[:_NAMED]))
            rest = len(self.unknown) - _NAMED
            more = f" and {rest} more" if rest > 0 else ""
            lines.append(
                f"unknown: the model does not know {named}{more}; it reads all such"
                " words alike"
            )
        return lines

    @property
    def batching(self) -> list[str]:
        """How the model was asked, where that is not as usual."""
        return [_BATCHING[self.rows]] if self.rows in _BATCHING else []

    def test_of(self, output: int) -> str | None:
        """The one text that a model was tested on, where that is not the text itself."""
        return None

    def next_steps(self, subject: Subject) -> Iterator[NextStep]:
        """What looks closer at an interaction; of any game, more of the same."""
        budget = 2 * subject.budget
        yield NextStep(
            "is it there with twice the calls, and more checks",
            f"spexlens.explain(game, {budget}, checks={max(50, budget // 5)})",
        )

    @property
    def repeatable(self) -> bool:
        """Whether a command can ask the same question of the same model."""
        needed = (self.text, self.model, self.unit, self.kind)
        return all(fact is not None for fact in needed)

    def question(self, target: str | None) -> dict[str, Any]:
        """The options of a command that asks the same model the same.

        Args:
            target: what was watched, instead of the facts' own.
        """
        options: dict[str, Any] = {"model": self.model}
        watched = target or self.target
        if self.kind != "encoder" and watched:
            options["target"] = watched
        if self.foil is not None:
            options["foil"] = self.foil
        options["objective"] = self.unit
        return options

    def _how_ablated(self) -> str:
        if self.ablation == "restore":
            return " · restored in the counterfactual"
        how = self.replacement or self.ablation
        if not how:
            return ""
        return f" · ablated by {how}{', rescaled' if self.rescale else ''}"


def counted(count: int, what: str) -> str:
    """So many of them, in words: `1 batch`, `2 batches`."""
    if count == 1:
        return f"{count} {what}"
    return f"{count} {what}{'es' if what.endswith(('s', 'h')) else 's'}"
