"""What whoever adds a game, a solver, a proxy or a learner holds it against."""
