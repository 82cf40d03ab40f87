"""Facts of the lens on a text: what of it is ablated, and what stands around it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from spexlens.games.command import command
from spexlens.games.typed_facts import Facts, NextStep, Subject
from spexlens.lenses.text.units import UNITS

# replacements, those most unlike another first
_PREFERRED = ("delete", "attention", "mask", "unk")
_FINER = {
    "paragraph": "sentence",
    "line": "sentence",
    "sentence": "word",
    "span": "word",
    "word": "token",
}
_HEADS = 20
# characters that stand for masked tokens: a command line takes no more
_LONGEST = 100_000


@dataclass(frozen=True)
class TextFacts(Facts):
    """What the lens on a text says of itself.

    Attributes:
        unit_of_text: what the candidates mostly are, such as "word".
        template, chat: what stands around the text.
        mask_token: the model's own, or None.
        tokens: how many each candidate has; empty where groups hold nobody's tokens.
        windows: how many the text is read by, or None.
    """

    unit_of_text: str | None = None
    template: str | None = None
    chat: bool | None = None
    mask_token: str | None = None
    tokens: tuple[int, ...] = ()
    windows: int | None = None

    def next_steps(self, subject: Subject) -> Iterator[NextStep]:
        """Which heads carry it, whether it survives another replacement, and which
        smaller parts of the text do it.
        """
        if not self.repeatable:
            yield from super().next_steps(subject)
            return
        if not self._surroundings():
            yield self._heads(subject)
        yield from self._another_replacement(subject)
        yield from self._smaller_parts(subject)

    def _heads(self, subject: Subject) -> NextStep:
        options = {
            "components": "heads",
            **self.question(subject.target),
            "candidates": _HEADS,
            "screening": "attribution patching",
        }
        masked = self._masked(subject)
        if masked:
            options["counterfactual"] = masked
        return NextStep(
            "which heads carry it", command("mechanistic", str(self.text), options)
        )

    def _another_replacement(self, subject: Subject) -> Iterator[NextStep]:
        others = [name for name in _PREFERRED if name in self.variants]
        if not others or not self.replacement or self.unit_of_text not in UNITS:
            return
        options = {
            **self.question(subject.target),
            **self._surroundings(),
            "unit": self.unit_of_text,
            "replacement": self.replacement,
            "against": others[0],
        }
        yield NextStep(
            "does it survive another replacement",
            command("features", str(self.text), options),
        )

    def _smaller_parts(self, subject: Subject) -> Iterator[NextStep]:
        finer = _FINER.get(str(self.unit_of_text))
        if finer is None:
            return
        counts = [
            self.tokens[member]
            for member in subject.members
            if member < len(self.tokens)
        ]
        # words of one token each have no parts
        if finer == "token" and max(counts, default=1) <= 1:
            return
        options = {
            **self.question(subject.target),
            **self._surroundings(),
            "unit": finer,
            "zoom": True,
            "budget": 1000,
        }
        yield NextStep(
            f"which {finer}s of it", command("features", str(self.text), options)
        )

    def _surroundings(self) -> dict[str, Any]:
        """Options: what is around the text, and whether it is read by windows."""
        options: dict[str, Any] = {}
        if self.template not in (None, "{text}"):
            options["template"] = self.template
        if (self.windows or 0) > 1:
            options["windows"] = True
        if self.chat:
            options["chat"] = True
        return options

    def _masked(self, subject: Subject) -> str | None:
        """The text with the members' tokens masked, as many as there were.

        None where there is no mask token, or not the place of every member.
        """
        token = self.mask_token
        members = subject.members
        if token is None or max(members) >= len(self.tokens):
            return None
        if sum(self.tokens[member] for member in members) * len(token) > _LONGEST:
            return None
        text = str(self.text)
        # from the end, so that the places of those before stay
        for member in sorted(members, reverse=True):
            span = subject.candidates[member].span
            if span is None:
                return None
            start, end = span
            masks = " ".join([token] * self.tokens[member])
            text = text[:start] + masks + text[end:]
        return text
