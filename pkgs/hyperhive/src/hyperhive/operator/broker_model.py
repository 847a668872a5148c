"""What the operator's API says of the broker itself."""

from pydantic import BaseModel


class Broker(BaseModel):
    """A running broker.

    Attributes:
        hive: the hive's name.
        description: what the hive is for.
        version: of hyperhive.
        started_at: seconds since the epoch.
    """

    hive: str
    description: str
    version: str
    pid: int
    started_at: float
