"""A grammar of film-review sentences whose label follows from how each sentence is
built.

A rule is a template with slots, and each slot says what its phrase does to the meaning
of the whole:

    {+verb}    the whole means what the phrase means      "manages to {+verb}"
    {-verb}    the whole means the opposite               "fails to {-verb}"
    {~clause}  the phrase has a meaning the whole ignores "although {~clause}, {+clause}"
    {object}   the phrase is neutral                      "{+transitive} {object}"

So "fails to impress" is negative and "never fails to impress" positive, whatever
"impress" or "fails" would mean alone. Words written "fails|fail" agree in number with
the nearest noun before them.
"""

import hashlib
import random
import re
from collections.abc import Iterator
from typing import NamedTuple

SHORTEST, LONGEST = 4, 18
HELD_OUT_SHARE = 10
EXAMPLE = "Her acting never fails to impress"
"""A sentence of the grammar that is always held out."""

SLOT = re.compile(r"\{([+~-]?)(\w+)\}")
WORD = re.compile(r"[\w']+")
PIECE = re.compile(r"[\w']+|[.,!]")


class Phrase(NamedTuple):
    """Some words and what they mean: True for praise, False for blame, None for
    neither.
    """

    text: str
    positive: bool | None


class Rule(NamedTuple):
    """A template and how often it is drawn where praise, and where blame, is wanted."""

    template: str
    praise: float = 1.0
    blame: float = 1.0


class DerivationError(ValueError):
    """A phrase cannot be built this way: no such rule, no such word, or slots that
    contradict.
    """


def words(text: str) -> list[str]:
    """The entries of a lexicon; an underscore joins an entry of several words."""
    return [entry.replace("_", " ") for entry in text.split()]


def third_person(verb: str) -> str:
    """The present tense of a regular verb, as an entry that agrees in number."""
    if re.search(r"(s|sh|ch|x|z)$", verb):
        return f"{verb}es|{verb}"
    if re.search(r"[^aeiou]y$", verb):
        return f"{verb[:-1]}ies|{verb}"
    return f"{verb}s|{verb}"


NEUTRAL: dict[str, list[str]] = {
    "part": words("""
        acting plot script story ending dialogue director direction cast pacing music soundtrack score
        camera lighting photography writing humor performance opening finale premise narrator hero
        heroine villain actor actress editing second_half first_act romance mystery screenplay
        production design supporting_cast lead"""),
    "parts": words("""
        jokes characters actors scenes costumes songs visuals effects twists lines stunts details
        performances themes images battles puppets villains dances conversations"""),
    "film": words(
        "film movie picture comedy drama thriller documentary sequel remake adaptation"
        " western"
    ),
    "determiner": words("the the the her his its their"),
    "person": words("she he"),
    "object": words(
        "me us everyone the_audience the_viewer the_crowd the_critics my_family"
    ),
    "viewer": words("I we critics most_people my_friends"),
    "adverb": words(
        """
        always often simply usually clearly still mostly certainly somehow surely sometimes really
        constantly frequently generally definitely eventually repeatedly consistently"""
    ),
    "never": words("never never never rarely seldom hardly_ever"),
    "manages": words(
        "manages|manage manages|manage begins|begin continues|continue tends|tend"
        " seems|seem"
    ),
    "manage": words("manage manage begin seem try"),
    "fails": words(
        "fails|fail fails|fail fails|fail refuses|refuse struggles|struggle"
    ),
    "fail": words("fail fail fail refuse struggle"),
    "able": words("able able sure certain likely ready"),
    "intensifier": words("""
        very truly utterly really deeply extremely absolutely completely incredibly remarkably so
        thoroughly genuinely surprisingly"""),
    "diminisher": words(
        "slightly rather fairly somewhat a_little quite pretty mildly almost"
    ),
    "degree": words("very really particularly especially exactly remotely"),
    "opener": words("""
        to_be_honest, in_the_end, overall, in_my_opinion, after_all, this_time, to_my_surprise,
        on_the_whole, as_always, for_what_it_is, again,"""),
    "closer": words("""
        from_start_to_finish in_the_second_half this_year once_again in_the_end on_the_whole as_always
        this_time after_all from_the_first_scene at_this_point"""),
    "end": words(". . . !"),
}

OPPOSED: dict[str, tuple[list[str], list[str]]] = {
    "adjective": (
        words(
            """
            good great wonderful brilliant beautiful funny clever moving charming delightful superb
            excellent amazing gripping touching witty elegant fresh original inspired memorable lovely
            magnificent stunning fascinating hilarious captivating engaging exciting thrilling tender
            graceful powerful subtle convincing smart imaginative perfect fantastic splendid enjoyable
            entertaining impressive warm masterful rich compelling heartfelt vivid refreshing"""
        ),
        words("""
            bad terrible awful boring dull tedious clumsy silly stupid predictable bland lifeless hollow
            shallow annoying irritating lazy weak poor horrible dreadful forgettable pointless
            pretentious ridiculous messy confusing disappointing flat stale tiresome mediocre
            unconvincing ugly wooden dreary painful sloppy cheap cheesy unfunny incoherent empty cold
            lame contrived ordinary awkward embarrassing uninspired"""),
    ),
    "transitive": (
        words(
            """
            impress amuse delight charm move thrill entertain captivate engage satisfy enchant fascinate
            convince inspire dazzle touch excite enthrall please reward astonish surprise"""
        ),
        words("""
            bore annoy disappoint irritate frustrate tire confuse exhaust alienate insult bother offend
            infuriate mislead repel depress bewilder underwhelm disgust puzzle"""),
    ),
    "intransitive": (
        words("shine soar work sparkle succeed excel triumph glow"),
        words("drag stumble falter collapse stall flop sag misfire"),
    ),
    "attitude": (
        words(
            "love enjoy admire adore recommend treasure appreciate like praise cherish"
        ),
        words(
            "hate dislike regret despise resent loathe detest condemn criticize mock"
        ),
    ),
    "merit": (
        words("""
            charm wit grace heart style warmth energy imagination depth beauty soul talent magic wisdom
            passion suspense originality tenderness"""),
        words("""
            flaws cliches problems mistakes nonsense padding errors weaknesses holes noise boredom
            confusion stupidity clutter vulgarity gimmicks laziness sentimentality"""),
    ),
}
OPPOSED["transitives"], OPPOSED["intransitives"] = (
    ([third_person(verb) for verb in praise], [third_person(verb) for verb in blame])
    for praise, blame in (OPPOSED["transitive"], OPPOSED["intransitive"])
)

RULES: dict[str, list[Rule]] = {
    "sentence": [
        Rule("{+statement}", 4, 4),
        Rule("{+statement}{end}", 8, 8),
        Rule("{opener} {+statement}{end}"),
        Rule("{+statement} {closer}{end}", 1.5, 1.5),
    ],
    "statement": [
        Rule("{+clause}", 10, 10),
        Rule("{+fact} and {+fact}"),
        Rule("{~clause} but {+clause}", 2, 2),
        Rule("{~fact}, yet {+fact}", 0.5, 0.5),
        Rule("although {~fact}, {+fact}"),
        Rule("{+fact} even though {~fact}", 1.5, 1.5),
        Rule("despite all the {~merit}, {+fact}", 0.5, 0.5),
    ],
    "clause": [Rule("{+fact}", 3, 3), Rule("{+verdict}", 2, 2)],
    "fact": [Rule("{subject} {+predicate}")],
    "subject": [Rule("{thing}", 12, 12), Rule("{person}")],
    "thing": [
        Rule("{determiner} {part}", 6, 6),
        Rule("{determiner} {parts}", 3, 3),
        Rule("this {film}"),
        Rule("the {film}"),
        Rule("this {part}"),
        Rule("these {parts}", 0.5, 0.5),
        Rule("it", 0.5, 0.5),
    ],
    "predicate": [
        Rule("{+action}", 2, 2),
        Rule("{adverb} {+action}", 6, 6),
        Rule("{never} {-action}", 2.4, 2.4),
        Rule("does|do not {-deed}"),
        Rule("doesn't|don't {-deed}", 0.5, 0.5),
        Rule("did not {-deed}", 0.5, 0.5),
        Rule("will {+deed}", 0.5, 0.5),
        Rule("can only {+deed}", 0.3, 0.3),
        Rule("cannot help but {+verb}", 0.4, 0.4),
        Rule("is|are {able} to {+verb}", 2, 1),
        Rule("is|are not {able} to {-verb}", 0.5, 0.5),
        Rule("is|are unable to {-verb}", 0.1, 0.3),
        Rule("is|are {+quality}", 4, 4),
        Rule("was|were {+quality}"),
        Rule("is|are not {-graded}", 1.5, 1.5),
        Rule("isn't|aren't {-graded}", 0.5, 0.5),
        Rule("was|were not {-graded}", 0.5, 0.5),
        Rule("is|are {never} {-adjective}", 0.7, 0.7),
        Rule("is|are {adverb} {+adjective}", 0.7, 0.7),
        Rule("is|are far from {-adjective}", 0.7, 0.7),
        Rule("is|are not far from {+adjective}", 0.3, 0.3),
        Rule("is|are anything but {-adjective}", 0.5, 0.5),
        Rule("is|are by no means {-adjective}", 0.4, 0.4),
        Rule("is|are hardly {-adjective}", 0.4, 0.4),
        Rule("is|are neither {-adjective} nor {-adjective}", 0.4, 0.4),
        Rule("could not be more {+adjective}", 0.4, 0.4),
        Rule("could not be less {-adjective}", 0.4, 0.4),
        Rule("is|are too {+adjective} to be {-adjective}", 0.4, 0.4),
        Rule("has|have {+merit}", 0.5, 0.5),
        Rule("has|have plenty of {+merit}", 0.3, 0.3),
        Rule("has|have no {-merit}", 0.4, 0.4),
        Rule("is|are full of {+merit}", 0.5, 0.5),
        Rule("is|are not without {+merit}", 0.5, 0.5),
        Rule("is|are without {-merit}", 0.3, 0.3),
        Rule("lacks|lack {-merit}", 0.2, 0.6),
        Rule("{never} lacks|lack {+merit}", 0.6, 0.2),
    ],
    "action": [
        Rule("{+transitives}", 2, 2),
        Rule("{+transitives} {object}"),
        Rule("{+intransitives}"),
        Rule("{manages} to {+verb}", 5, 2),
        Rule("{fails} to {-verb}", 0.5, 2.5),
    ],
    "deed": [
        Rule("{+verb}", 3, 3),
        Rule("{manage} to {+verb}", 0.5, 0.5),
        Rule("{fail} to {-verb}", 0.4, 1),
    ],
    "verb": [
        Rule("{+transitive}", 4, 4),
        Rule("{+transitive} {object}", 2, 2),
        Rule("{+intransitive}"),
    ],
    "quality": [
        Rule("{+adjective}", 4, 4),
        Rule("{intensifier} {+adjective}", 3, 3),
        Rule("{diminisher} {+adjective}", 1.5, 1.5),
        Rule("{+adjective} and {+adjective}"),
    ],
    "graded": [
        Rule("{+adjective}", 2, 2),
        Rule("{degree} {+adjective}"),
        Rule("{+adjective} at all"),
    ],
    "verdict": [
        Rule("{viewer} found {thing} {+quality}", 2, 2),
        Rule("{viewer} did not find {thing} {-graded}", 2, 2),
        Rule("{viewer} never found {thing} {-graded}"),
        Rule("nobody could call {thing} {-adjective}", 1.5, 1.5),
        Rule("anyone could call {thing} {+adjective}", 0.5, 0.5),
        Rule("nobody could say that {-fact}"),
        Rule("{viewer} think that {+fact}", 1.5, 1.5),
        Rule("{viewer} do not think that {-fact}", 1.5, 1.5),
        Rule("{viewer} doubt that {-fact}", 0.7, 0.7),
        Rule("{viewer} cannot deny that {+fact}"),
        Rule("nobody can deny that {+fact}", 0.7, 0.7),
        Rule("there is no doubt that {+fact}", 0.7, 0.7),
        Rule("it is not true that {-fact}", 0.7, 0.7),
        Rule("it is true that {+fact}", 0.7, 0.7),
        Rule("hardly a {-adjective} moment in this {+adjective} {film}"),
        Rule("hardly a {-adjective} scene in this {film}", 0.7, 0.7),
        Rule("there is nothing {-adjective} about {thing}"),
        Rule("there is something {+adjective} about {thing}"),
        Rule("there is not a single {-adjective} moment in this {film}", 0.7, 0.7),
        Rule("this is a {+adjective} {film}"),
        Rule("this is not a {-adjective} {film}"),
        Rule("what a {+adjective} {film}", 0.7, 0.7),
        Rule("a {+adjective} {film} with {+adjective} {parts}", 0.7, 0.7),
        Rule("a {film} full of {+merit}", 0.5, 0.5),
        Rule("a {film} without {-merit}", 0.5, 0.5),
        Rule("{viewer} {+attitude} {thing}"),
        Rule("{viewer} really {+attitude} {thing}", 0.5, 0.5),
        Rule("{viewer} did not {-attitude} {thing}"),
        Rule("{viewer} cannot {-attitude} {thing}", 0.7, 0.7),
        Rule("{viewer} could not help but {+attitude} {thing}", 0.7, 0.7),
        Rule("it is impossible not to {+attitude} {thing}", 0.7, 0.7),
        Rule("it is impossible to {-attitude} {thing}", 0.7, 0.7),
        Rule("it is easy to {+attitude} {thing}", 0.7, 0.7),
        Rule("nobody will {-attitude} {thing}", 0.7, 0.7),
        Rule("everyone will {+attitude} {thing}", 0.7, 0.7),
        Rule("you will never {-attitude} {thing}", 0.5, 0.5),
        Rule("you will always {+attitude} {thing}", 0.5, 0.5),
    ],
}

TEMPLATES = {
    symbol: {rule.template for rule in rules} for symbol, rules in RULES.items()
}
PLURAL = {
    **{
        entry.split()[-1]: False
        for symbol in ("part", "film", "person")
        for entry in NEUTRAL[symbol]
    },
    **{entry.split()[-1]: True for entry in NEUTRAL["parts"]},
    "it": False,
}


def lexicon(symbol: str, positive: bool | None) -> list[str]:
    """The words of a symbol, of one meaning where it has two; [] if rules expand it
    instead.
    """
    if symbol in OPPOSED:
        return OPPOSED[symbol][0 if positive else 1]
    return NEUTRAL.get(symbol, [])


def word(symbol: str, text: str) -> Phrase:
    """A word of the lexicon as a phrase. Raises DerivationError if the symbol has no
    such word.
    """
    for positive in (True, False):
        if text in lexicon(symbol, positive):
            return Phrase(text, positive if symbol in OPPOSED else None)
    raise DerivationError(f"the lexicon of {symbol!r} has no entry {text!r}")


def derive(symbol: str, template: str, *parts: Phrase | str) -> Phrase:
    """Build a phrase by a rule of the grammar, from one part per slot, left to right.

    A part given as text is looked up in the lexicon of its slot. The meaning is
    composed from the parts. Raises DerivationError if there is no such rule or word, or
    if two deciding slots disagree.
    """
    if template not in TEMPLATES[symbol]:
        raise DerivationError(f"{symbol!r} has no rule {template!r}")
    slots = SLOT.findall(template)
    phrases = [
        word(name, part) if isinstance(part, str) else part
        for (_, name), part in zip(slots, parts, strict=True)
    ]
    meanings = {
        phrase.positive == (mark == "+")
        for (mark, _), phrase in zip(slots, phrases, strict=True)
        if mark in ("+", "-")
    }
    if len(meanings) > 1:
        raise DerivationError(
            f"the parts of {template!r} contradict each other: {phrases}"
        )
    texts = iter(phrases)
    text = SLOT.sub(lambda _: next(texts).text, template)
    return Phrase(text, meanings.pop() if meanings else None)


def draw(symbol: str, positive: bool, source: random.Random) -> Phrase:
    """Draw a phrase of the wanted meaning (ignored by neutral symbols)."""
    if entries := lexicon(symbol, positive):
        return Phrase(source.choice(entries), positive if symbol in OPPOSED else None)
    rules = RULES[symbol]
    weights = [rule.praise if positive else rule.blame for rule in rules]
    (rule,) = source.choices(rules, weights)
    slots = SLOT.findall(rule.template)
    parts = [
        draw(name, passed_down(mark, positive, source), source) for mark, name in slots
    ]
    return derive(symbol, rule.template, *parts)


def passed_down(mark: str, positive: bool, source: random.Random) -> bool:
    """The meaning that a slot asks of its phrase; an aside is mostly, not always, a
    contrast.
    """
    if mark == "~":
        return positive if source.random() < 0.2 else not positive
    return positive if mark == "+" else not positive


def spell(text: str) -> str:
    """Settle number, "a" or "an", and the capital letters of a derived sentence."""
    plural = False

    def agree(match: re.Match[str]) -> str:
        nonlocal plural
        one, _, many = match[0].partition("|")
        plural = PLURAL.get(one, plural)
        return many if many and plural else one

    text = re.sub(r"[\w']+(\|[\w']+)?", agree, text)
    text = re.sub(r"\ba (?=[aeiou])", "an ", text)
    return text[0].upper() + text[1:]


def sentences(seed: int) -> Iterator[Phrase]:
    """Sentences without end, praise and blame equally often, of 4 to 18 words; they may
    repeat.
    """
    source = random.Random(seed)
    while True:
        phrase = draw("sentence", source.random() < 0.5, source)
        if SHORTEST <= len(WORD.findall(phrase.text.replace("|", ""))) <= LONGEST:
            yield Phrase(spell(phrase.text), phrase.positive)


def is_held_out(sentence: str) -> bool:
    """Whether training must never see the sentence, whatever its case and punctuation.

    Decided by a hash of the words, so that every seed agrees; about one sentence in ten
    is held out.
    """
    key = " ".join(WORD.findall(sentence.lower()))
    bucket = (
        int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
        % HELD_OUT_SHARE
    )
    return bucket == 0 or key == EXAMPLE.lower()


def unique_sentences(count: int, seed: int, *, held_out: bool) -> list[Phrase]:
    """The first `count` different sentences of a seed on one side of the held-out line."""
    found: dict[str, Phrase] = {}
    for phrase in sentences(seed):
        if is_held_out(phrase.text) == held_out:
            found.setdefault(phrase.text, phrase)
        if len(found) == count:
            break
    return list(found.values())


def vocabulary() -> list[str]:
    """Every lower-case word and punctuation mark that a sentence can contain, sorted."""
    texts = [SLOT.sub(" ", rule.template) for rules in RULES.values() for rule in rules]
    texts += [entry for entries in NEUTRAL.values() for entry in entries]
    texts += [
        entry for pair in OPPOSED.values() for entries in pair for entry in entries
    ]
    return sorted({"an", *PIECE.findall(" ".join(texts).lower())})
