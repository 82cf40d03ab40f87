"""Objectives: what is watched in a model's answer to a batch, one noun a file.

`objective` is what all of them have; `labels`, `completions` and `similarity` are those
of classifiers, causal models and encoders; `choice` makes the one that is asked for.
"""
