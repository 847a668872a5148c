"""The schema, as the list of steps that make it.

Each step has a module of its own and is never edited once it has landed: a change of the schema is
a new step at the end of `STEPS`. `PRAGMA user_version` counts the steps that a file has taken.
"""

from collections.abc import Callable
from typing import Final

from sqlite_utils import Database

from hyperhive.store.approval_tables import approvals
from hyperhive.store.container_tables import containers
from hyperhive.store.errors import ForeignStoreError
from hyperhive.store.first_tables import first_tables
from hyperhive.store.turn_loop_tables import turn_loop

Step = Callable[[Database], None]


STEPS: Final[tuple[Step, ...]] = (first_tables, turn_loop, containers, approvals)


def migrate(db: Database) -> int:
    """Brings a database up to date, each step in a transaction of its own.

    Returns:
        The number of steps taken.

    Raises:
        ForeignStoreError: the file has taken steps that this version does not know.
        sqlite3.Error: the file cannot be written, or is no database.
    """
    taken = int(db.execute("PRAGMA user_version").fetchone()[0])
    if taken > len(STEPS):
        raise ForeignStoreError(
            f"the store has schema {taken}, this hyperhive knows {len(STEPS)}",
            "run the newer hyperhive that wrote it",
        )
    for number, step in enumerate(STEPS[taken:], start=taken + 1):
        db.execute("BEGIN IMMEDIATE")
        try:
            step(db)
            db.execute(f"PRAGMA user_version = {number}")
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise
    return len(STEPS) - taken
