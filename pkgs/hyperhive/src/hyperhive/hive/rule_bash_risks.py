"""Warnings about an allow rule for Bash."""

import re
from collections.abc import Sequence
from itertools import dropwhile, takewhile
from typing import Final

from hyperhive.hive.rule_explain import explain_rule
from hyperhive.hive.rule_git_risks import git_risks
from hyperhive.hive.rule_glob import has_wildcard
from hyperhive.hive.rule_grammar import Rule, RuleWarning
from hyperhive.hive.rule_programs import (
    NEVER_ALLOWED,
    is_harmless,
    is_interpreter,
    is_wrapper,
    risk_of,
)
from hyperhive.hive.rule_words import is_assignment, operators, program_name, words

_EVERYTHING: Final = RuleWarning(
    "is arbitrary code: every command, and deny rules do not hold it: sh -c '...' gets past them",
    "allow the commands the agent needs, such as Bash(git add *), one rule each",
)
_OPERATORS: Final = RuleWarning(
    "spans a shell operator, but Claude Code compares the parts of a command one by one: this"
    " matches nothing or exactly this text",
    "allow each program by a rule of its own, and files to write by Edit(./**)",
)
_VALUE: Final = RuleWarning(
    "is arbitrary code: * is not one word, so after a variable's value any program fits",
    "declare the variable under environment, and leave it out of the rule",
)
_NESTED: Final = RuleWarning(
    "is arbitrary code as far as can be told: it is too nested to be looked through",
    "allow the program that it leads to: a rule of its own, such as Bash(wc *)",
)
_DEEPEST: Final = 8
"""Programs in one command, each run by the one before, that are followed."""

_REGEX: Final = re.compile(r"\.\*|\.\+|\\[dDwWsSb.]|^\^|\$$|\[[^\]]+\][*+?]|\([^)]*\|[^)]*\)")
_COUNT: Final = re.compile(r"[0-9.]+[smhd]?")
_MODULES_THAT_RUN_FILES: Final = frozenset(
    {"cProfile", "code", "doctest", "pdb", "profile", "runpy", "timeit", "trace", "unittest"}
)


def bash_risks(specifier: str | None) -> list[RuleWarning]:
    """Warnings about `Bash(specifier)`, or about `Bash` alone, among the allow rules."""
    if specifier is None or not specifier.strip("* "):
        return [_EVERYTHING]
    risks = _program_risks(words(specifier))
    return risks + _shape(specifier, "write it out, without *" if risks else None)


def _program_risks(command: Sequence[str], depth: int = 0) -> list[RuleWarning]:
    """What the program does with arguments of the agent's choice, given the words of the rule."""
    if depth > _DEEPEST:
        return [_NESTED]
    variables = list(takewhile(is_assignment, command))
    if any(map(has_wildcard, variables)):
        return [_VALUE]
    command = command[len(variables) :]
    if not command:
        return []
    program, *arguments = command
    name = program_name(program)
    if not name:
        return [_any_program(command)]
    if name in NEVER_ALLOWED:
        return [RuleWarning(f"does nothing: Claude Code always refuses {name}", "remove the rule")]
    open_name = has_wildcard(program)
    if name == "git":
        return git_risks(["*"] if open_name else arguments)
    risk = risk_of(name)
    if risk is None:
        return []
    if not open_name and not any(map(has_wildcard, arguments)):
        if risk.reads_code and arguments in ([], ["-"], ["-s"]):
            return [
                RuleWarning(
                    f"is arbitrary code: `echo ... | {name}` runs what is piped into it",
                    risk.instead.format(name=name),
                )
            ]
        return []
    if not open_name:
        inner = _inner_command(name, arguments)
        if inner is not None:
            return _program_risks(inner, depth + 1)
        if is_harmless(name, arguments[0]):
            return []
    return [RuleWarning(f"`{' '.join(command)}` is {risk.how}", risk.instead.format(name=name))]


def _any_program(command: Sequence[str]) -> RuleWarning:
    directory = command[0].partition("*")[0]
    if directory:
        return RuleWarning(
            f"runs every program under {directory}, and, as * takes ../ too, every other",
            f"name the programs, as in Bash({directory}check *)",
        )
    rest = " ".join(command)[1:]
    return RuleWarning(
        f"is arbitrary code: * is any text, programs included, so `rm -rf x{rest}` fits",
        "name the program first, as in Bash(node --version)",
    )


def _inner_command(name: str, arguments: Sequence[str]) -> Sequence[str] | None:
    """The fixed command that a wrapper or an interpreter is to run, None if the agent chooses it.

    An empty command is one without known risks: a script that is named.
    """
    first = arguments[0]
    if is_wrapper(name):
        inner = list(dropwhile(_is_passed_over, arguments))
        fixed = (
            inner and not has_wildcard(inner[0]) and not any(w.startswith("-") for w in arguments)
        )
        return inner if fixed else None
    if not is_interpreter(name) or has_wildcard(first):
        return None
    if first in {"-m", "-jar"} and len(arguments) > 1 and not has_wildcard(arguments[1]):
        module = arguments[1]
        return None if module in _MODULES_THAT_RUN_FILES else arguments[1:]
    return None if first.startswith("-") else []


def _is_passed_over(word: str) -> bool:
    """Whether a word after a wrapper is a number, a duration or a variable, not the program."""
    return is_assignment(word) or _COUNT.fullmatch(word) is not None


def _shape(specifier: str, instead: str | None) -> list[RuleWarning]:
    """What the place of the wildcards makes of a rule, whatever the program."""
    warnings = []
    fixed = specifier.removesuffix(":*") if specifier.endswith(":*") else specifier.rstrip("*")
    if _REGEX.search(specifier):
        matched = explain_rule(Rule("Bash", specifier)).rstrip(".")
        warnings.append(
            RuleWarning(
                "reads like a regular expression, but only * is special: it matches"
                f" {matched[0].lower()}{matched[1:]}",
                instead or f"write ` *` for any arguments: Bash({_head(specifier)} *)",
            )
        )
    elif operators(specifier):
        warnings.append(_OPERATORS)
    if has_wildcard(fixed) and program_name(words(specifier)[0]):
        warnings.append(
            RuleWarning(
                "has a wildcard before its end, and * is not one word: options and more words fit",
                "put the wildcard last, or write the commands out",
            )
        )
    if specifier != fixed and not specifier.endswith(":*") and re.search(r"\w$", fixed):
        warnings.append(
            RuleWarning(
                f"has no space before the *, so the word may go on: `{fixed}-other` fits",
                instead or f"write Bash({fixed} *)",
            )
        )
    return warnings


def _head(specifier: str) -> str:
    """The words before the first one that holds something special."""
    plain = [word.strip("^$") for word in specifier.split()]
    count = next(
        (index for index, word in enumerate(plain) if re.search(r"[*\\()\[\]|+]", word)), len(plain)
    )
    return " ".join(plain[: max(count, 1)])
