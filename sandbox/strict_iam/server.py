"""The HTTP server and the command line. Each reply has its own x-amzn-RequestId."""

import argparse
import json
import os
import re
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from . import access, journal
from .access import requested_actions
from .access_analyzer import StrictAnalyzer
from .calls import call, call_json, call_rest
from .controls import CONTROLS


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rbufsize = 65536
    # Each connection is a thread, so idle ones are closed. Keep-Alive tells the client to close them first.
    timeout = 300

    def do_GET(self):
        if self.path == "/sandbox/journal":
            self.reply(200, "application/json", json.dumps(list(journal.entries)))
        elif self.path == "/sandbox/asked":
            actions = {account: sorted(requested_actions[account]) for account in list(requested_actions)}
            self.reply(200, "application/json", json.dumps(actions))
        else:
            self.reply(404, "text/plain", "Not found. Try /sandbox/journal or /sandbox/asked.\n")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path in CONTROLS:
            try:
                CONTROLS[self.path](json.loads(body or "{}"))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                return self.reply(400, "text/plain", f"{error!r}\n")
            return self.reply(200, "application/json", "{}")
        authorization, target = self.headers.get("Authorization") or "", self.headers.get("X-Amz-Target")
        if target:
            status, request_id, text = call_json(target, body, authorization)
            return self.reply(status, "application/x-amz-json-1.1", text, request_id)
        url = urlsplit(self.path)
        if url.path in StrictAnalyzer.ACTIONS:
            status, request_id, text = call_rest(url.path, dict(parse_qsl(url.query)), body, authorization)
            return self.reply(status, "application/json", text, request_id)
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        agent = self.headers.get("User-Agent") or ""
        status, request_id, text = call(form, authorization, agent, self.client_address[0])
        self.reply(status, "text/xml", text, request_id)

    def reply(self, status, content_type, text, request_id=None):
        body = text.encode()
        lines = [
            f"HTTP/1.1 {status} {self.responses.get(status, ('',))[0]}",
            f"Content-Type: {content_type}",
            f"Content-Length: {len(body)}",
            "Keep-Alive: timeout=30",
        ]
        if request_id:
            lines.append(f"x-amzn-RequestId: {request_id}")
        # Headers and body in one write: two small writes would be delayed by TCP.
        self.wfile.write("\r\n".join([*lines, "", ""]).encode() + body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # Many clients connect at the same time in tests.
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        # Tests close connections on purpose. Other errors are printed.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def exit_with_stdin():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description="IAM and STS emulator: moto, made as strict as AWS.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one")
    parser.add_argument("--account", default=access.DEFAULT_ACCOUNT, help="the account of unknown access keys")
    parser.add_argument("--exit-with-stdin", action="store_true", help="exit when standard input is closed")
    options = parser.parse_args()
    if not re.fullmatch(r"\d{12}", options.account):
        parser.error("--account takes 12 digits")
    access.DEFAULT_ACCOUNT = options.account
    # End immediately, without waiting for requests in flight.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    server = Server((options.host, options.port), Handler)
    if options.exit_with_stdin:
        threading.Thread(target=exit_with_stdin, daemon=True).start()
    print(json.dumps({"ready": True, "url": f"http://{options.host}:{server.server_port}"}), flush=True)
    server.serve_forever()
