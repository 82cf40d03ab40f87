"""Real sentences in two wordings each: the King James Version and the World English
Bible, both free.
"""

PAIRS = (
    (
        "The LORD is my shepherd; I shall not want.",
        "Yahweh is my shepherd; I shall lack nothing.",
    ),
    (
        (
            "To every thing there is a season, and a time to every purpose under the"
            " heaven."
        ),
        "For everything there is a season, and a time for every purpose under heaven.",
    ),
    (
        "A soft answer turneth away wrath: but grievous words stir up anger.",
        "A gentle answer turns away wrath, but a harsh word stirs up anger.",
    ),
    (
        "Pride goeth before destruction, and an haughty spirit before a fall.",
        "Pride goes before destruction, and an arrogant spirit before a fall.",
    ),
    (
        (
            "Ask, and it shall be given you; seek, and ye shall find; knock, and it"
            " shall be opened unto you."
        ),
        (
            "Ask, and it will be given you. Seek, and you will find. Knock, and it will"
            " be opened for you."
        ),
    ),
    (
        (
            "A merry heart doeth good like a medicine: but a broken spirit drieth the"
            " bones."
        ),
        (
            "A cheerful heart makes good medicine, but a crushed spirit dries up the"
            " bones."
        ),
    ),
    (
        "Iron sharpeneth iron; so a man sharpeneth the countenance of his friend.",
        "Iron sharpens iron; so a man sharpens his friend's countenance.",
    ),
    (
        (
            "Take therefore no thought for the morrow: for the morrow shall take"
            " thought for the things of itself."
        ),
        (
            "Therefore don't be anxious for tomorrow, for tomorrow will be anxious for"
            " itself."
        ),
    ),
    (
        "Go to the ant, thou sluggard; consider her ways, and be wise.",
        "Go to the ant, you sluggard. Consider her ways, and be wise.",
    ),
    (
        "And God said, Let there be light: and there was light.",
        "God said, let there be light, and there was light.",
    ),
)
