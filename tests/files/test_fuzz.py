"""Every loader of files meets what nobody meant to write: an answer that works whole,
or one line.

300 mutations a loader here, 10,000 in `make fuzz`, the same ones each time. None may
end in another error than one of this package, take more than five seconds of the
processor, or 1 GB of memory.
"""

import json
import os
import random
import resource
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from mutations import as_toml, damaged, mutated, written
from rich.console import Console

import spexlens
from spexlens import (
    Aggregate,
    DataLens,
    Examples,
    Explanation,
    FeatureLens,
    Game,
    MechanisticLens,
)
from spexlens.cli.candidates import candidates_of
from spexlens.cli.inputs import lines_of, prompts_of
from spexlens.cli.mixed import _Config
from spexlens.cli.rows import rows_of
from spexlens.errors import SpexlensError
from spexlens.evidence.comparison import sets_to_check
from spexlens.files.toml_file import read as read_toml
from spexlens.formats import expectations as expectations_file
from spexlens.learners import encoders
from spexlens.models.huggingface import load
from spexlens.models.sentence import sentence_of
from spexlens.printable import hidden
from spexlens.ranges import layers_of
from spexlens.report.terminal.page import render
from spexlens.spectrum.indices import INDICES
from spexlens.verbs.aggregate import aggregate

COUNT = int(os.environ.get("SPEXLENS_FUZZ", "300"))
_SECONDS, _MEMORY = 5.0, 1 << 30
_PROCESS = signal.ITIMER_PROF

Attempt = Callable[[Path, random.Random], None]


class TooLong(BaseException):
    """More than five seconds of the processor, whatever else runs beside it."""


@contextmanager
def bounded() -> Iterator[None]:
    """A process without more than 1 GB of new memory, that is told when five seconds
    are over.
    """

    def over(*_: object) -> None:
        raise TooLong

    # tables reserve memory of their own when the first is made: not a loader's
    pandas.DataFrame({"label": ["a"]})
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(
        resource.RLIMIT_AS, (pages * resource.getpagesize() + _MEMORY, before[1])
    )
    handler = signal.signal(signal.SIGPROF, over)
    try:
        yield
    finally:
        signal.setitimer(_PROCESS, 0)
        signal.signal(signal.SIGPROF, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


def tried(attempt: Callable[[], Any]) -> Any:
    """What it answers, or None where it is refused in one line."""
    try:
        return attempt()
    except SpexlensError as error:
        said = str(error)
        assert said
        assert "\n" not in said
        assert not hidden(said), said
        return None


def fuzzed(
    name: str, folder: Path, make: Callable[[random.Random], bytes], attempt: Attempt
) -> None:
    """As many mutations as there are to be, each with a seed of its own."""
    faults: list[str] = []
    path = folder / name
    with bounded(), warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(COUNT):
            rng = random.Random(f"{name} {seed}")
            path.write_bytes(make(rng))
            signal.setitimer(_PROCESS, _SECONDS)
            try:
                attempt(path, rng)
            except (Exception, TooLong) as error:
                faults.append(f"{seed}: {type(error).__name__}: {str(error)[:200]}")
                if len(faults) >= 20:
                    break
            finally:
                signal.setitimer(_PROCESS, 0)
    assert not faults, "\n".join(faults)


def of_json(*originals: Any) -> Callable[[random.Random], bytes]:
    """Mutations of JSON: mostly of what it says, and some of its bytes."""

    def make(rng: random.Random) -> bytes:
        original = rng.choice(originals)
        if rng.random() < 0.15:
            return damaged(json.dumps(original).encode(), rng)
        return written(mutated(original, rng)).encode()

    return make


RULES: dict[str, Any] = {
    "least_share": 0.01,
    "expected": [
        {"name": "negation", "members": ["never", "fails"], "effect": "negative"},
        {
            "members": [
                {"label": ["acting", "im*"], "kind": "word"},
                {"position": "0-3"},
                2,
            ]
        },
    ],
    "forbidden": [{"name": "her", "members": [{"label": "her"}, {"position": [1, 2]}]}],
}


def game_of(outputs: int) -> Game:
    def answer(masks: Any) -> Any:
        both = masks[:, 0] * masks[:, 1] - 0.5 * masks[:, 2] + 0.1 * masks[:, 3]
        return both if outputs == 1 else np.stack([both, masks[:, 1] - both], axis=1)

    return Game(
        answer, ["a", "b", "c", "d"], outputs=None if outputs == 1 else ["up", "down"]
    )


@cache
def saved() -> list[Any]:
    """Explanations of every lens, with all the evidence that there is."""
    rules = Path(os.environ["PYTEST_FUZZ"]) / "rules.toml"
    rules.write_text(as_toml(RULES))
    text = "Her acting never fails to impress a bored critic"
    evidence = {
        "against": ["delete"],
        "ordinary": ["A good film", "A bad film", "A film"],
        "smallest": 0.8,
    }
    made = [
        spexlens.explain(
            FeatureLens(model(), text), 160, expectations=rules, **evidence
        ),
        spexlens.explain(game_of(2), 16, expectations=rules),
        spexlens.explain(game_of(1), 16).in_scale("share"),
        spexlens.zoom(FeatureLens(model(), f"{text}. {text}.", unit="sentence"), 64),
        spexlens.explain(spexlens.screen(MechanisticLens(model(), text), 5), 64),
    ]
    rows = ["a good film", "a bad film", "good fun", "bad fun", "so good", "so bad"]
    examples = Examples.of({"text": rows, "label": ["p", "n"] * 3})
    made.append(
        spexlens.explain(
            DataLens("logistic", examples, (["good"], ["p"]), encoder="tf-idf"), 80
        )
    )
    return [json.loads(each.to_json()) for each in made]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_FUZZ", str(tmp_path))


def pages(explanation: Explanation) -> None:
    """All pages of it, which send nothing to a terminal but their own colours."""
    for output in range(len(explanation.faithfulness.r2)):
        page = StringIO()
        Console(file=page, width=80, color_system=None).print(
            render(explanation, output=output)
        )
        assert not hidden(page.getvalue())


def everything_of(explanation: Explanation, path: Path, rng: random.Random) -> None:
    """What can be done with an explanation, some of it."""
    output = rng.randrange(len(explanation.faithfulness.r2))
    index, order = rng.choice(list(INDICES)), rng.choice((1, 2, 3, 99, None))
    tried(lambda: pages(explanation))
    again = tried(explanation.to_json)
    if again is not None:
        tried(lambda: explanation.save(path))
        assert Explanation.load(path).to_json() == again
    tried(lambda: explanation.interactions(index, order, output=output))
    for attempt in rng.sample(
        [
            lambda: repr(explanation),
            lambda: explanation.best_subset(
                min(2, len(explanation.candidates)), output=output, time_limit=1
            ),
            lambda: explanation.sufficient(0.8, output=output, time_limit=1),
            lambda: explanation.necessary(0.8, output=output, time_limit=1),
            lambda: [step.command for step in explanation.follow_up(output=output)],
            lambda: pages(explanation.in_scale(rng.choice(("share", "sd")))),
            lambda: explanation.to_frame(output=output),
            lambda: aggregate([explanation, explanation], least=1),
            lambda: explanation.importance(output=output),
        ],
        3,
    ):
        tried(attempt)


def test_explanations(tmp_path: Path) -> None:
    def attempt(path: Path, rng: random.Random) -> None:
        found = tried(lambda: Explanation.load(path))
        if found is not None:
            everything_of(found, path, rng)

    fuzzed("explanation.json", tmp_path, of_json(*saved()), attempt)


def test_aggregates(tmp_path: Path) -> None:
    original = aggregate(
        [Explanation.load(_written(tmp_path, saved()[1]))] * 2, least=1
    )

    def attempt(path: Path, rng: random.Random) -> None:
        found = tried(lambda: Aggregate.load(path))
        if found is not None:
            assert not hidden(repr(found))
            tried(lambda: found.save(path))
            tried(lambda: found.to_frame())

    fuzzed("aggregate.json", tmp_path, of_json(json.loads(original.to_json())), attempt)


def _written(folder: Path, content: Any) -> Path:
    path = folder / "original.json"
    path.write_text(json.dumps(content))
    return path


def toml_of(original: dict[str, Any]) -> Callable[[random.Random], bytes]:
    def make(rng: random.Random) -> bytes:
        if rng.random() < 0.2:
            return damaged(as_toml(original).encode(), rng)
        found = mutated(original, rng)
        text = as_toml(found if isinstance(found, dict) else {"least_share": found})
        return text.encode("utf-8", "surrogatepass")

    return make


def test_expectations(tmp_path: Path) -> None:
    explanation = Explanation.load(_written(tmp_path, saved()[0]))

    def attempt(path: Path, rng: random.Random) -> None:
        found = tried(lambda: expectations_file.read(path))
        if found is not None:
            compared = tried(lambda: explanation.compared_with(found))
            if compared is not None:
                tried(lambda: pages(compared))
                tried(
                    lambda: sets_to_check(
                        found, explanation.candidates, explanation.spectrum
                    )
                )

    fuzzed("rules.toml", tmp_path, toml_of(RULES), attempt)


def test_mixed_configurations(tmp_path: Path) -> None:
    original = {
        "text": "a good film",
        "model": "sentiment",
        "budget": 100,
        "seed": 1,
        "features": {"unit": "word", "candidates": "0-2"},
        "mechanistic": {
            "components": ["heads"],
            "layers": "0-1",
            "candidates": [0, "L0.H0"],
        },
        "data": {
            "train": "train.csv",
            "label": 1,
            "learner": "fine-tuning",
            "learning_rate": 0.1,
            "epochs": 2,
        },
    }

    def attempt(path: Path, rng: random.Random) -> None:
        found = tried(lambda: read_toml(path, _Config))
        if found is None:
            return
        for section in (found.features, found.mechanistic, found.data):
            if section is not None and isinstance(section.candidates, str):
                tried(lambda section=section: candidates_of(section.candidates))
        if found.mechanistic is not None and found.mechanistic.layers is not None:
            tried(lambda: layers_of(found.mechanistic.layers))

    fuzzed("mixed.toml", tmp_path, toml_of(original), attempt)


def lines_mutated(*rows: dict[str, Any]) -> Callable[[random.Random], bytes]:
    """Mutations of JSONL."""

    def make(rng: random.Random) -> bytes:
        if rng.random() < 0.2:
            return damaged("\n".join(json.dumps(row) for row in rows).encode(), rng)
        chosen = rng.randrange(len(rows))
        found = [
            mutated(row, rng) if place == chosen else row
            for place, row in enumerate(rows)
        ]
        return "\n".join(map(written, found)).encode()

    return make


PROMPTS = [
    {"prompt": "a good film", "target": "POSITIVE"},
    {"prompt": "a bad film", "target": "NEGATIVE"},
]


def test_prompts(tmp_path: Path) -> None:
    # loads what loading it takes, which is not what is measured
    MechanisticLens(model(), "a good film")

    def attempt(path: Path, rng: random.Random) -> None:
        found = tried(lambda: prompts_of(path))
        if found is not None:
            texts = [text for text in found["inputs"] if len(text) < 100]
            kept = {name: column[: len(texts)] for name, column in found.items()} | {
                "inputs": texts
            }
            if texts and rng.random() < 0.1:
                tried(lambda: MechanisticLens(model(), **kept))

    fuzzed("prompts.jsonl", tmp_path, lines_mutated(*PROMPTS), attempt)


@cache
def model() -> Any:
    from spexlens.models.bundled import SENTIMENT

    return load(SENTIMENT)


def test_batch_files(tmp_path: Path) -> None:
    rows = [
        {"id": "one", **PROMPTS[0], "foil": "NEGATIVE"},
        {"id": 2, **PROMPTS[1], "foil": "POSITIVE"},
    ]
    fuzzed(
        "batch.jsonl",
        tmp_path,
        lines_mutated(*rows),
        lambda path, rng: tried(
            lambda: rows_of(path, rng.choice(("features", "mechanistic")), None)
        ),
    )


EXAMPLES = [
    {"text": "a good film", "label": 1, "source": "x"},
    {"text": "a bad film", "label": 0, "source": "y"},
]


def of_examples(path: Path, rng: random.Random) -> None:
    found = tried(lambda: Examples.read(path))
    if found is not None:
        tried(lambda: found.take([0]))
        tried(
            lambda: DataLens(
                "logistic",
                found,
                (["good"], None),
                groups=rng.choice((None, "source", "label")),
            )
        )


def test_examples_in_lines(tmp_path: Path) -> None:
    fuzzed("examples.jsonl", tmp_path, lines_mutated(*EXAMPLES * 2), of_examples)


def test_examples_in_columns(tmp_path: Path) -> None:
    original = (
        b'text,label,source\n"a good, film",1,x\na bad film,0,y\nso good,1,x\nso'
        b" bad,0,y\n"
    )

    def make(rng: random.Random) -> bytes:
        found = damaged(original, rng)
        return damaged(found, rng) if rng.random() < 0.3 else found

    fuzzed("examples.csv", tmp_path, make, of_examples)


def test_texts_one_a_line(tmp_path: Path) -> None:
    fuzzed(
        "lines.txt",
        tmp_path,
        lambda rng: damaged("A good film.\nÉté\r\n\nA bad one.\n".encode(), rng),
        lambda path, rng: tried(lambda: lines_of(path)),
    )


SIDE_FILES: dict[str, Any] = {
    "modules.json": [
        {
            "idx": 0,
            "name": "0",
            "path": "",
            "type": "sentence_transformers.models.Transformer",
        },
        {
            "idx": 1,
            "name": "1",
            "path": "1_Pooling",
            "type": "sentence_transformers.models.Pooling",
        },
        {
            "idx": 2,
            "name": "2",
            "path": "2_Normalize",
            "type": "sentence_transformers.models.Normalize",
        },
    ],
    "1_Pooling/config.json": {
        "word_embedding_dimension": 4,
        "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True,
    },
    "sentence_bert_config.json": {"max_seq_length": 64, "do_lower_case": False},
    "config_sentence_transformers.json": {
        "prompts": {"query": "query: "},
        "default_prompt_name": "query",
    },
}


def test_files_beside_an_encoder(tmp_path: Path) -> None:
    (tmp_path / "1_Pooling").mkdir()

    def attempt(path: Path, rng: random.Random) -> None:
        for name, content in SIDE_FILES.items():
            (tmp_path / name).write_text(json.dumps(content))
        name = rng.choice(list(SIDE_FILES))
        (tmp_path / name).write_bytes(of_json(SIDE_FILES[name])(rng))
        found = tried(lambda: sentence_of(str(tmp_path)))
        assert found is None or (isinstance(found.prompt, str) and found.pooling)

    fuzzed("unread", tmp_path, lambda rng: b"", attempt)


def test_kept_features(tmp_path: Path) -> None:
    from safetensors.numpy import save

    good = {
        "features": np.eye(3, 4),
        "longer": np.array([1]),
        "together": np.array([0]),
    }
    odd = [
        *(
            np.zeros(0),
            np.zeros((3, 4), np.int64),
            np.full((3, 4), np.nan),
            np.array([-1]),
            np.array([9]),
        ),
        *(
            np.array([2**62]),
            np.zeros((1, 1)),
            np.array([True]),
            np.zeros((3, 4), np.float16),
            np.array(3),
        ),
    ]

    def make(rng: random.Random) -> bytes:
        if rng.random() < 0.5:
            return damaged(save(good), rng)
        return save({**good, rng.choice(list(good)): rng.choice(odd)})

    fuzzed(
        "kept.safetensors",
        tmp_path,
        make,
        lambda path, rng: tried(lambda: encoders._read(path, 3)),
    )


def test_lists_on_a_command_line(tmp_path: Path) -> None:
    words = (
        "0",
        "3",
        "-",
        ",",
        "0-9999999999",
        "9" * 5_000,
        "all",
        "L0.H0",
        " ",
        "5-2",
        "²",
        "\x1b",
        "1e9",
    )

    def attempt(path: Path, rng: random.Random) -> None:
        text = "".join(rng.choice(words) for _ in range(rng.randrange(1, 6)))
        tried(lambda: candidates_of(text))
        tried(lambda: layers_of(text))

    fuzzed("unread", tmp_path, lambda rng: b"", attempt)


def test_folders_of_models(classifier: Path, tmp_path: Path) -> None:
    """What transformers reads, as far as this package goes on from there: one text,
    explained.
    """
    names = ("config.json", "tokenizer.json", "tokenizer_config.json")
    originals = {name: json.loads((classifier / name).read_text()) for name in names}
    for file in classifier.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())

    def attempt(path: Path, rng: random.Random) -> None:
        for name in names:
            (tmp_path / name).write_text(json.dumps(originals[name]))
        name = rng.choice(names)
        (tmp_path / name).write_bytes(of_json(originals[name])(rng))
        loaded = tried(lambda: load(str(tmp_path)))
        lens = (
            tried(lambda: FeatureLens(loaded, "a good film"))
            if loaded and rng.random() < 0.3
            else None
        )
        if lens is not None:
            tried(lambda: lens.value(np.ones((1, lens.n), np.bool_)))

    fuzzed("unread", tmp_path, lambda rng: b"", attempt)
