"""How far the checks of an explanation are to be trusted.

    python benchmarks/evidence.py [--planted 200] [--recorded 10] [--budget 300]
    [--noisy 100]

Planted: random sparse functions of 10 to 30 candidates, with 60 small coefficients more
and, in half of them, noise of 5% or 20% of their standard deviation, explained with
200, 300 or 500 calls. An honest fit, and one that lies: two pairs that do not act
together are made up, each with 9% of the variance, and the strongest pair is turned
round. What do the checks say of what they measured, beside the truth? Right is an
effect of the sign that was said and at least half its size. How often do intervals hold
the truth? That of R² is over 20,000 uniform masks, or all where there are fewer.

Recorded: the games of real models whose 2^n values are recorded. The R² that is
reported, which is made of fresh masks, bought after the fit, and of what the fit's
folds say of masks that they did not see; its interval; and both parts alone; beside the
R² over the whole table, of the fit that was checked, before the checks' values joined
it. That no fresh mask was fitted is asserted.

Noisy: how far from the truth the noise floor is that repeated calls measure, over
functions with noise.
"""

import argparse
import os
import platform
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import mean

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np
from numpy.typing import NDArray

from games import RecordedGame, games
from spexlens import Explanation, Game, Spectrum, explain
from spexlens.evidence.spot_checks import VERDICTS, Check
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.solvers.solver import Fit
from spexlens.spectrum.scores import r_squared

KINDS = ("sentiment", "image-vit", "image-resnet18", "datavalue-california")
MADE_UP = 0.3  # of the standard deviation, the coefficient of a pair that is made up
_TESTED = 20_000
_RIGHT = 0.5


@dataclass(frozen=True)
class Planted:
    """A function that is known.

    Attributes:
        truth: without the noise.
        sigma: of the noise of one call.
        budget: calls to explain it with.
        wrong: pairs that do not act together, and the strongest pair that does.
    """

    truth: Spectrum
    sigma: float
    budget: int
    wrong: Mapping[tuple[int, ...], str]

    @classmethod
    def draw(cls, seed: int) -> "Planted":
        """A random one."""
        rng = np.random.default_rng([seed, 1])
        n = int(rng.integers(10, 31))

        def some(order: int) -> tuple[int, ...]:
            return tuple(sorted(rng.choice(n, order, replace=False).tolist()))

        strong = {
            some(int(k)): float(rng.normal()) * 0.7**k
            for k in rng.choice(_ORDERS, rng.integers(8, 25))
        }
        small = {
            some(int(k)): float(rng.normal()) * 0.05 for k in rng.integers(1, 5, 60)
        }
        truth = Spectrum.of(n, {(): float(rng.normal()), **small, **strong})
        pairs = sorted(
            (m for m, _ in truth if len(m) == 2), key=lambda m: -abs(float(truth[m]))
        )
        made_up: set[tuple[int, ...]] = set()
        while len(made_up) < 2:
            pair = some(2)
            made_up |= {pair} if not float(truth[pair]) else set()
        wrong = {
            **dict.fromkeys(sorted(made_up), "made up"),
            **dict.fromkeys(pairs[:1], "turned round"),
        }
        sigma = float(rng.choice([0.0, 0.0, 0.05, 0.2]) * np.sqrt(truth.energy.sum()))
        return cls(truth, sigma, int(rng.choice([200, 300, 500])), wrong)

    def game(self, seed: int) -> Game:
        """It, each call with noise of its own."""
        rng = np.random.default_rng([seed, 2])

        def value(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
            return self.truth.predict(masks) + self.sigma * rng.normal(size=len(masks))

        return Game(value, self.truth.n)

    def r2(self, spectrum: Spectrum) -> float:
        """Of a spectrum, on uniform masks, each asked once."""
        n = self.truth.n
        every = n <= mask_algebra.ENUMERABLE and 1 << n <= _TESTED
        masks = designs.everything(n) if every else designs.uniform(n, _TESTED, 12345)
        truth = self.truth.predict(masks)
        error = float(np.mean((truth - spectrum.predict(masks)) ** 2))
        return 1.0 - (error + self.sigma**2) / (float(truth.var()) + self.sigma**2)


_ORDERS = (1, 1, 2, 2, 2, 3, 4)


class Lying(ProxySpex):
    """ProxySPEX, whose fit is spoiled afterwards."""

    def __init__(self, wrong: Mapping[tuple[int, ...], str]) -> None:
        super().__init__()
        self.wrong = wrong

    def _fit(
        self, packed: NDArray[np.uint8], n: int, values: NDArray[np.float64], seed: int
    ) -> Fit:
        fit = super()._fit(packed, n, values, seed)
        scalar = fit.spectrum.squeezed()
        told = {members: float(value) for members, value in scalar}
        size = float(np.sqrt(scalar.energy.sum()))
        for members, how in self.wrong.items():
            told[members] = (
                MADE_UP * size if how == "made up" else -told.get(members, 0.0)
            )
        return replace(fit, spectrum=Spectrum.of(n, told))


def kind_of(
    check: Check, planted: Planted, wrong: Mapping[tuple[int, ...], str]
) -> str:
    """What a check should say."""
    true = (-2.0) ** len(check.members) * float(planted.truth[check.members])
    if check.members in wrong:
        return wrong[check.members]
    return "right" if true / check.said >= _RIGHT else "not right"


def planted(count: int) -> None:
    """Verdicts and coverage on planted truth."""
    verdicts, confirmed, effects = (
        Counter[tuple[str, str]](),
        list[bool](),
        list[bool](),
    )
    covered: dict[str, list[tuple[float, ...]]] = {"honest": [], "lying": []}
    for seed in range(count):
        one = Planted.draw(seed)
        for name, wrong in (("honest", {}), ("lying", one.wrong)):
            method = Lying(wrong) if wrong else "auto"
            found = explain(
                one.game(seed), one.budget, method=method, seed=seed, refit=False
            )
            assert found.held_out is not None
            assert found.checks is not None
            truth, said, held = (
                one.r2(found.spectrum),
                found.faithfulness,
                found.held_out,
            )
            covered[name].append(
                (truth, said.r2[0], *said.intervals[0], held.r2[0], *held.intervals[0])
            )
            for check in found.checks.found[0]:
                kind, low_high = kind_of(check, one, wrong), check.interval
                true = (-2.0) ** len(check.members) * float(one.truth[check.members])
                verdicts[kind, check.verdict] += 1
                effects.append(low_high[0] - 1e-9 <= true <= low_high[1] + 1e-9)
                if check.verdict == "confirmed":
                    confirmed.append(kind == "right")
    print(
        f"\n## Planted, {count} games\n\n| planted | measured |"
        f" {' | '.join(VERDICTS)} |"
    )
    print("|---" * (2 + len(VERDICTS)) + "|")
    for kind in ("right", "not right", "made up", "turned round"):
        total = sum(verdicts[kind, verdict] for verdict in VERDICTS)
        shares = [
            f"{verdicts[kind, verdict] / max(total, 1):.1%}" for verdict in VERDICTS
        ]
        print(f"| {kind} | {total} | {' | '.join(shares)} |")
    refused = sum(
        n
        for (kind, verdict), n in verdicts.items()
        if kind in WRONG and verdict in REFUSED
    )
    wrong_ones = sum(n for (kind, _), n in verdicts.items() if kind in WRONG)
    print(f"\nconfirmed and right: {mean(confirmed):.1%} of {len(confirmed)}")
    print(f"planted wrong and refused: {refused / wrong_ones:.1%} of {wrong_ones}")
    print(
        f"90% intervals of measured effects hold the truth in {mean(effects):.1%} of"
        f" {len(effects)}"
    )
    for name, rows in covered.items():
        truth, *both = np.array(rows).T
        for what, (said, low, high) in (
            ("reported", both[:3]),
            ("fresh masks alone", both[3:]),
        ):
            print(
                f"{name}, R² {what}: 90% intervals hold"
                f" {np.mean((low <= truth) & (truth <= high)):.1%}; median width"
                f" {np.median(high - low):.3f}; off by"
                f" {np.abs(said - truth).mean():.3f}"
            )


WRONG = ("made up", "turned round")
REFUSED = ("weaker than said", "not there", "wrong sign")


def recorded(count: int, budget: int) -> None:
    """Reported R² beside the whole table's."""
    print(f"\n## Recorded, {budget} calls")
    for kind in KINDS:
        print(
            f"\n| {kind} | R² of the table | reported | 90% interval | fresh masks"
            " alone | cross-validated |"
        )
        print("|---" * (2 + len(VERDICTS)) + "|")
        rows, told = [], Counter[str]()
        for name, numbers, checks in _judged(kind, count, budget):
            truth, said, low, high, fresh, cross = numbers
            print(
                f"| {name} | {truth:.3f} | {said:.3f} | {low:.3f} to {high:.3f} |"
                f" {fresh:.3f} | {cross:.3f} |"
            )
            rows.append(numbers)
            told.update(check.verdict for check in checks)
        truth, said, low, high, fresh, cross = np.array(rows).T
        print()
        for what, column in (
            ("reported", said),
            ("fresh masks alone", fresh),
            ("cross-validated", cross),
        ):
            away = column - truth
            off = np.abs(away).mean()
            print(
                f"{kind}, {what}: {away.mean():+.3f} from the table's on average, off"
                f" by {off:.3f}"
            )
        held = np.mean((low <= truth) & (truth <= high))
        print(
            f"{kind}: 90% intervals hold {held:.0%}; verdicts {dict(told)}", flush=True
        )


Numbers = tuple[float, float, float, float, float, float]


def _judged(
    kind: str, count: int, budget: int
) -> Iterator[tuple[str, Numbers, tuple[Check, ...]]]:
    """Of each game its name, what is said of its R², as in the table, and its checks."""
    for place, game in enumerate(games(kind, count)):
        solver, asked = Watched(), list[bytes]()

        def value(
            masks: NDArray[np.bool_],
            game: RecordedGame = game,
            asked: list[bytes] = asked,
        ) -> NDArray[np.float64]:
            asked.extend(row.tobytes() for row in mask_algebra.pack(masks))
            return game.lookup(masks)

        found = explain(
            Game(value, game.n), budget, method=solver, seed=place, refit=False, noise=0
        )
        assert found.held_out is not None
        assert found.checks is not None
        assert len(set(asked) - solver.seen) == found.held_out.masks
        truth = r_squared(game.values, found.spectrum.predict(game.masks))
        said = found.faithfulness
        numbers = (
            truth,
            said.r2[0],
            *said.intervals[0],
            found.held_out.r2[0],
            said.alone[0],
        )
        yield game.name, numbers, found.checks.found[0]


class Watched(ProxySpex):
    """ProxySPEX, and the masks that its first fit saw."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[bytes] = set()

    def fit_packed(
        self, packed: NDArray[np.uint8], n: int, values: NDArray[np.float64], seed: int
    ) -> Fit:
        self.seen = {row.tobytes() for row in packed}
        return super().fit_packed(packed, n, values, seed)


def noisy(count: int, budget: int) -> None:
    """The noise floor beside the truth."""
    ratios = []
    for seed in range(count):
        one = replace(Planted.draw(seed), budget=budget)
        one = replace(one, sigma=0.1 * float(np.sqrt(one.truth.energy.sum())))
        found: Explanation = explain(one.game(seed), budget, seed=seed, checks=0)
        assert found.noise is not None
        ratios.append(found.noise.deviation[0] / one.sigma)
    away = np.abs(np.array(ratios) - 1.0)
    print(f"\n## Noisy, {budget} calls, {count} games\n")
    print(
        f"within 20% of the truth: {np.mean(away <= 0.2):.0%}; off by {away.mean():.1%}"
        " on average"
    )


def main() -> None:
    """All three."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    arguments.add_argument("--planted", type=int, default=200)
    arguments.add_argument("--recorded", type=int, default=10)
    arguments.add_argument("--noisy", type=int, default=100)
    arguments.add_argument("--budget", type=int, default=300)
    chosen = arguments.parse_args()
    print(
        f"{platform.platform()}, {os.cpu_count()} cores; {' '.join(sys.argv)}",
        flush=True,
    )
    if chosen.recorded:
        recorded(chosen.recorded, chosen.budget)
    if chosen.planted:
        planted(chosen.planted)
    if chosen.noisy:
        noisy(chosen.noisy, chosen.budget)


if __name__ == "__main__":
    main()
