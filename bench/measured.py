"""Runs a command, and writes what it took into a file: measured.py FIGURES COMMAND ARGUMENT...

The figures are those that the system keeps of a process that has ended, and of those of its children that it has waited
for: the processor time of all, and the most memory of the largest.
"""

import json
import os
import sys
import time

figures, *command = sys.argv[1:]
started = time.monotonic()
pid = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(pid, 0)
taken = time.monotonic() - started
with open(figures, "w", encoding="utf-8") as file:
    json.dump(
        {
            "ms": taken * 1000,
            "cpuMs": (usage.ru_utime + usage.ru_stime) * 1000,
            # In bytes on macOS, in kilobytes elsewhere.
            "peakRssBytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
            "exitCode": os.waitstatus_to_exitcode(status),
        },
        file,
    )
