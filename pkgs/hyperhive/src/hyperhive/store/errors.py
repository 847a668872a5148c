"""What can go wrong with the store, by what the reader can do about it."""

from hyperhive.errors import HyperhiveError


class StoreUnavailableError(HyperhiveError):
    """Nothing could be written or read now (disk full, read-only, I/O error).

    What was asked for did not happen; asking again later is safe.
    """


class StoreInUseError(HyperhiveError):
    """Another broker owns this store."""


class ForeignStoreError(HyperhiveError):
    """The store belongs to another hive, or to a newer hyperhive."""
