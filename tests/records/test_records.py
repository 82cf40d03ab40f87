"""What a fixed list of runs explains is what it was when it was recorded."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import recording
import torch
from threadpoolctl import threadpool_limits

import spexlens

FOLDER = Path(__file__).parent
RECORDS = json.loads((FOLDER / "records.json").read_text())


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The last bits of a float are those of one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> recording.Stage:
    name = request.node.callspec.params["name"]
    shared = request.getfixturevalue("shared") if name in recording.SHARED else None
    return recording.Stage(tmp_path, shared)


def roughly(brief: dict[str, Any]) -> dict[str, Any]:
    """A brief as another processor may have it."""
    said = {**brief, "r2": pytest.approx(brief["r2"], abs=0.02)}
    if said["whole"] is not None:
        said["whole"] = pytest.approx(said["whole"], rel=1e-4, abs=1e-4)
    size = max([abs(effect) for _, effect, _ in brief["strongest"]], default=0.0)
    strongest = [
        [members, pytest.approx(effect, abs=0.05 * size)]
        for members, effect, _ in brief["strongest"][:1]
    ]
    return {**said, "strongest": strongest}


@pytest.mark.parametrize("name", recording.RUNS)
def test_nothing_is_explained_otherwise_than_it_was(
    name: str, stage: recording.Stage
) -> None:
    before = RECORDS["runs"][name]
    found = recording.explained(name, stage)
    briefs = [recording.brief(said) for said in found]
    if recording.machine() == RECORDS["machine"]:
        assert briefs == before["brief"]
        assert recording.exact(found) == before["exact"]
        return
    for brief in briefs:
        brief["strongest"] = [row[:2] for row in brief["strongest"][:1]]
    assert briefs == [roughly(brief) for brief in before["brief"]]


@pytest.mark.parametrize("name", recording.IN_LEDGER)
def test_what_an_older_ledger_holds_is_not_paid_for_again(
    name: str, stage: recording.Stage
) -> None:
    shutil.copy(FOLDER / "ledger.sqlite", stage.ledger)
    explanation = recording.RUNS[name](stage)
    assert isinstance(explanation, spexlens.Explanation)
    assert explanation.calls == 0
    assert explanation.account.reused == RECORDS["runs"][name]["brief"][0]["calls"]


def test_a_file_that_was_written_before_says_the_same() -> None:
    path = FOLDER / "explanation.json"
    before = json.loads(path.read_text())
    said = json.loads(spexlens.Explanation.load(path).to_json())
    assert said == before
