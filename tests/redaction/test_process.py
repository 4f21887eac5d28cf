"""The outlets of a process: whoever writes there, no secret comes out. Each in a process of its own, with Python's real hooks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CANARY = "tJ3!kLm9zQ&ü/+x"  # known to the process
BEGIN = f"""
import logging, sys, threading, warnings
from odibi_core.redaction import Redactor
from odibi_core.redaction.process import OUTLETS
redactor = Redactor()
redactor.register({CANARY!r})
secret = "".join({list(CANARY)!r})
OUTLETS.guard(redactor)
"""
WAYS = {
    "print": "print('before', secret, 'after')",
    "print in pieces": "print('x', end=''); print(secret[:5], end=''); print(secret[5:])",
    "standard error": "sys.stderr.write(secret + '\\n')",
    "no line break": "sys.stdout.write('a ' + secret)",
    "an exception": "raise ValueError(secret)",
    "a cause": "try:\n    raise KeyError(secret)\nexcept KeyError as error:\n    raise ValueError('outer') from error",
    "a context": "try:\n    raise KeyError(secret)\nexcept KeyError:\n    raise ValueError('outer')",
    "a note": "error = ValueError('outer'); error.add_note(secret); raise error",
    "a group": "raise ExceptionGroup('all', [ValueError(secret), ExceptionGroup(secret, [KeyError(secret)])])",
    "a thread": "thread = threading.Thread(target=lambda: (_ for _ in ()).throw(ValueError(secret))); thread.start(); thread.join()",
    "a finalizer": "class Gone:\n    def __del__(self):\n        raise ValueError(secret)\nGone()",
    "a warning": "warnings.warn('careful with ' + secret)",
    "a captured warning": "logging.basicConfig(); logging.captureWarnings(True); warnings.warn('careful with ' + secret)",
    "the root logger": "logging.warning('a %s', secret)",
    "a logger without handlers": "logging.getLogger('third.party').error('a %s', secret)",
    "a handler that came later": "logger = logging.getLogger('third'); logger.addHandler(logging.StreamHandler(sys.__stderr__))\n"
    "logger.error('a %s', secret)\ntry:\n    raise ValueError(secret)\nexcept ValueError:\n    logger.exception('b')",
    "a stack": "def inner(value):\n    logging.warning('see', stack_info=True)\ninner(secret)",
    "a traceback": "import traceback\ntry:\n    raise ValueError(secret)\nexcept ValueError:\n    traceback.print_exc()",
    "system exit": "sys.exit('stopped by ' + secret)",
}


def said(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", BEGIN + code], capture_output=True, cwd=ROOT, timeout=60, check=False)
    return (done.stdout + done.stderr).decode()


@pytest.mark.parametrize("way", WAYS)
def test_no_secret_comes_out(way: str) -> None:
    """Something is said, and a mark stands for the secret."""
    text = said(WAYS[way])
    assert CANARY not in text
    assert CANARY[:8] not in text.replace(repr(CANARY), "")
    assert ("[REDACTED]" in text) != (way == "a stack")


def test_what_is_no_secret_comes_out_unchanged() -> None:
    """Also without a line break at its end, and in its order."""
    assert said("print('one'); sys.stdout.write('two'); sys.stdout.flush(); print('three')") == "one\ntwothree\n"


def test_everything_is_as_it_was_afterwards() -> None:
    """For a process that is not ours alone."""
    code = """
from odibi_core.redaction.process import OUTLETS, RedactingStream
OUTLETS.guard(redactor)
assert isinstance(sys.stdout, RedactingStream) and isinstance(sys.stderr, RedactingStream)
OUTLETS.release()
assert not OUTLETS.are_guarded and sys.stdout is sys.__stdout__ and sys.stderr is sys.__stderr__ and sys.excepthook is sys.__excepthook__
assert logging.getLogRecordFactory() is logging.LogRecord
print('released')
"""
    assert said(code) == "released\n"


def test_a_redactor_that_is_broken_lets_nothing_out() -> None:
    """Its self-test fails, so a fixed sentence stands in the place of every text; the process goes on."""
    code = """
from odibi_core.redaction import detection
detection.find = lambda *_: iter(())
print('nothing secret'); logging.warning('nothing secret')
print(redactor.record({'rows': [1, 'some text']}))
"""
    text = said(code)
    assert "nothing secret" not in text
    assert "some text" not in text
    assert text.count("[REDACTED: withheld, because the check of the redaction failed]") >= 3


def test_a_text_that_breaks_the_redactor_is_withheld() -> None:
    """Better no text than a secret."""
    code = """
from odibi_core.redaction import detection
print('checked')
def broken(*_):
    raise RecursionError
detection.find = broken
print('the secret')
"""
    assert said(code) == "checked\n[REDACTED: withheld, because the check of the redaction failed]\n"


def test_the_self_test_needs_little_time() -> None:
    """It is part of every start: less than 150 ms of the processor, expressions included."""
    code = "import time; began = time.process_time(); redactor.text('x' * 20); print(time.process_time() - began < 0.15)"
    assert said(code) == "True\n"
