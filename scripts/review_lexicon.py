"""Words of film reviews and how much praise or blame is in each: a public lexicon, read
for films.

The lexicon is VADER's (Hutto & Gilbert, ICWSM 2014; MIT licence, whose notice is in the
bundled model's README.md), mean valences of people from -4 to 4. Lists made by hand
stand over it: `ABOUT_PLOTS`, words that say what a film is about and not how good it
is; `FILMS`, words that mean more, or less, of a film than of other things; `PHRASES`;
and `COMMON`, ordinary words that praise and blame nothing. They were written without
looking at reviews but for those that `judge_sentiment` chooses by.
"""

import re
from pathlib import Path

from review_grammar import OPPOSED, words

WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")
SHORTEST = 3
"""Letters of the shortest word that is taken from the lexicon: below are abbreviations
of chats.
"""

ABOUT_PLOTS = words("""
    abduct abuse accident accuse afraid agent aggress alone ambush anger angr anxi arrest assassin assault
    attack avenge axe battle beat blast blind blood bomb bruta bully burden casual catastroph chaos
    collision combat condemn conflict conspira corpse corrupt courag crash crazed cries crime crimin
    crisis cruel cry crying danger dark dead death deadly defeat defend demon depress desert desper
    destroy destruct devil die died dies disappear disaster disease distress doom doubt drown drunk
    emergen enem escap evil explo fatal fear fight fire foe fought fright fugitive ghost grave grief guilt
    gun harm haunt hell hero horror hostile hurt ill illness imprison injur innocent jail jealous kidnap
    kill kiss lone lonel lost mad madness misery missing monster mourn murder myster nervous orphan pain
    panic persecut peril poison polic poverty prison punish rage rape rebel reject reveng rival rob scare
    scream secret sex shock shoot shot sick sin sinist slave sorrow steal stolen strang struggl suffer
    suicid suspect suspicio tension terror terroriz thief threat threaten torment tortur tragic tragedy
    trap trauma treason trick trouble ugly vampire vengeance victim villain violen vulnerab war warfare
    warn weapon weep wept wicked worry wound wreck zombi
""")
"""Beginnings of words that tell the plot; nothing of them counts, unless `FILMS` has
the word.
"""

NOT_SAID_OF_FILMS = words("""
    allow admit alive block care cared cares certain cut dear demand determined easy ease energy engage
    father feeling feelings fit free freedom friend friends grand hand hard help helped helps hid honest
    hopes hope huge humor humour important interest interests join joke jokes joking keen kind leave
    leaving like liked likes limited low matter mother natural no numb odd ok okay open party pay play
    played player plays please pretty promise protect ready save security share shared sharing shy smart
    sobering solution solve solved stop stopped stops straight strength strike support supporting sure
    surprise sympathy thank thanks top true trust value want warm wealth welcome win winner wins won worth
    yeah yes young
""")
"""Words that mostly say something else in a review; they count only as `FILMS` says."""

FILMS: dict[float, str] = {
    -3.0: (
        """
        worst unwatchable awful waste wastes dreadful atrocious abysmal excruciating
    """
    ),
    -2.4: (
        """
        terrible horrible poorly pointless laughable unfunny dull lame crap crappy tedious amateurish
        pathetic disappointing disappointment rubbish garbage lousy worse wasted incoherent lifeless
        insulting insult unbearable uninspired godawful appalling dire boring bad drivel dreck ineptly
        inept
    """
    ),
    -1.9: (
        """
        poor stupid avoid mess messy mediocre badly bored annoying wooden forgettable unconvincing
        uninteresting bland dumb idiotic moronic inane ludicrous ridiculous irritating painful painfully
        overrated plotless lacks fails trash horribly terribly horrendous embarrassing embarrassingly
        embarrassment disjointed nonsensical tiresome clumsy contrived shallow pretentious hackneyed
        unoriginal snooze yawn tripe
    """
    ),
    -1.3: (
        """
        disappointed cheap fail failed failure flat lacking lack nonsense cliche cliches cliched
        predictable bother excuse confusing confused unrealistic implausible unbelievable sloppy silly
        weak hated hate dislike flawed flaws ugly cheesy dated overlong drags dragged slow overdone shame
        sad sadly unpleasant offensive wrong
    """
    ),
    -0.8: (
        """
        unfortunately supposedly supposed sorry attempt attempts potential instead nothing hoping premise
        money unless plain redeeming none unintentionally hardly barely pass trying tries neither nor
    """
    ),
    -0.4: (
        """
        minutes least why looks looked guess maybe whatever should effort reason any even better ok okay
        oh script thing stuff apparently wish wished hours ended rent zero half ten
    """
    ),
    0.3: (
        """
        also both life world always very each others young different although unlike tale family strong
        relationship first fits kind pretty helps true humor hero heroes honest easy warm
    """
    ),
    0.6: (
        """
        today well still especially performance performances portrayal definitely cast rare simple heart
        deserves deserved glad classic award emotional sure good like liked likes love journey enjoys
        brings together play plays played friendship innocence journey complex realistic realism must own
        interesting nice worth
    """
    ),
    1.2: (
        """
        best great enjoy fun funny recommend loves unique solid hilarious strongly original clever fresh
        smart entertaining surprisingly tears enjoyable perfect treat gorgeous imaginative witty classics
        favorites favourites believable heartfelt beauty greatest
    """
    ),
    1.8: (
        """
        loved enjoyed highly recommended perfectly amazing brilliant fantastic beautiful favorite
        favourite touching powerful memorable moving gem terrific captivating gripping refreshing subtle
        haunting stunning impressive compelling underrated timeless pleasantly remarkable fascinating
        charming masterful incredible thoughtful poignant mesmerizing intense delight joy
    """
    ),
    2.4: (
        """
        excellent wonderful superb outstanding delightful masterpiece finest wonderfully superbly
        brilliantly beautifully flawless flawlessly perfection breathtaking magnificent heartwarming
        unforgettable bravo exceptional riveting marvelous marvellous spectacular sublime
    """
    ),
}
"""Words of praise (above 0) and blame (below) in reviews of films, by how much."""

COMMON = words("""
    a about above across act acted acts actually after afterwards again against age ago ahead air alien
    all almost along already american among an and animal animals another anybody anyone anything anyway
    appear appeared appears are area around art as ask asked asks at audience author away b baby back
    background bar based be became because become becomes been before begin beginning begins behind being
    believe below beside besides between beyond big bit black blue board boat body book books born bottom
    boy boys br break bring british brother brothers brought budget build building built business but buy
    by call called came can car career case cat caught center century certainly change changed changes
    chapter character characters chase child children choice choose christmas cinema city class clear
    clearly close clothes club cold college color colour come comedies comes comic coming comment comments
    company complete completely computer consider considering continue control cop cops copy couldn't
    country couple course cover crew cry daughter day days dead deal decade decide decided decides deep
    despite detail details developed development dialog dialogue did didn't different directed directing
    direction director directors do doctor does doesn't dog doing don't done door down dr drama dream
    dressed drive driving drop due during dvd earlier early earth edge edited editing effect effects eight
    either else end ending ends english enough entire entirely episode episodes era et etc europe eve ever
    every everybody everyone everything everywhere exactly example except expect expected experience
    explain eye eyes face fact fall falls familiar famous fan fans far fashion fast father features feel
    feels feet felt female few fiction field fifteen figure fill filled film filmed filmmaker filmmakers
    films final finally find finds fine finish finished five floor fly focus follow followed following
    follows food foot for force foreign forget form former forward found four french from front full fully
    future gave general genre george german get gets getting girl girlfriend girls give given gives giving
    glass go goes going gone got gotten grade graphic group grow growing guy guys had hair hall hands
    happen happened happens has have having he head heads hear heard heavy held hell her here herself high
    him himself his history hit hold holds hollywood home hour house how however human hundred husband i
    idea ideas if image images imagine in include includes including inside into involved is island issue
    it italian its itself jack james japanese jim job joe john just keep keeps kept key kid kids killed
    king knew know knowing known knows lady land language large last late later latter law lead leading
    leads learn led left leg less let lets letter level lie light line lines list little live lived lives
    living local long longer look looking looks lot lots low made main major make makes making male man
    many mark married mary matter may me mean meaning means meet meets member members men mention
    mentioned message michael middle might mind minute modern moment moments month more morning most
    mother mouth move moved moves movie movies mr mrs much music musical my myself name named nature near
    nearly need needed needs never new next night nine normal not note notice novel now number of off
    office often old older on once one ones only open opening opens or order other others our out outside
    over own page parents part particular parts past paul people perhaps period person peter phone
    photography picture pictures piece place places plan plane please plot point points political
    portrayed possible power present president probably problem produced producer producers production
    project public put puts quality question quickly quite rated rather rating read reading real reality
    realize really reason red remake remember rest result return review reviews rich rights road robert
    rock role roles room round run running runs said same sat saw say saying says scene scenes school
    science scientist score screen screenplay second see seeing seem seemed seems seen self sense sent
    sequel series serious set sets setting seven several shall she ship short shots show showed showing
    shown shows side sight similar simply since sing singing single sister sit situation six size skip
    small so society soldier some somebody somehow someone something sometimes somewhat son song songs
    soon sort sound sounds soundtrack south space speak special stage stand stands star stars start
    started starts state states stay steven step stories story straight street strange studio stuff style
    subject such suddenly summer surely system take taken takes taking talk talking tell telling tells
    term than that that's the theater theatre their theirs them theme themes themselves then there
    therefore these they thing things think thinking third this those though thought three through
    throughout throw time times title tm to told tom too took tone total totally touch toward town train
    turn turned turns tv twenty twice two type typical under understand until up upon us use used uses
    using usual usually various version video view viewer viewers viewing visual voice wait walk walks
    wall wanted wants was wasn't watch watched watching water way ways we wearing week went were weren't
    west what what's when where whether which while white who whole whom whose wide wife will william
    window wise with within without woman women word words work worked working works would wouldn't write
    writer writers writing written wrote year years yes yet york you young your yourself
""")
"""Ordinary words and names, neither praise nor blame."""

NEGATORS = frozenset(
    words("""
    not never no nor neither nobody without hardly barely cannot can't don't doesn't didn't isn't aren't
    wasn't weren't won't wouldn't couldn't shouldn't ain't haven't hasn't hadn't scarcely seldom rarely
""")
)
"""Words that turn round what follows."""

BOOSTERS = frozenset(
    words("""
    very really truly utterly extremely absolutely completely incredibly so thoroughly totally
    particularly especially most such deeply highly remarkably genuinely
""")
)
"""Words that strengthen what follows."""

DAMPERS = frozenset(
    words("""
    slightly somewhat fairly rather quite mildly almost partly sort kind occasionally
""")
)
"""Words that weaken what follows."""

PHRASES: dict[float, tuple[str, ...]] = {
    -2.5: (
        "a waste of time",
        "waste of money",
        "one of the worst",
        "the worst film ever",
        "want my money back",
        "no redeeming qualities",
        "do not waste your time",
        "so bad",
    ),
    -2.0: (
        "don't bother",
        "do not bother",
        "stay away",
        "avoid this",
        "save your money",
        "fell asleep",
        "walked out",
        "thumbs down",
        "falls apart",
        "falls flat",
        "a complete mess",
        "skip this one",
        "not recommended",
    ),
    -1.5: (
        "not worth it",
        "supposed to be funny",
        "tries too hard",
        "makes no sense",
        "no plot",
        "not funny",
        "a must miss",
        "turn it off",
        "could have been better",
        "should have been better",
        "not even",
        "too bad",
        "no character development",
        "i wouldn't watch it",
        "badly written",
        "badly acted",
        "nothing new",
    ),
    -1.0: (
        "at best",
        "too long",
        "i expected more",
        "should have been",
        "could have been",
        "no reason",
        "i wish i",
        "what were they thinking",
        "the only good thing",
        "not much",
        "nothing happens",
        "what a shame",
    ),
    1.0: (
        "of all time",
        "see it again",
        "made me cry",
        "at its best",
        "ahead of its time",
        "out loud",
        "well done",
        "well made",
        "for the whole family",
        "better than i expected",
    ),
    1.5: (
        "a must see",
        "must see",
        "well worth",
        "worth seeing",
        "worth watching",
        "made me laugh",
        "never gets old",
        "on the edge of my seat",
        "stands the test of time",
        "can't wait to see it again",
        "the best part",
        "bring a tear to your eye",
        "stays with you",
    ),
    2.0: (
        "highly recommended",
        "i highly recommend",
        "don't miss it",
        "do not miss",
        "two thumbs up",
        "one of the best",
        "one of my favorites",
        "the best film ever",
        "blew me away",
        "a hidden gem",
        "can't recommend it enough",
        "loved every minute",
    ),
}
"""Runs of words that mean more together than apart, by how much praise is in the whole.
"""

SUFFIXES = (
    "'s",
    "s",
    "es",
    "ed",
    "d",
    "ing",
    "ly",
    "er",
    "est",
    "ness",
    "able",
    "ish",
    "y",
    "n't",
    "'",
)
"""Endings that a word may have beside those it is listed with."""


def vader(path: Path | None = None) -> dict[str, float]:
    """The lexicon's words of letters, and their mean valences, from -4 to 4.

    Args:
        path: of vader_lexicon.txt; by default that of the installed package
            vaderSentiment.
    """
    if path is None:
        try:
            import vaderSentiment
        except ImportError as error:
            raise SystemExit(
                "no lexicon: pip install vaderSentiment==3.3.2, or give --lexicon"
            ) from error
        path = Path(vaderSentiment.__file__).parent / "vader_lexicon.txt"
    rows = [
        line.split("\t")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line
    ]
    return {
        row[0]: float(row[1])
        for row in rows
        if len(row[0]) >= SHORTEST and WORD.fullmatch(row[0])
    }


def valences(path: Path | None = None) -> dict[str, float]:
    """How much praise is in each word that has any or none, of a film."""
    known = vader(path)
    plots = tuple(ABOUT_PLOTS)
    for word in known:
        if word.startswith(plots):
            known[word] = 0.0
    known |= dict.fromkeys(NOT_SAID_OF_FILMS, 0.0)
    for symbol in ("adjective", "transitive", "intransitive", "attitude", "merit"):
        for sign, listed in zip((1.0, -1.0), OPPOSED[symbol], strict=True):
            for word in listed:
                if known.get(word, 0.0) * sign <= 0:
                    known[word] = 1.3 * sign
    for valence, listed in FILMS.items():
        known |= dict.fromkeys(listed.split(), valence)
    return known
