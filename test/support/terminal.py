"""Runs a command on a terminal of its own and answers its first question.

    python terminal.py ANSWER COMMAND...     ANSWER is typed as it stands: \\r is the return key, \\x04 is Ctrl-D

Prints all that the terminal has shown, and ends as the command has ended.
"""

import os
import pty
import re
import sys

QUESTION = re.compile(rb"Type \S+ to \w+ [^\r\n]*: ")


def main(answer, command):
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    shown, answered = b"", False
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # How Linux says that the other end is closed.
            break
        if not part:
            break
        shown += part
        if not answered and QUESTION.search(shown):
            os.write(terminal, answer)
            answered = True
    sys.stdout.buffer.write(shown)
    sys.stdout.flush()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].encode(), sys.argv[2:]))
