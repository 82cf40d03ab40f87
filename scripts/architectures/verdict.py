"""Verdicts: whether the feature lens answers a mask in a batch as plain Transformers
its row alone.
"""

import traceback
import warnings
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel
from transformers.utils import logging

from architectures.catalogue import Entry
from architectures.oracle import COMPLETION, LABEL, TEXT, answers, masks, word_tokenizer
from architectures.tiny import SECONDS, CannotBuild, last_line, tiny, within
from spexlens import FeatureLens
from spexlens.errors import SpexlensError

CLOSE = 1e-4
"""How far apart two answers may be, relative to the larger where that is above one."""

Outcome = Literal[
    "FAULT",
    "one at a time",
    "one length",
    "padded",
    "same for all",
    "random",
    "refused",
    "not built",
]
"""What became of a class, the most telling first: of two replacements the first named
here counts.

- FAULT: a wrong answer, an error that is not the package's own, or one of several
  lines.
- one at a time, one length, padded: right, with rows that share a forward pass so.
- same for all: right, but plain Transformers answers every mask alike, so that nothing
  was seen.
- random: plain Transformers answers one row differently each time.
- refused: in one line.
- not built: see `tiny.tiny`.
"""

WORKS = ("padded", "one length", "one at a time")


@dataclass(frozen=True)
class Verdict:
    """What became of one class.

    Attributes:
        entry: the class.
        outcome: see `Outcome`.
        detail: the refusal, the reason, or the difference; empty where there is nothing
            to say.
    """

    entry: Entry
    outcome: Outcome
    detail: str = ""


def examine(entry: Entry) -> Verdict:
    """Build the class tiny and put every replacement to the test."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = tiny(entry)
            with within(SECONDS):
                return _examined(entry, model)
    except CannotBuild as error:
        return Verdict(entry, "not built", str(error))
    except TimeoutError as error:
        return Verdict(entry, "FAULT", last_line(error))
    finally:
        logging.set_verbosity(verbosity)


def _examined(entry: Entry, model: PreTrainedModel) -> Verdict:
    if entry.column == "other":
        return _of_another_head(entry, model)
    found = {name: _replaced(entry, model, name) for name in _replacements(entry)}
    order = get_args(Outcome)
    worst = min(found.values(), key=lambda verdict: order.index(verdict.outcome))
    others = [
        f"with {name!r} {verdict.outcome}"
        + (f": {verdict.detail}" if verdict.detail else "")
        for name, verdict in found.items()
        if verdict.outcome != worst.outcome
    ]
    return Verdict(
        entry, worst.outcome, "; ".join(filter(None, [worst.detail, *others]))
    )


def _replacements(entry: Entry) -> tuple[str, ...]:
    return ("delete",) if entry.column == "causal" else ("delete", "mask")


def _replaced(entry: Entry, model: PreTrainedModel, replacement: str) -> Verdict:
    """The verdict on one replacement."""
    chosen = masks(len(TEXT.split()))
    try:
        expected = answers(model, entry.column, chosen, replacement)
        again = answers(model, entry.column, chosen[:2], replacement)
    except TimeoutError:
        raise
    except Exception as error:  # a model raises what it likes
        expected, why = None, last_line(error)
    lens = _lens(entry, model, replacement)
    if isinstance(lens, Verdict):
        return lens
    if lens.model.kind != entry.column:
        return Verdict(entry, "FAULT", f"taken for a model of kind {lens.model.kind!r}")
    if expected is None:
        return Verdict(
            entry, "FAULT", f"answered, where plain Transformers raises {why}"
        )
    if not np.allclose(expected[:2], again, rtol=0, atol=1e-6, equal_nan=True):
        return Verdict(
            entry,
            "random",
            "plain Transformers answers the same row differently each time",
        )
    try:
        return _compared(entry, lens, chosen, expected)
    except TimeoutError:
        raise
    except Exception as error:
        return Verdict(entry, "FAULT", last_line(error))


def _compared(
    entry: Entry,
    lens: FeatureLens,
    chosen: NDArray[np.bool_],
    expected: NDArray[np.float64],
) -> Verdict:
    """The lens's values, all masks in one batch and each alone, beside those expected."""
    together = lens.value(chosen)
    alone = np.concatenate([lens.value(mask[None]) for mask in chosen])
    scale = np.maximum(1, np.abs(expected))
    off = {
        "in a batch": np.abs(together - expected) / scale,
        "alone": np.abs(alone - expected) / scale,
    }
    far = {
        how: float(np.nan_to_num(each, nan=np.inf).max()) for how, each in off.items()
    }
    if max(far.values()) > CLOSE:
        return Verdict(
            entry,
            "FAULT",
            ", ".join(f"{how} off by {value:.2g}" for how, value in far.items()),
        )
    if np.ptp(expected) < 10 * CLOSE:
        return Verdict(entry, "same for all", "every mask has the same answer")
    return Verdict(entry, lens.facts().get("rows", "padded"))


def _of_another_head(entry: Entry, model: PreTrainedModel) -> Verdict:
    """A head that the lens has no answer for is refused by its name."""
    lens = _lens(entry, model, "delete")
    if isinstance(lens, Verdict):
        named = lens.outcome != "refused" or entry.name in lens.detail
        return (
            lens
            if named
            else Verdict(entry, "FAULT", f"not refused by its name: {lens.detail}")
        )
    return Verdict(
        entry,
        "FAULT",
        f"not refused, but taken for a model of kind {lens.model.kind!r}",
    )


def _lens(
    entry: Entry, model: PreTrainedModel, replacement: str
) -> FeatureLens | Verdict:
    """The lens, or how making one ended."""
    target = {
        "causal": COMPLETION,
        "classifier": LABEL,
        "encoder": None,
        "other": None,
    }[entry.column]
    tokenizer = word_tokenizer(entry.column)
    try:
        return FeatureLens(
            model, TEXT, target=target, tokenizer=tokenizer, replacement=replacement
        )
    except SpexlensError as error:
        lines = str(error).splitlines()
        return Verdict(
            entry, "refused" if len(lines) == 1 else "FAULT", " / ".join(lines)
        )
    except TimeoutError:
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return Verdict(
            entry,
            "FAULT",
            f"{last_line(error)} ({place.filename.rsplit('/', 1)[-1]}:{place.lineno})",
        )
