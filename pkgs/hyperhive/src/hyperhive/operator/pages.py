"""Which part of a list a request asks for, and which row."""

from typing import Annotated, Final

from fastapi import Path, Query

from hyperhive.operator.models import LAST_ID

MAX_PAGE: Final = 1000
"""Most rows of one answer."""

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
After = Annotated[int | None, Query(ge=0, le=LAST_ID)]
Before = Annotated[int | None, Query(ge=1, le=LAST_ID)]
PathId = Annotated[int, Path(ge=1, le=LAST_ID)]
