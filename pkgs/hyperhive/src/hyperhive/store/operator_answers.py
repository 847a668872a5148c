"""The operator's answers to questions, of which the manager hears too."""

from hyperhive.hive.names import OPERATOR
from hyperhive.store import notices, questions
from hyperhive.store.questions import Question
from hyperhive.store.transaction import Transaction


def answer(
    tx: Transaction, id: int, texts: tuple[str, ...], *, manager: str | None, now: float
) -> Question:
    """Answers a question as the operator; whoever asked is told by the question's own way.

    Args:
        manager: who is told as well, unless the question is theirs; None: nobody.

    Raises:
        UnknownQuestionError: there is none of that id.
        ClosedQuestionError: it is not open any more.
    """
    answered = questions.answer(tx, id, OPERATOR, texts, now=now)
    # The manager's own questions to others it hears of as any asker does.
    if manager not in (None, answered.asker):
        said = {"asked": answered.question, "answer": answered.said}
        data = {"question": id, "agent": answered.asker, **said}
        notices.tell(tx, manager, "question_answered", data, now=now)
    return answered
