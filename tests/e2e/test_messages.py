"""Messages between the host and agents in their containers."""

from tests.e2e.hive import Hive


def test_a_message_wakes_an_agent_in_its_container_and_the_answer_comes_back(hive: Hive) -> None:
    sent = hive.send("alice", "hello")
    answer = hive.wait_mail("alice got: hello")
    assert (answer.sender, answer.in_reply_to) == ("alice", sent)
    assert hive.wait_message(sent, "acked").attempts == 0


def test_stopping_a_container_in_the_middle_of_a_turn_requeues_the_message(hive: Hive) -> None:
    sent = hive.send("bob", "hold this")
    hive.wait_states({"bob": "thinking"})
    notices = len(hive.mail("manager"))
    hive.hyperhive("agent", "stop", "bob")
    hive.wait_states({"bob": "offline"})
    # Nobody failed: the harness said that it was told to leave.
    assert hive.wait_message(sent, "queued").attempts == 0
    assert len(hive.mail("manager")) == notices

    hive.hyperhive("agent", "start", "bob")
    assert hive.wait_mail("bob got: hold this").sender == "bob"
    done = hive.wait_message(sent, "acked")
    assert done.deliveries > 1
    assert done.attempts == 0


def test_a_container_that_ends_while_the_broker_is_away_gives_its_messages_back(
    hive: Hive,
) -> None:
    sent = hive.send("bob", "hold that")
    hive.wait_states({"bob": "thinking"})
    hive.testbed.systemctl("stop", "hyperhive.socket", "hyperhive.service")
    hive.testbed.systemctl("stop", hive.unit("bob"))
    hive.testbed.systemctl("start", "hyperhive.socket", "hyperhive.service")
    assert hive.wait_message(sent, "queued").attempts == 0
    hive.wait_states({"bob": "offline"})
    hive.hyperhive("agent", "start", "bob")
    assert hive.wait_mail("bob got: hold that").sender == "bob"
