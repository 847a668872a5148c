"""Messages between the host and agents in their containers."""

from tests.e2e.hive import Hive


def test_a_message_wakes_an_agent_in_its_container_and_the_answer_comes_back(hive: Hive) -> None:
    sent = hive.send("alice", "hello")
    answer = hive.wait_mail("alice got: hello")
    assert (answer.sender, answer.in_reply_to) == ("alice", sent)
    assert hive.wait_message(sent, "acked").attempts == 0
