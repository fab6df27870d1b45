"""Runs a command on a terminal of its own and answers its questions.

    python terminal.py COLUMNS ANSWERS COMMAND...

ANSWERS is JSON: a list of pairs, a regular expression for what is asked and what is then typed, unchanged: \r is the
return key, \x04 is Ctrl-D. Hands on all that the terminal shows, as it comes, and ends as the command has ended.
"""

import fcntl
import json
import os
import pty
import re
import struct
import sys
import termios

ROWS = 40


def main(columns, answers, command):
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
        os.execvp(command[0], command)
    unread = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # How Linux says that the other end is closed.
            break
        if not part:
            break
        os.write(1, part)
        unread += part
        if answers and re.search(answers[0][0].encode(), unread):
            os.write(terminal, answers.pop(0)[1].encode())
            unread = b""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:]))
