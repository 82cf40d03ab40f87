"""Made-up reviews of films, from a few words to hundreds, and how likely each is
praise.

A text is a row of sentences. Some are those of `review_grammar`, with other words of
the lexicon put in the place of its own; some are ordinary words at random with words of
the lexicon, its phrases and marks out of ten strewn in; some say nothing. What a text
says is the sum of what its sentences say, by rules such as VADER's: a negator turns
round what follows within three words, "very" strengthens, "but" makes less of what is
before it and more of what follows. The probability of praise is a logistic function of
the sum over the root of how many words speak.
"""

import math
import random
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from review_grammar import OPPOSED, draw, is_held_out, spell
from review_lexicon import BOOSTERS, COMMON, DAMPERS, FILMS, NEGATORS, PHRASES, valences

UNKNOWN = "[UNK]"
REACH = 3
"""How many words before it can turn a word round."""

TURNED, BOOSTED, DAMPED = -0.7, 1.3, 0.6
BEFORE_BUT, AFTER_BUT = 0.5, 1.4
GRAMMATICAL = 2.0
"""What a sentence of the grammar says, up or down."""

SPEAKS = 0.2
"""The least valence of a word that counts."""

STEEPNESS = 1.2
WHOLE = "\0"
"""Behind each word of a phrase, whose words neither turn round nor are turned round."""

PIECE = re.compile(r"\[UNK\]|\w+(?:'\w+)*|[^\w\s]")


class Text(NamedTuple):
    """A text, and the probability that it is praise."""

    text: str
    praise: float


class Writer:
    """Writes texts from the grammar and the lexicon; the same seed gives the same
    texts.
    """

    def __init__(
        self, seed: int, lexicon: Path | None = None, *, quiet: float = 0.0
    ) -> None:
        """
        Args:
            seed: decides every text.
            lexicon: vader_lexicon.txt; by default the installed package's.
            quiet: the share of texts that say nothing.
        """
        self.quiet = quiet
        self.source = random.Random(seed)
        self.valences = valences(lexicon)
        self.neutral = sorted(
            word for word, valence in self.valences.items() if abs(valence) < SPEAKS
        )
        self.common = [
            word for word in COMMON if abs(self.valences.get(word, 0.0)) < SPEAKS
        ]

    @cached_property
    def sided(self) -> dict[bool, list[str]]:
        """The lexicon's words of praise and of blame."""
        return {
            side: sorted(
                word
                for word, valence in self.valences.items()
                if abs(valence) >= SPEAKS and side == (valence > 0)
            )
            for side in (True, False)
        }

    @cached_property
    def of_films(self) -> dict[bool, list[str]]:
        """The words of praise and of blame that reviews use most."""
        return {
            side: [
                word
                for valence, listed in FILMS.items()
                if (valence > 0) == side
                for word in listed.split()
            ]
            for side in (True, False)
        }

    @cached_property
    def replaceable(self) -> dict[str, bool]:
        """The grammar's words that any word of the lexicon of their side may replace."""
        return {
            word: side
            for side, listed in zip((True, False), OPPOSED["adjective"], strict=True)
            for word in listed
        }

    def texts(self, shortest: int, longest: int) -> Iterator[Text]:
        """Texts without end, of about so many words."""
        while True:
            low, high = math.log(shortest), math.log(longest)
            wanted = math.exp(self.source.uniform(low, high))
            yield self.text(wanted)

    def text(self, wanted: float) -> Text:
        """A text of about so many words."""
        source = self.source
        mood = source.betavariate(1.1, 1.1)
        unknown = source.uniform(0.0, 0.45)
        grammatical = source.choice((0.0, 0.2, 0.4))
        rate = source.uniform(0.04, 0.3)
        if self.quiet and source.random() < self.quiet:
            grammatical = rate = 0.0
        parts: list[str] = []
        total = 0.0
        speaking = 0
        length = 0
        while length < wanted:
            if source.random() < grammatical:
                positive = source.random() < mood
                words = self.grammatical(positive)
                total += GRAMMATICAL if positive else -GRAMMATICAL
                speaking += 1
            else:
                words, said, count = self.loose(mood, unknown, rate, wanted - length)
                total += said
                speaking += count
            parts.append(words)
            length += len(words.split())
            if source.random() < 0.04:
                parts.append("<br /><br />")
        praise = 1 / (1 + math.exp(-STEEPNESS * total / math.sqrt(speaking + 2)))
        return Text(" ".join(parts), praise)

    def grammatical(self, positive: bool) -> str:
        """A sentence of the grammar that is not held out, with other words of its
        lexicon's sides.
        """
        while True:
            sentence = spell(draw("sentence", positive, self.source).text)
            if not is_held_out(sentence):
                break
        return self.with_others(sentence)

    def with_others(self, sentence: str) -> str:
        """The sentence, about half of its adjectives replaced by words of the lexicon
        of the same side.
        """

        def other(match: re.Match[str]) -> str:
            side = self.replaceable.get(match[0].lower())
            if side is None or self.source.random() < 0.5:
                return match[0]
            return self.source.choice(self.sided[side])

        return re.sub(r"[\w']+", other, sentence)

    def loose(
        self, mood: float, unknown: float, rate: float, room: float
    ) -> tuple[str, float, int]:
        """Ordinary words with some that speak: the sentence, what it says, and how many
        words speak.
        """
        source = self.source
        words: list[tuple[str, float]] = []
        quiet = source.random() < 0.2
        wanted = min(source.randint(2, 25), max(2, int(room)))
        while len(words) < wanted:
            lot = source.random()
            if quiet or lot > rate:
                words.append((self.filler(unknown), 0.0))
            elif lot > 0.9 * rate:
                mark = source.randint(0, 10)
                words += [(str(mark), 0.6 * (mark - 5.5)), ("/", 0.0), ("10", 0.0)]
            elif lot > 0.75 * rate:
                words += self.phrase(source.random() < mood)
            else:
                positive = source.random() < mood
                known = self.of_films if source.random() < 0.6 else self.sided
                word = source.choice(known[positive])
                if source.random() < 0.15:
                    words.append((source.choice(sorted(NEGATORS)), 0.0))
                    if source.random() < 0.4:
                        words.append((self.filler(unknown), 0.0))
                elif source.random() < 0.15:
                    words.append((source.choice(sorted(BOOSTERS | DAMPERS)), 0.0))
                words.append((word, self.valences[word]))
        said, count = self.sum_of(words)
        end = source.choice(".....!!?")
        text = " ".join(word for word, _ in words)
        text = re.sub(
            r" (?=\S+ \S+ \S+)", lambda _: ", " if source.random() < 0.06 else " ", text
        )
        return text.replace(WHOLE, "") + end, said, count

    def filler(self, unknown: float) -> str:
        """A word that says nothing."""
        lot = self.source.random()
        if lot < unknown:
            return UNKNOWN
        if lot < unknown + 0.06:
            return self.source.choice(self.neutral)
        if lot < unknown + 0.08:
            return self.source.choice(
                ("but", "although", "though", "because", "(", ")", '"', "-", "'")
            )
        return min(
            self.source.choices(self.common, k=2), key=len
        )  # the more common words are the shorter ones

    def phrase(self, positive: bool) -> list[tuple[str, float]]:
        """A phrase, all that it says on its last word."""
        valence = self.source.choice(
            [each for each in PHRASES if (each > 0) == positive]
        )
        words = self.source.choice(PHRASES[valence]).split()
        return [(f"{word}{WHOLE}", 0.0) for word in words[:-1]] + [
            (f"{words[-1]}{WHOLE}", valence)
        ]

    def sum_of(self, words: list[tuple[str, float]]) -> tuple[float, int]:
        """What a sentence's words say together, and how many of them speak; see the
        module.
        """
        sides = [0.0, 0.0]
        after = 0
        count = 0
        for place, (word, valence) in enumerate(words):
            if word == "but":
                after = 1
            if not valence:
                continue
            count += 1
            before = (
                []
                if word.endswith(WHOLE)
                else [each for each, _ in words[max(0, place - REACH) : place]]
            )
            if sum(each in NEGATORS for each in before) % 2:
                valence *= TURNED
            if before and before[-1] in BOOSTERS:
                valence *= BOOSTED
            if before and before[-1] in DAMPERS:
                valence *= DAMPED
            sides[after] += valence
        return (
            sides[0] * BEFORE_BUT + sides[1] * AFTER_BUT if after else sides[0]
        ), count
