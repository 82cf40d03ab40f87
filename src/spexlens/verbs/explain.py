"""explain: from a game and a budget to an explanation."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from spexlens.budget.allocation import allocate
from spexlens.budget.request import Request, Until
from spexlens.evaluation.evaluator import Progress
from spexlens.evaluation.ledger.ledger import Ledger, opened
from spexlens.evaluation.progress import told
from spexlens.evidence.smallest import refuse_impossible
from spexlens.evidence.variants import Placeholders
from spexlens.explanation import Explanation
from spexlens.formats import expectations as expectations_file
from spexlens.games.expectations import Expectations
from spexlens.games.facts import refuse_unsavable
from spexlens.games.game import Game, as_game
from spexlens.keywords import keywords
from spexlens.solvers.solver import Solver
from spexlens.solvers.stopping import refuse_unstoppable
from spexlens.verbs.session import Session


@keywords()
def explain(
    game: Game,
    budget: int = 300,
    *,
    method: str | Solver = "auto",
    seed: int = 0,
    ledger: str | Path | Ledger | None = None,
    progress: Progress | bool | None = None,
    held_out: int | None = None,
    trainings: int | None = None,
    unchosen: int | None = None,
    checks: int | None = None,
    refit: bool = True,
    noise: int | None = None,
    until: Until = None,
    against: Sequence[str | Game] = (),
    ordinary: Sequence[str | float] = (),
    expectations: Expectations | str | Path | None = None,
    smallest: float | None = None,
) -> Explanation:
    """Find which candidates act together, from at most `budget` evaluations of the
    model.

    Args:
        game: a lens, or `Game(value, candidates)` around a function of masks.
        budget: the most model evaluations, counting those already in the ledger.
        method: "auto", "exact" (all 2^n masks), "proxyspex", "spex", or a solver with
            settings of its own.
        seed: decides everything that is random; the same seed gives the same
            explanation.
        ledger: where evaluations are kept, a path or an open Ledger; None keeps them in
            memory.
        progress: called with (evaluations finished, evaluations asked for) after each
            batch; True draws a bar on standard error; or the class of a bar, such as
            `tqdm.tqdm`.
        held_out: how many masks of the budget are kept from the fit, to judge it beside
            a linear model; by default what the lens asks for, a fifth for training data
            and none otherwise.
        trainings: the most trainings, where training examples are mixed with candidates
            of other kinds, so that masks share them; by default one for five
            evaluations.
        unchosen: of a game with candidates that were not chosen and so stay kept, how
            many masks of the budget ablate those, to see what they do; by default 8,
            less below 160 calls or where all others are needed for 2^n; 0 for none.
        checks: how many masks of the budget are bought after the fit, to judge it and
            to measure the strongest interactions; by default a tenth and at least 16,
            none below 64 calls or where all 2^n masks fit; 0 for none.
        refit: whether those values join a last fit once all verdicts are fixed.
        noise: how many evaluations of the budget repeat a mask, to see how far answers
            differ; by default two of a plain function, and a sixth of the budget if
            those differ; 0 for none.
        until: "stable" stops where the five strongest interactions have not moved for
            three looks, each of a fifth more masks; the account says how many calls
            that saved.
        against: other ways to ablate the same candidates, by name (a lens's `variants`)
            or games of their own, which are asked for the masks of the checks: does
            what was found survive?
        ordinary: ordinary inputs, texts or what the model answers to them: is the
            answer with nothing kept like theirs?
        expectations: what should act together and what must not, or the path of a file
            of it.
        smallest: find the smallest sets that are enough, and that are needed, for this
            share of f(all) - f(none), and confirm them on the model with 16 masks of
            the budget.

    Raises:
        BudgetTooSmall: the text says the least that works.
        InvalidInput: an unknown method, a bad seed, or a plain function with a ledger
            on disk; facts of the game that cannot be saved; answers too large, or too
            much alike, to be squared.
        NonFiniteValue, OutOfMemory: the model failed; what was finished is in the
            ledger.
        LedgerError: the ledger cannot be used.
    """
    request = Request(
        budget=budget,
        method=method,
        seed=seed,
        held_out=held_out,
        trainings=trainings,
        unchosen=unchosen,
        checks=checks,
        refit=refit,
        noise=noise,
        until=until,
        against=against,
        ordinary=ordinary,
        expectations=expectations_file.given(expectations),
        smallest=smallest,
    )
    return answered(game, request, ledger=ledger, progress=progress)


def answered(
    game: Game,
    request: Request,
    *,
    ledger: str | Path | Ledger | None = None,
    progress: Progress | bool | None = None,
) -> Explanation:
    """The explanation that a request asks for; see `explain`."""
    game = as_game(game)
    refuse_unsavable(game.facts(), game.candidates)  # before anything is paid for

    # a model may have changed since the game was made: its key is told anew
    game.renew()
    others = Placeholders.of(game, request.against, request.ordinary)

    # all that can be refused is refused before the first call
    smallest = refuse_impossible(request.smallest, game.outputs)
    request = replace(request, smallest=smallest)
    refuse_unstoppable(request.until, game, request.method, request.budget)

    allocation = allocate(game, request, others.beside)
    plan = allocation.plan()

    with told(progress) as tell, opened(ledger) as book:
        session = Session(allocation, plan, book, tell)

        others.refuse_unrecognised(session.spending)
        session.probe()

        fitted = session.fit()
        checked = session.check(fitted)
        challenged = session.challenge(fitted, checked, others)

        session.finish()
        return session.tell(fitted, checked, challenged)
