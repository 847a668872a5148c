"""Approvals over HTTP: what is shown of them, who decides, what becomes of them."""

import asyncio
from pathlib import Path
from typing import Any

from hyperhive.store.container_states import Wanted
from hyperhive.store.containers import want
from tests.integration.operator.approving import Deciding, deciding

OTHER = "9b1c0e2f" * 5


def test_what_is_asked_for_is_listed_and_shown(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        ask = test.operator.ask
        assert await ask("GET", "approvals") == []
        id = await test.asked('model = "opus"\n', description="She thinks too little.")
        bobs = await test.asked("packages = ['jq']\n", agent="bob")
        (one, other) = await ask("GET", "approvals")
        assert (one["id"], one["kind"], one["agent"]) == (id, "apply_commit", "alice")
        assert (one["state"], one["submitted_by"]) == ("pending", "boss")
        assert other["id"] == bobs
        assert [row["id"] for row in await ask("GET", "approvals?agent=bob")] == [bobs]
        assert [row["id"] for row in await ask("GET", f"approvals?after={id}")] == [bobs]
        shown = await ask("GET", f"approvals/{id}")
        assert one.items() <= shown.items()
        assert shown["compared_with"] == "what is deployed, alice as declared"
        (effect,) = shown["effects"]
        assert (effect["setting"], effect["was"], effect["becomes"]) == ("model", "haiku", "opus")
        assert shown["data_diff"].endswith('@@ -0,0 +1 @@\n+model = "opus"\n')
        assert '-    model = "haiku";\n+    model = "opus";\n' in shown["nix_diff"]
        assert shown["extra_nix_diff"] == ""
        assert shown["files"] == {"agent.toml": 'model = "opus"\n'}
        assert (shown["problem"], shown["log"]) == ("", [])
        assert "no approval 99" in await test.operator.refused("GET", "approvals/99", status=404)

    deciding(tmp_path, body)


def test_of_two_who_approve_at_once_one_wins_and_the_other_is_told(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        id = await test.asked('model = "opus"\n')
        answers = await asyncio.gather(
            *(
                test.operator.http.post(f"/api/v1/approvals/{id}/approve", content="{}")
                for _ in "12"
            )
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        (told,) = (answer.json()["error"] for answer in answers if answer.status_code == 409)
        assert told.startswith(f"approval {id} was approved by operator at ")
        await test.settled(id)
        assert (await test.row(id))["state"] == "deployed"

    deciding(tmp_path, body)


def test_what_was_decided_is_not_decided_again(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        id = await test.asked('model = "opus"\n')
        denied = await test.operator.ask("POST", f"approvals/{id}/deny", {"reason": "too dear"})
        assert (denied["state"], denied["reason"]) == ("denied", "too dear")
        for decision in ("approve", "deny"):
            told = await test.operator.refused("POST", f"approvals/{id}/{decision}", {}, status=409)
            assert f"approval {id} was denied by operator at " in told
            assert f"hyperhive show {id}" in told
        for path in ("approve", "deny"):
            await test.operator.refused("POST", f"approvals/9/{path}", {}, status=404)
        (boss,) = await test.operator.ask("GET", "messages?agent=boss")
        assert '"too dear"' in boss["body"]

    deciding(tmp_path, body)


def test_another_commit_than_was_looked_at_is_not_approved(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        id = await test.asked('model = "opus"\n')
        path = f"approvals/{id}/approve"
        told = await test.operator.refused("POST", path, {"commit": OTHER}, status=409)
        assert OTHER in told
        assert (await test.row(id))["state"] == "pending"
        for wrong in ({"commit": "main"}, {"commit": OTHER[:7]}, {"commmit": OTHER}):
            await test.operator.refused("POST", path, wrong, status=422)
        commit = (await test.row(id))["commit"]
        approved = await test.operator.ask("POST", path, {"commit": commit})
        assert approved["decided_by"] == "operator"

    deciding(tmp_path, body)


def test_one_rule_more_takes_the_place_of_what_is_pending_if_that_is_said(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        id = await test.asked('model = "opus"\n')
        path, rule = "agents/alice/allow-rule", {"rule": "git push *"}
        told = await test.operator.refused("POST", path, rule, status=409)
        assert f"approval {id} about alice is pending" in told
        assert f"--supersede {id}" in told
        newer = await test.operator.ask("POST", path, {**rule, "supersede": id})
        assert (newer["supersedes"], newer["submitted_by"]) == (id, "operator")
        assert (await test.row(id))["superseded_by"] == newer["id"]
        shown = await test.row(newer["id"])
        assert shown["files"]["agent.toml"].count("git push *") == 1
        assert "git status" in shown["files"]["agent.toml"], "what she may run, she still may"
        await test.operator.refused("POST", path, {"rule": "a\nb"}, status=422)
        await test.operator.refused("POST", path, {"rule": "x" * 1001}, status=422)
        await test.operator.refused("POST", "agents/eve/allow-rule", rule, status=404)

    deciding(tmp_path, body)


def test_what_it_is_compared_with(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        async def decided(toml: str, error: str = "") -> int:
            test.deploys.error = error
            id = await test.asked(toml)
            await test.operator.ask("POST", f"approvals/{id}/approve", {})
            await test.settled(id)
            return id

        async def models(id: int, base: str) -> tuple[str, Any, Any]:
            shown = await test.operator.ask("GET", f"approvals/{id}?base={base}")
            effects = {one["setting"]: (one["was"], one["becomes"]) for one in shown["effects"]}
            return (shown["compared_with"], *effects.get("model", ("", "")))

        first = await decided('model = "opus"\n')
        failed = await decided('model = "sonnet"\n', "no such model")
        third = await test.asked('model = "fable"\n')
        running = f"what is deployed, approval {first}"
        assert await models(third, "running") == (running, "opus", "fable")
        last = f"approval {failed}, the last one approved before it, which failed"
        assert await models(third, "approved") == (last, "sonnet", "fable")
        await test.operator.ask("POST", f"approvals/{third}/deny", {})
        before = f"approval {first}, the last one deployed before it"
        assert await models(third, "running") == (before, "opus", "fable")
        assert await models(failed, "running") == (before, "opus", "sonnet")
        declared = "alice as declared (nothing was deployed before it)"
        assert await models(first, "running") == (declared, "haiku", "opus")
        agent = await test.operator.ask("GET", "agents/alice")
        assert (agent["approval"], agent["model"], agent["spawned"]) == (first, "opus", False)

    deciding(tmp_path, body)


def test_what_else_holds_and_what_it_does_to_a_turn_is_said(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        id = await test.asked('model = "opus"\n')
        await test.operator.ask("PUT", "agents/alice/model", {"model": "sonnet"})
        shown = await test.operator.ask("GET", f"approvals/{id}")
        (effect,) = shown["effects"]
        assert "sonnet" in effect["masked_by"]
        assert shown["warnings"] == []
        core = test.operator.core
        stopped = ("alice", Wanted.STOPPED, "lunch")
        await core.store.write(want, *stopped, by="operator", now=core.clock())
        (warning,) = (await test.operator.ask("GET", f"approvals/{id}"))["warnings"]
        assert warning == "alice is stopped: it gets the settings, and stays stopped"

    deciding(tmp_path, body)


def test_a_new_agent_is_shown_as_a_whole(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        core = test.operator.core
        asked = await core.approvals.submit_spawn(
            "boss", "carol", "writes docs", 'model = "opus"\npackages = ["jq"]\n'
        )
        shown = await test.row(asked.id)
        assert (shown["kind"], shown["agent"]) == ("spawn", "carol")
        assert shown["compared_with"] == "nothing, since the agent is new"
        settings = {effect["setting"]: effect["becomes"] for effect in shown["effects"]}
        assert (settings["model"], settings["packages"]) == ("opus", ["jq"])
        assert "+++ b/containers/h-carol.conf" in shown["nix_diff"]
        await test.operator.ask("POST", f"approvals/{asked.id}/approve", {})
        await test.settled(asked.id)
        carol = await test.operator.ask("GET", "agents/carol")
        assert (carol["spawned"], carol["approval"]) == (True, asked.id)
        again = await test.row(asked.id)
        assert again["compared_with"] == "nothing, since the agent is new"
        assert again["nix_diff"] == shown["nix_diff"]

    deciding(tmp_path, body)


def test_free_form_nix_is_kept_apart(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        id = await test.asked("", more={"extra.nix": "{ }\n"})
        shown = await test.row(id)
        assert shown["extra_nix"] is True
        assert shown["extra_nix_diff"].endswith("+++ b/extra.nix\n@@ -0,0 +1 @@\n+{ }\n")
        assert "extra.nix" not in shown["data_diff"]
        assert any("extra.nix" in warning for warning in shown["warnings"])

    deciding(tmp_path, body)


def test_root_asks_says_that_it_begins_and_how_it_ended(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        ask, refused = test.operator.ask, test.operator.refused
        test.deploys.go.clear()
        id = await test.asked('model = "opus"\n')
        before = await ask("GET", f"approvals/{id}/deployable")
        assert (before["state"], before["objects"]["commit"] != "") == ("pending", True)
        told = await refused("POST", f"approvals/{id}/begin", status=409)
        assert f"approval {id} is pending" in told
        await refused("POST", f"approvals/{id}/outcome", {}, status=409)
        await ask("POST", f"approvals/{id}/approve", {})
        await test.deploys.began.wait()
        for _ in range(2):
            assert (await ask("POST", f"approvals/{id}/begin"))["state"] == "building"
        await refused("POST", f"approvals/{id}/outcome", {"log": ["x"] * 101}, status=422)
        outcome = {"error": "it does not build", "log": ["one", "two"]}
        failed = await ask("POST", f"approvals/{id}/outcome", outcome)
        assert (failed["state"], failed["error"]) == ("failed", "it does not build")
        assert (await test.row(id))["log"] == ["one", "two"]
        told = await refused("POST", f"approvals/{id}/outcome", {}, status=409)
        assert "and failed at " in told
        told = await refused("POST", f"approvals/{id}/begin", status=409)
        assert "and failed at " in told
        assert (await ask("GET", f"approvals/{id}/deployable"))["state"] == "failed"

    deciding(tmp_path, body)
