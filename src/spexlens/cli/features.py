"""`spexlens features`."""

from spexlens.cli.candidates import chosen
from spexlens.cli.options.budget import Spending, Zoom
from spexlens.cli.options.evidence import Evidence
from spexlens.cli.options.grouping import grouped
from spexlens.cli.options.model import Loading, Watched, path_of
from spexlens.cli.options.output import Outputs
from spexlens.cli.options.screening import Choice
from spexlens.cli.options.text import TextReading, TextSource
from spexlens.cli.screen import run
from spexlens.lenses.text.lens import FeatureLens


@grouped(behind={"objective": "unit"})
def features(
    source: TextSource,
    watched: Watched,
    reading: TextReading,
    choice: Choice,
    *,
    zoom: Zoom = False,
    spending: Spending,
    outputs: Outputs,
    loading: Loading,
    evidence: Evidence,
) -> None:
    """Explain which parts of a text act together in a model's answer."""
    outputs.check()
    lens = FeatureLens(
        path_of(watched.model),
        source.read(),
        **watched.value(),
        **reading.of_lens(),
        **loading.of_lens(),
    )
    game = chosen(lens, choice, zoom=zoom, ledger=outputs.ledger)
    run(game, spending, outputs, evidence=evidence, zoomed=zoom)
