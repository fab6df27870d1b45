"""Starts the sandbox.

    python serve.py --port 0 [--host 127.0.0.1] [--account 111111111111] [--exit-with-stdin]

Prints one line of JSON when it serves: {"ready": true, "url": "http://127.0.0.1:PORT"}.
"""

from strict_iam.server import main

main()
