"""What whoever adds a game, a solver, a proxy or a learner holds it against.

Each suite is a class of tests with one method that a subclass overrides, to make what
is tested; pytest runs the subclass:

    from spexlens.testing.solvers import SolverConformance

    class TestMine(SolverConformance):
        def solver(self):
            return Mine()

The suites need no pytest to be imported. `counting` holds the double of the seam
`Game.value`, `oracles` what is computed by definition, over all 2^n masks.
"""
