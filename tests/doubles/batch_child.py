"""`spexlens batch` that kills itself: python batch_child.py COMMIT ARGUMENT...

COMMIT is the commit of ablations, from zero, right after which the process sends itself
SIGKILL; -1 for none.
"""

import sqlite3
import sys

from killed_child import Fragile

from spexlens.cli import main

if __name__ == "__main__":
    Fragile.place, Fragile.batch = "committed", int(sys.argv.pop(1))
    if Fragile.batch >= 0:
        connect = sqlite3.connect
        sqlite3.connect = lambda *args, **options: connect(
            *args, **options, factory=Fragile
        )  # type: ignore[assignment]
    main()
