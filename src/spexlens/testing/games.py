"""GameConformance: what every game holds, for whoever adds a lens."""

from collections.abc import Mapping
from unittest import SkipTest

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.games.candidate import Candidate
from spexlens.games.facts import refuse_unsavable
from spexlens.games.game import Game
from spexlens.games.recipe import Recipe
from spexlens.masks.masks import distinct, pack
from spexlens.testing.holding import hold_json, hold_near, hold_one_line
from spexlens.testing.oracles import values_of

Masks = NDArray[np.bool_]


class GameConformance:
    """Tests of a game; a subclass whose name begins with Test makes it.

    A subclass must define:
        game: the game, made anew.

    It may overwrite:
        different: games that differ from it in one setting each.
        rounding: how far values may differ between batches.
        masks: what the game is asked for.

    The game should be small: it is made for each test, and asked for some 50 masks. Its
    values should be without noise, but for rounding: other values are no function of a
    mask, and nothing here could be held of them.
    """

    # What must be defined

    def game(self) -> Game:
        """The game, made anew with the same settings each time."""
        raise NotImplementedError("a subclass of GameConformance makes a game")

    # What may be overwritten

    rounding: float = 1e-5
    """The most that a value may differ from batch to batch, the largest being one."""

    def different(self) -> Mapping[str, Game]:
        """Games that differ from `game` in one setting each, by what differs.

        Each setting that decides a value belongs here.
        """
        return {}

    def masks(self, n: int) -> Masks:
        """(m, n) bool, distinct, everything kept and everything ablated first."""
        full = np.ones((1, n), np.bool_)
        empty = np.zeros((1, n), np.bool_)
        drawn = np.random.default_rng(0).random((9, n)) < 0.5
        masks = np.concatenate([full, empty, drawn])
        # of few candidates some masks come twice
        first, _ = distinct(pack(masks))
        return masks[first]

    # What every game holds

    def test_it_has_candidates_whose_names_differ(self) -> None:
        game = self.game()
        count = len(game.candidates)
        assert count > 0, "the game has no candidate"
        assert game.n == count, f"n is {game.n}, of {count} candidates"
        for candidate in game.candidates:
            assert isinstance(candidate, Candidate), (
                f"{candidate!r} is no Candidate: set candidates by _take()"
            )
        different = len(set(game.names))
        assert different == game.n, f"{game.n} candidates have {different} names"

    def test_a_mask_has_one_finite_value_or_one_for_each_output(self) -> None:
        game = self.game()
        masks = self.masks(game.n)
        values = values_of(game, masks, len(masks))
        _hold_values(values, masks)
        if game.outputs is not None:
            outputs = 1 if values.ndim == 1 else values.shape[1]
            named = len(game.outputs)
            assert outputs == named, (
                f"value() gave {outputs} outputs a mask; `outputs` names {named}"
            )

    def test_everything_kept_and_everything_ablated_have_values(self) -> None:
        game = self.game()
        for kept in (True, False):
            masks = np.full((1, game.n), kept)
            _hold_values(game.value(masks), masks)

    def test_batches_of_any_size_and_order_agree(self) -> None:
        game = self.game()
        masks = self.masks(game.n)
        together = values_of(game, masks, len(masks))
        alone = values_of(game, masks, 1)
        by_three = values_of(game, masks, 3)
        # an evaluator never hands over a view that runs backwards
        reversed_masks = np.ascontiguousarray(masks[::-1])
        backwards = values_of(game, reversed_masks, len(masks))[::-1]
        hold_near(alone, together, self.rounding, "masks one by one")
        hold_near(by_three, together, self.rounding, "masks by three")
        hold_near(backwards, together, self.rounding, "masks backwards")

    def test_the_masks_are_left_as_they_were(self) -> None:
        game = self.game()
        masks = self.masks(game.n)[: game.batch_size]
        before = masks.copy()
        game.value(masks)
        assert np.array_equal(masks, before), (
            "value() wrote into the masks it was given"
        )

    def test_costs_are_one_whole_number_a_mask(self) -> None:
        game = self.game()
        masks = self.masks(game.n)
        costs = game.costs(masks)
        expected = (len(masks),)
        assert costs.shape == expected, (
            f"costs() gave shape {costs.shape} for {len(masks)} masks; give {expected}"
        )
        assert costs.dtype == np.int64, f"costs() gave {costs.dtype}; give int64"

    def test_equal_games_have_one_fingerprint(self) -> None:
        first = self.game()
        second = self.game()
        assert first.fingerprint == second.fingerprint, (
            "game() made twice has two fingerprints: something that decides no value"
            " went into it"
        )
        # without a fingerprint nobody knows them to be equal
        if first.fingerprint is None:
            assert first.key != second.key, "games without a fingerprint share a key"
        else:
            assert first.key == second.key, "one fingerprint gave two keys"

    def test_a_value_that_was_asked_for_moves_no_fingerprint(self) -> None:
        game = self.game()
        before = game.fingerprint
        game.value(self.masks(game.n)[:1])
        game.renew()
        assert game.fingerprint == before, (
            "value() or renew() moved the fingerprint, though no setting changed"
        )

    def test_another_setting_moves_the_fingerprint(self) -> None:
        games = {"the game": self.game(), **self.different()}
        if len(games) == 1:
            raise SkipTest("`different` names no other setting")
        names: dict[str, str] = {}
        for name, game in games.items():
            assert game.fingerprint is not None, (
                f"{name}: no fingerprint; leave `different` empty for a game without one"
            )
            # no two may share one: in a ledger each would get the other's values
            other = names.setdefault(game.fingerprint, name)
            assert other == name, f"one fingerprint for {other} and for {name}"

    def test_its_facts_can_be_saved(self) -> None:
        game = self.game()
        facts = game.facts()
        for name in ("lens", "unit"):
            assert facts.get(name), f"facts() lacks {name}"
        hold_json(facts, "facts")
        refuse_unsavable(facts, game.candidates)

    def test_its_recipe_makes_it_again(self) -> None:
        game = self.game()
        if game.recipe is None:
            raise SkipTest("the game has no recipe")
        hold_json(game.recipe.content(), "the recipe")
        again = Recipe.of(game.recipe.content()).game()
        assert again.fingerprint == game.fingerprint, (
            "the recipe made a game with another fingerprint"
        )
        assert again.candidates == game.candidates, (
            "the recipe made a game of other candidates"
        )
        masks = self.masks(game.n)[:3]
        expected = values_of(game, masks, 1)
        hold_near(values_of(again, masks, 1), expected, self.rounding, "made again")

    def test_its_variants_ablate_the_same_candidates_in_another_way(self) -> None:
        game = self.game()
        for name in game.variants:
            try:
                other = game.variant(name)
            except InvalidInput as error:  # it needs what this game was not given
                hold_one_line(error)
                continue
            assert other.n == game.n, (
                f"variant {name!r} has {other.n} candidates; the game has {game.n}"
            )
            if game.fingerprint is not None:
                assert other.fingerprint != game.fingerprint, (
                    f"variant {name!r} has the game's own fingerprint; `variants` names"
                    " the other ways to ablate"
                )

    def test_its_levels_are_nested_and_end_with_its_own_candidates(self) -> None:
        game = self.game()
        levels = game.levels()
        assert levels, "levels() gave none"
        assert levels[-1].groups == tuple((i,) for i in range(game.n)), (
            "the last of levels() is not each candidate alone: end with"
            " finest(self.candidates)"
        )
        # above the coarsest level all are in one group
        coarser = np.zeros(game.n, np.int64)
        for level in levels:
            what = f"level {level.name!r}"
            numbers = np.full(game.n, -1)
            for number, group in enumerate(level.groups):
                members = list(group)
                assert (numbers[members] == -1).all(), f"{what}: groups overlap"
                numbers[members] = number
                parents = set(coarser[members].tolist())
                assert len(parents) == 1, (
                    f"{what}: the group {group} is in {len(parents)} groups of the level"
                    " before, not in one"
                )
            assert (numbers >= 0).all(), f"{what}: a candidate is in no group"
            coarser = numbers

    def test_a_seed_of_its_own_changes_no_candidate(self) -> None:
        game = self.game()
        other = game.with_seed(1)
        assert other.candidates == game.candidates, "with_seed(1) has other candidates"
        assert other.repeats == 1, (
            f"with_seed(1) evaluates a mask {other.repeats} times, not once"
        )


def _hold_values(values: NDArray[np.float64], masks: Masks) -> None:
    """AssertionError unless these are finite float64, a row a mask."""
    assert isinstance(values, np.ndarray), (
        f"value() gave {type(values).__name__}; give an array of numpy"
    )
    assert values.dtype == np.float64, f"value() gave {values.dtype}; give float64"
    assert values.ndim in (1, 2), (
        f"value() gave shape {values.shape} for {len(masks)} masks; give (m,) or (m, k)"
    )
    assert len(values) == len(masks), (
        f"value() gave {len(values)} rows for {len(masks)} masks"
    )
    for mask, row in zip(masks, values, strict=True):
        kept = np.flatnonzero(mask).tolist()
        assert np.isfinite(row).all(), (
            f"value() gave {row} for the mask that keeps {kept}; give finite values"
        )
