"""A request and a recipe are data: kept with the run, and enough to take it up again."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

import spexlens
from spexlens import Game, Ledger, explain, resume, screen
from spexlens.budget.request import Request, StoppingEvidence
from spexlens.errors import InvalidInput, SpexlensError
from spexlens.games.expectations import Expectations, Pattern, Rule
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.verbs.explain import answered

TEXT = "her acting never fails to impress"
EXPECTED = Expectations(
    (Rule("negation", (Pattern(("never",)), Pattern(("fails",)))),), 0.01
)


def lens(**settings: Any) -> spexlens.FeatureLens:
    return spexlens.FeatureLens("sentiment", TEXT, target="POSITIVE", **settings)


@pytest.mark.parametrize(
    "request_",
    [
        Request(),
        Request(
            64, seed=3, checks=8, against=("delete",), ordinary=(1.0, 2.5, "a film")
        ),
        Request(100, method="proxyspex", held_out=20, smallest=0.9, until="stable"),
        Request(expectations=EXPECTED, noise=0, refit=False, unchosen=4, trainings=7),
    ],
)
def test_a_request_is_read_back_as_it_was(request_: Request) -> None:
    again = Request.of(__import__("json").loads(request_.to_json()))
    assert again == request_
    assert again.fingerprint == request_.fingerprint


def test_every_field_moves_the_fingerprint() -> None:
    others: dict[str, Any] = {
        "budget": 301, "method": "exact", "seed": 1, "held_out": 2, "trainings": 3,
        "unchosen": 4, "checks": 8, "refit": False, "noise": 2, "until": "stable",
        "against": ("delete",), "ordinary": ("a film",), "expectations": EXPECTED,
        "smallest": 0.5,
    }  # fmt: skip
    assert set(others) == {field.name for field in fields(Request)}
    prints = {
        replace(Request(), **{name: other}).fingerprint
        for name, other in others.items()
    }
    assert len(prints | {Request().fingerprint}) == len(others) + 1


def test_what_is_passed_on_by_name_is_a_field_of_the_request() -> None:
    assert StoppingEvidence.__annotations__.keys() <= {
        field.name for field in fields(Request)
    }


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ([], "a request is an object"),
        ({"budgets": 3}, "a request has no 'budgets'"),
        ({"budget": -1}, "a budget is not negative"),
        ({"seed": "x"}, "a seed is a whole number"),
    ],
)
def test_what_is_no_request_is_refused_in_a_line(content: Any, error: str) -> None:
    with pytest.raises(InvalidInput, match=error):
        Request.of(content)


def test_a_solver_or_a_function_is_no_data() -> None:
    assert not Request(method=ProxySpex()).is_data
    assert not Request(against=(Game(lambda masks: masks[:, 0], 3),)).is_data
    with pytest.raises(InvalidInput, match="name one"):
        Request(method=ProxySpex()).to_json()


def test_a_run_is_taken_up_from_its_ledger_alone(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    first = explain(lens(replacement="delete"), 40, seed=2, checks=0, ledger=path)
    again = resume(path)
    assert again.calls == 0
    assert again.account.reused == first.calls
    assert [str(i) for i in again] == [str(i) for i in first]
    assert again.facts == first.facts


def test_what_is_missing_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"

    def stop(finished: int, asked: int) -> None:
        if finished > 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explain(lens(batch_size=4), 64, ledger=path, progress=stop)
    with Ledger(path) as book:
        kept = len(book)
    again = resume(path)
    assert 0 < kept < 64
    assert again.account.reused == kept
    assert again.calls == 64 - kept
    assert [str(i) for i in again] == [str(i) for i in explain(lens(batch_size=4), 64)]


def test_chosen_candidates_and_a_run_by_its_number_are_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    chosen = screen(lens(), 4, by="gradient x input")
    first = explain(chosen, 30, ledger=path)
    explain(lens(), 20, ledger=path)
    with Ledger(path) as book:
        numbers = [run.id for run in book.runs() if run.budget == 30]
    again = resume(path, numbers[0])
    assert again.names == first.names
    assert again.calls == 0


def test_a_request_goes_to_another_machine_with_its_recipe() -> None:
    import json

    from spexlens.lenses.recipes import read

    own = lens()
    assert own.recipe is not None
    game = read(own.recipe.to_json()).game()
    request = Request.of(json.loads(Request(40, seed=5).to_json()))
    assert [str(i) for i in answered(game, request)] == [
        str(i) for i in explain(own, 40, seed=5)
    ]


def test_what_cannot_be_taken_up_is_said_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with pytest.raises(InvalidInput, match="there is no ledger"):
        resume(path)
    assert not path.exists()
    with Ledger(path) as empty, pytest.raises(SpexlensError, match="holds no run"):
        resume(empty)
    explain(Game(lambda masks: masks[:, 0], 3, "a function"), 8, ledger=path)
    with pytest.raises(InvalidInput, match="run 1 cannot be taken up"):
        resume(path)
    with pytest.raises(InvalidInput, match="no run 7; its runs are 1 to 1"):
        resume(path, 7)
