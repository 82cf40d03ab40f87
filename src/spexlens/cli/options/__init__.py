"""Options: a frozen dataclass a group, each option declared once.

There it has its type, its default and its help. A command takes one object a group;
see `grouping`. The file of a mixed game has the same groups as its sections.
"""
