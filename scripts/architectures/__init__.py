"""Every architecture of Transformers that can be built tiny, and how the feature lens
reads it.
"""
