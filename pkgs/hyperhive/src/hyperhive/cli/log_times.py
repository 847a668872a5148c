"""Times as people give them to `hyperhive logs --since`."""

import re
from datetime import datetime, time, timedelta
from typing import Final

from hyperhive.errors import InputError

_UNITS: Final = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_AGO: Final = re.compile(r"-?(\d{1,9}) ?(s|min|m|h|d|w)(?: ago)?")


def parse_since(text: str, now: datetime) -> datetime:
    """The local time that `text` means.

    It is `30m`, `2h`, `3d` before now; `today`, `yesterday`; a time of today; or a date, with a
    time if need be, whose ISO 8601 offset may say another zone.

    Raises:
        InputError: it is none of these.
    """
    wish = text.strip().lower()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if wish in ("today", "yesterday"):
        return midnight - timedelta(days=wish == "yesterday")
    try:
        if ago := _AGO.fullmatch(wish):
            return now - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
        if re.fullmatch(r"\d{1,2}:\d\d(:\d\d)?", wish):
            return datetime.combine(now.date(), time.fromisoformat(wish.zfill(len("00:00"))))
        found = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise InputError(
            f"{text[:40]!a} is no time",
            "give one like 30m, 2h, today, 14:30, 2030-01-31 or '2030-01-31 14:30'",
        ) from None
    return found.astimezone().replace(tzinfo=None) if found.tzinfo else found
