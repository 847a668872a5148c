"""The settings file of a harness."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

from hyperhive.errors import InputError
from hyperhive.wire.records import RecordError, from_json
from hyperhive.wire.settings import HarnessSettings


def read_settings(path: Path) -> tuple[HarnessSettings, str]:
    """The settings, with absolute directories, and the SHA-256 of the file in hexadecimal.

    Raises:
        InputError: the file cannot be read, or is not the settings of a harness.
    """
    todo = "render the agent's settings again"
    try:
        data = path.read_bytes()
        settings = from_json(HarnessSettings, json.loads(data))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", todo) from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, RecordError):
            raise InputError(f"{path}: {error}", todo) from None
        raise InputError(f"{path} is not JSON: {error}", todo) from None
    # claude's path rules are written with the real path of the work directory.
    settings = replace(
        settings,
        sockets=os.path.realpath(settings.sockets),
        state=os.path.realpath(settings.state),
        config=os.path.realpath(settings.config),
        proposed=settings.proposed and os.path.realpath(settings.proposed),
        proposals=settings.proposals and os.path.realpath(settings.proposals),
    )
    return settings, hashlib.sha256(data).hexdigest()
