"""The candidates in a terminal, each coloured by what keeping it does on average."""

from rich.text import Text

from spexlens.report.content.candidates import Candidates, Layer, Mark


def coloured(candidates: Candidates) -> Text:
    """The text, components and others, green where keeping one raises the answer, red
    where it lowers it.
    """
    blocks = list[Text]()
    if candidates.test is not None:
        blocks.append(Text(f"test: {candidates.test}"))
    if candidates.text is not None:
        blocks.append(_text(candidates.text, candidates.parts))
    if candidates.layers is not None:
        blocks.append(Text("\n").join(map(_layer, candidates.layers)))
    if candidates.others:
        names = [Text(mark.name, _style(mark)) for mark in candidates.others]
        blocks.append(Text(" ").join(names))

    return Text("\n").join(blocks)


def _text(text: str, parts: tuple[Mark, ...]) -> Text:
    coloured = Text(text)
    for mark in parts:
        if mark.span is not None:
            coloured.stylize(_style(mark), *mark.span)
    return coloured


def _layer(layer: Layer) -> Text:
    """A line."""
    line = Text().append(layer.name, "dim")
    for mark in layer.marks:
        line.append(" " if line else "").append(mark.name, _style(mark))
    return line


def _style(mark: Mark) -> str:
    """A background from black (0) to full green or red (±1)."""
    if not mark.visible:
        return ""
    # from a shade that is seen on black to one that white letters are read on
    level = int(40 + 110 * abs(mark.strength))
    colour = f"rgb(0,{level},60)" if mark.strength > 0 else f"rgb({level},0,40)"
    return f"bold white on {colour}"
