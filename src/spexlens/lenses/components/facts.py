"""Facts of the lens on a model's components: which prompts, and which counterfactual."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spexlens.games.command import command
from spexlens.games.typed_facts import Facts, NextStep, Subject

_OTHERS = 2  # ablations
_INSIDE = 40  # candidates inside of a layer or head
_LAYER = re.compile(r"L([0-9]{1,6})(?:\.|$)")
_INNER = {"layer": "heads,mlps", "head": "neurons", "MLP": "neurons"}
# these put in what the model computes on the counterfactual
_PAIRED = ("resample", "restore")


@dataclass(frozen=True)
class ComponentFacts(Facts):
    """What the lens on components says of itself.

    Attributes:
        counterfactual: the text whose activations may stand in, or None.
    """

    counterfactual: str | None = None

    def next_steps(self, subject: Subject) -> Iterator[NextStep]:
        """Whether it is there under another ablation, and what inside carries it."""
        # of several prompts there is no one text to ask again
        if not self.repeatable or not self.text:
            yield from super().next_steps(subject)
            return
        # of a position, without its token
        names = [label.partition(" ")[0] for label in subject.labels]
        yield from self._other_ablations(subject, names)
        yield from self._inside(subject, names)

    def _other_ablations(
        self, subject: Subject, names: Sequence[str]
    ) -> Iterator[NextStep]:
        for name in self.variants[:_OTHERS]:
            # the mean's references are not written down
            if name == "mean" or (name in _PAIRED and self.counterfactual is None):
                continue
            options = {
                **self.question(subject.target),
                "components": ",".join(names),
                "ablation": name,
            }
            if name in _PAIRED:
                options["counterfactual"] = self.counterfactual
            yield NextStep(
                f"is it there when ablated by {name}",
                command("mechanistic", str(self.text), options),
            )

    def _inside(self, subject: Subject, names: Sequence[str]) -> Iterator[NextStep]:
        kinds = {subject.candidates[member].kind for member in subject.members}
        matches = [_LAYER.match(name) for name in names]
        if len(kinds) != 1 or not all(matches):
            return
        inner = _INNER.get(kinds.pop())
        if inner is None:
            return
        layers = sorted({int(match[1]) for match in matches if match})
        options = {
            **self.question(subject.target),
            "components": inner,
            "layers": ",".join(map(str, layers)),
            "candidates": _INSIDE,
            "screening": "attribution patching",
        }
        yield NextStep(
            f"which {inner} of its layers",
            command("mechanistic", str(self.text), options),
        )
