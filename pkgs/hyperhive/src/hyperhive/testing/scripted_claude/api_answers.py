"""How the CLI tells of the error answers of the API that a script can ask for."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class ApiAnswer(NamedTuple):
    """How the CLI tells of an error answer of the API.

    Attributes:
        status: `api_error_status`.
        type: `api_error_type`.
        error: the CLI's own word for it.
        reason: `terminal_reason` of the result.
    """

    status: int
    type: str
    error: str
    text: str
    reason: str = "api_error"


API_ANSWERS: Final[Mapping[int | str, ApiAnswer]] = {
    401: ApiAnswer(
        401,
        "authentication_error",
        "authentication_failed",
        "Invalid API key · Fix external API key",
    ),
    403: ApiAnswer(
        403,
        "permission_error",
        "authentication_failed",
        "Failed to authenticate. API Error: 403 scripted",
    ),
    429: ApiAnswer(
        429,
        "rate_limit_error",
        "rate_limit",
        "API Error: Request rejected (429) · scripted rate limit",
    ),
    500: ApiAnswer(
        500, "api_error", "server_error", "API Error: 500 Internal server error. (scripted)"
    ),
    529: ApiAnswer(
        529, "overloaded_error", "server_error", "API Error: 529 Overloaded. (scripted)"
    ),
    "prompt_too_long": ApiAnswer(
        400,
        "invalid_request_error",
        "invalid_request",
        "Prompt is too long · scripted",
        "prompt_too_long",
    ),
}
"""The error answers that a script can ask for."""
