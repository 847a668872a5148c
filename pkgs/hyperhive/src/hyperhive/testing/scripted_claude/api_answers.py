"""How the CLI tells of the error answers of the API that a script can ask for."""

import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple


class ApiAnswer(NamedTuple):
    """How the CLI tells of an error answer of the API.

    Attributes:
        status: `api_error_status`; None: nothing was asked.
        type: `api_error_type`.
        error: the CLI's own word for it.
        text: what it says; {model} stands for the model.
        reason: `terminal_reason` of the result.
        limit: `rate_limit_info` of the limit that was hit, where the API tells of it.
    """

    status: int | None
    type: str
    error: str
    text: str
    reason: str = "api_error"
    limit: Mapping[str, Any] | None = None

    def until(self, resets_at: int) -> "ApiAnswer":
        """The same, of a subscription's limit that ends at that time (seconds since the epoch)."""
        clock = time.strftime("%-I:%M%p", time.gmtime(resets_at)).lower().replace(":00", "")
        limit = {
            "status": "rejected",
            "resetsAt": resets_at,
            "rateLimitType": "five_hour",
            "isUsingOverage": False,
        }
        text = f"You've hit your 5-hour limit · resets {clock} (UTC)"
        return self._replace(text=text, limit=limit)


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
    404: ApiAnswer(
        404,
        "not_found_error",
        "model_not_found",
        "There's an issue with the selected model ({model}). It may not exist or you may not have"
        " access to it. Run --model to pick a different model.",
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
    "not_logged_in": ApiAnswer(
        None, "", "authentication_failed", "Not logged in · Please run /login"
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
