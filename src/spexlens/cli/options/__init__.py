"""Options: a frozen dataclass a group, each option declared once, with its type, default and help.

A command takes one object a group; see `grouping`. The file of a mixed game has the
same groups as its sections. A module is imported by its own name.
"""
