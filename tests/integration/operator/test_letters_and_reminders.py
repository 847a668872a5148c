"""Dead letters and reminders over HTTP, and what every list has in common."""

from pathlib import Path

from hyperhive.store import reminders
from tests.integration.broker.plane import harness
from tests.integration.operator.serving import (
    Operator,
    dead_letter,
    park,
    set_reminder,
    with_operator,
)


def test_a_dead_letter_is_retried(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        id = await dead_letter(operator.core, "alice", "work", "the turn failed")
        (dead,) = await operator.ask("GET", "messages?state=dead")
        assert (dead["id"], dead["attempts"], dead["note"]) == (id, 5, "the turn failed")
        said = await operator.ask("POST", f"messages/{id}/retry")
        assert (said["state"], said["attempts"], said["note"]) == ("queued", 0, "")
        assert await operator.ask("GET", "messages?state=dead") == []
        async with harness(operator.core, "alice") as alice:
            assert "work" in (await alice.turn()).prompt

    with_operator(tmp_path, body)


def test_a_dead_letter_is_dropped_and_stays_so(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        id = await dead_letter(operator.core, "alice", "work", "the turn failed")
        assert (await operator.ask("POST", f"messages/{id}/drop"))["state"] == "dropped"
        for action in ("retry", "drop"):
            why = await operator.refused("POST", f"messages/{id}/{action}", status=409)
            assert why == f"message {id} is dropped, not dead; see hyperhive dead list"
            why = await operator.refused("POST", f"messages/99/{action}", status=404)
            assert why == "there is no message 99; see hyperhive dead list"

    with_operator(tmp_path, body)


def test_dead_letters_are_listed_page_by_page(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        await operator.ask("POST", "messages", {"to": "alice", "body": "alive"}, status=201)
        letters = [
            await dead_letter(operator.core, name, "x", "y") for name in ("alice", "bob", "alice")
        ]

        async def ids(query: str) -> list[int]:
            found = await operator.ask("GET", f"messages?state=dead&{query}")
            return [message["id"] for message in found]

        assert await ids("") == letters
        assert await ids("agent=alice") == [letters[0], letters[2]]
        assert await ids("agent=operator&limit=1") == [letters[2]]
        assert await ids(f"after={letters[0]}&limit=1") == [letters[1]]
        await operator.refused("GET", "messages?state=queued", status=422)

    with_operator(tmp_path, body)


def test_reminders_say_how_long_they_wait(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        core = operator.core
        pending = await set_reminder(core, "alice", "look at the build", 600)
        parked = await set_reminder(core, "bob", "sing", 600)
        sent = await set_reminder(core, "alice", "now", 0)
        await park(core, parked, "no such agent")
        await core.store.write(reminders.deliver_due, now=core.clock() + 1)

        async def ids(query: str) -> list[int]:
            return [reminder["id"] for reminder in await operator.ask("GET", f"reminders?{query}")]

        found = await operator.ask("GET", "reminders")
        assert [reminder["id"] for reminder in found] == [pending, parked]
        assert 500 < found[0]["remaining"] <= 600
        assert (found[1]["remaining"], found[1]["error"]) == (0, "no such agent")
        assert await ids("state=pending") == [pending]
        assert await ids("state=parked") == [parked]
        assert await ids("state=all") == [pending, parked, sent]
        assert await ids("state=all&agent=alice&limit=1") == [sent]
        assert await ids(f"state=all&after={pending}&limit=1") == [parked]
        await operator.refused("GET", "reminders?state=sent", status=422)

    with_operator(tmp_path, body)


def test_reminders_are_retried_and_dropped(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        core = operator.core
        one, two = [await set_reminder(core, "alice", text, 600) for text in ("one", "two")]
        why = await operator.refused("POST", f"reminders/{one}/retry", status=409)
        assert why.startswith(f"there is no parked reminder {one}: it is pending; see")
        await park(core, one, "it failed")
        said = await operator.ask("POST", f"reminders/{one}/retry")
        # It is due at once, and may be sent before its row is read for the answer.
        assert said["state"] in ("pending", "sent")
        assert (said["remaining"], said["error"]) == (0, "")
        assert (await operator.ask("POST", f"reminders/{two}/drop"))["state"] == "dropped"
        await operator.refused("POST", f"reminders/{two}/drop", status=409)
        for action in ("retry", "drop"):
            why = await operator.refused("POST", f"reminders/99/{action}", status=404)
            assert why == "there is no reminder 99; see hyperhive reminders list"

    with_operator(tmp_path, body)


def test_every_list_refuses_what_it_cannot_ask_the_store(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        for path in ("messages", "events", "turns", "questions", "reminders"):
            for query in ("after=-1", f"after={2**63}", "after=x", "limit=0", "limit=1001"):
                why = await operator.refused("GET", f"{path}?{query}", status=422)
                assert why.startswith("query.")
            none = f"{path}?agent=%00%27%3B--&after={2**63 - 1}"
            assert await operator.ask("GET", none) == []

    with_operator(tmp_path, body)


def test_what_the_store_could_not_keep_is_refused(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        await operator.refused("POST", "messages/read", {"ids": [2**63]}, status=422)
        new = {"to": "alice", "body": "x", "in_reply_to": 2**70}
        await operator.refused("POST", "messages", new, status=422)
        for member in ("body", "idempotency_key", "\ud800"):
            new = {"to": "alice", "body": "x", member: "\ud800"}
            await operator.refused("POST", "messages", new, status=422)
        await operator.refused("POST", "messages", {"to": "\ud800", "body": "x"}, status=404)
        for reason in ("\ud800", "\x1b[31m", "two\nlines"):
            why = await operator.refused("POST", "agents/bob/pause", {"reason": reason}, status=422)
            assert why.startswith("body.reason: holds ")

    with_operator(tmp_path, body)


def test_what_is_no_route_is_said_as_every_error_is(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        assert await operator.refused("GET", "nothing", status=404) == (
            "GET: Not Found; see /openapi.json"
        )
        assert await operator.refused("PUT", "agents", {}, status=405) == (
            "PUT: Method Not Allowed; see /openapi.json"
        )

    with_operator(tmp_path, body)
