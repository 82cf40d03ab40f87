"""Next steps: for each strong interaction, the commands that look closer."""

from dataclasses import dataclass

from spexlens.games.typed_facts import Subject
from spexlens.results.interaction import Interaction
from spexlens.results.result import Result
from spexlens.spectrum.shares import STRONG

_MOST = 3  # interactions


@dataclass(frozen=True)
class FollowUp:
    """One next step.

    Attributes:
        members, labels: of the interaction that it looks at.
        why: what it answers.
        command: for a shell; or for Python, where there is no command.
    """

    members: tuple[int, ...]
    labels: tuple[str, ...]
    why: str
    command: str


def steps(explanation: Result, output: int | str = 0) -> list[FollowUp]:
    """The next steps for the three strongest interactions of two members or more, each
    command once.

    Those that were refuted by their check are left out. Of a text: which heads carry it
    (the same model and question, the interaction's words masked in a counterfactual,
    heads chosen by attribution patching), whether it survives another replacement,
    which tokens or words of it. Of components: another ablation, and the neurons
    inside. Of training examples and of functions: Python that asks more of the game.
    """
    target = None
    if explanation.outputs:
        target = explanation.outputs[explanation.position(output)]

    by_command: dict[str, FollowUp] = {}
    for interaction in _strongest(explanation, output):
        subject = Subject(
            interaction.members,
            interaction.labels,
            explanation.candidates,
            target,
            explanation.account.budget,
        )
        for why, command in explanation.about.next_steps(subject):
            step = FollowUp(interaction.members, interaction.labels, why, command)
            # two interactions may lead to the same: the stronger one's is shown
            by_command.setdefault(command, step)
    return list(by_command.values())


def _strongest(explanation: Result, output: int | str) -> list[Interaction]:
    """The first few that are worth looking at, the largest share first."""
    interactions = explanation.interactions("bii", None, output=output)
    worth = [interaction for interaction in interactions if _worth_a_look(interaction)]

    worth.sort(key=lambda interaction: (-interaction.share, interaction.members))
    return worth[:_MOST]


def _worth_a_look(interaction: Interaction) -> bool:
    check = interaction.evidence
    refuted = check is not None and check.refuted
    return interaction.order > 1 and interaction.share >= STRONG and not refuted
