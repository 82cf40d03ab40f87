"""The tables of faithfulness.py: plain text, one line a kind of game and a budget."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fits import OURS, PEERS, Fits

LABELS = {
    OURS: "ours",
    "proxyspex": "ProxySPEX",
    "spex": "SPEX",
    "lasso1": "LASSO-1",
    "lasso2": "LASSO-2",
}
Line = Callable[[str, int], list[str]]


def shown(value: float | None, digits: int = 3) -> str:
    """A number, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


@dataclass(frozen=True)
class Tables:
    """What is printed of some fits.

    Attributes:
        fits: all of them.
        rows: the kinds and the budgets.
        multiples: of a budget, at which the peers were measured.
    """

    fits: Fits
    rows: list[tuple[str, int]]
    multiples: list[int]

    def show(self) -> None:
        """Print all."""
        labels = list(LABELS.values())
        self._table(
            "R², mean over games, at the same calls",
            [*labels, "we report", "off by", "our sets"],
            self._faithfulness,
        )
        self._table(
            "Seconds a fit, median over games",
            ["ours", "ProxySPEX", "ratio"],
            self._seconds,
        )
        more = [m for m in sorted(self.multiples) if m > 1]
        names = [
            name for m in more for name in (f"best at {m}x", "its name", "ours as good")
        ]
        if more:
            self._table(
                "Ours at the calls of the row, the best peer at a multiple of them",
                ["ours", *names],
                lambda kind, calls: self._multiples(kind, calls, more),
            )
        self._table(
            "Single games",
            ["worst ours - LASSO-1", "in", "lowest R² of ours", "in"],
            self._single,
        )
        self._table(
            "Ten strongest pairs found (Faith-Banzhaf, order 2), mean over games, at"
            " the same calls",
            ["ours", "ProxySPEX", "LASSO-2"],
            self._overlap,
        )

    def _table(self, title: str, head: Iterable[str], line: Line) -> None:
        lines = [["game", "calls", *head]]
        lines += [
            [kind, str(calls), *cells]
            for kind, calls in self.rows
            if (cells := line(kind, calls))
        ]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        print(f"\n{title}\n")
        for first, *others in lines:
            cells = [
                cell.rjust(width)
                for cell, width in zip(others, widths[1:], strict=True)
            ]
            print("  ".join([first.ljust(widths[0]), *cells]), flush=True)

    def _faithfulness(self, kind: str, calls: int) -> list[str]:
        cells = [shown(self.fits.mean("r2", kind, method, calls)) for method in LABELS]
        true = self.fits.column("r2", kind, OURS, calls)
        reported = self.fits.column("reported", kind, OURS, calls)
        off = (
            sum(abs(reported[key] - true[key]) for key in true) / len(true)
            if true
            else None
        )
        sets = self.fits.mean("sets", kind, OURS, calls)
        return [
            *cells,
            shown(self.fits.mean("reported", kind, OURS, calls)),
            shown(off),
            shown(sets, 0),
        ]

    def _seconds(self, kind: str, calls: int) -> list[str]:
        mine = self.fits.median("seconds", kind, OURS, calls)
        peer = self.fits.median("seconds", kind, "proxyspex", calls)
        ratio = peer / mine if mine and peer else None
        return [shown(mine, 2), shown(peer, 2), shown(ratio, 1)]

    def _multiples(self, kind: str, calls: int, multiples: list[int]) -> list[str]:
        mine = self.fits.mean("r2", kind, OURS, calls)
        cells = [shown(mine)]
        for multiple in multiples:
            found = {
                peer: self.fits.mean("r2", kind, peer, multiple * calls)
                for peer in PEERS
            }
            scores = {peer: r2 for peer, r2 in found.items() if r2 is not None}
            best = max(scores, key=scores.__getitem__, default=None)
            if best is None:
                cells += ["-", "-", "-"]
                continue
            verdict = "-" if mine is None else "yes" if mine >= scores[best] else "no"
            cells += [shown(scores[best]), LABELS[best], verdict]
        return cells

    def _single(self, kind: str, calls: int) -> list[str]:
        mine = self.fits.column("r2", kind, OURS, calls)
        lasso = self.fits.column("r2", kind, "lasso1", calls)
        cells = []
        linear = {game: r2 for (game, _), r2 in lasso.items()}
        for scores in (
            {key: mine[key] - linear[key[0]] for key in mine if key[0] in linear},
            mine,
        ):
            worst = min(scores, key=scores.__getitem__, default=None)
            cells += (
                ["-", "-"]
                if worst is None
                else [shown(scores[worst]), worst[0].removeprefix(kind + "-")]
            )
        return cells

    def _overlap(self, kind: str, calls: int) -> list[str]:
        methods = (OURS, "proxyspex", "lasso2")
        found = [self.fits.mean("overlap", kind, method, calls) for method in methods]
        return [] if found == [None] * 3 else [shown(mean, 1) for mean in found]
