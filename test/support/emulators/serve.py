"""Serves an emulator of AWS other than the sandbox, with the command line of sandbox/serve.py.

    EMULATOR=moto python serve.py --port 0 [--host 127.0.0.1] [--account 111111111111] [--exit-with-stdin]

EMULATOR is moto, without the rules that the sandbox adds to it, or ministack. Prints one line of JSON when it serves:
{"ready": true, "url": "http://127.0.0.1:PORT"}.
"""

import argparse
import json
import os
import signal
import socket
import sys
import threading
import time

# The first start compiles what it imports, even under `python -B`: both import a lot.
sys.dont_write_bytecode = False


def announce(host, port):
    print(json.dumps({"ready": True, "url": f"http://{host}:{port}"}), flush=True)


def serve_moto(host, port, account):
    os.environ["MOTO_ACCOUNT_ID"] = account
    from moto.core.request import Request
    from moto.iam.responses import IamResponse
    from moto.moto_api._internal import moto_api_backend
    from moto.sts.responses import TokenResponse
    from werkzeug.serving import WSGIRequestHandler, make_server
    from werkzeug.wrappers import Response

    class ServedRequest(Request):
        from_wsgi_server = True

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_request(self, *_):
            pass

    # What moto's own server does, which needs more packages than the sandbox has.
    @ServedRequest.application
    def app(request):
        if request.path == "/moto-api/reset":
            moto_api_backend.reset()
            return Response("{}")
        service = TokenResponse if "/sts/" in request.headers.get("Authorization", "") else IamResponse
        try:
            status, headers, body = service.dispatch(request, request.raw_url, request.headers)
        except NotImplementedError as error:
            return Response(str(error), 501)
        # The length is that of the text before it is encoded.
        return Response(body, status, {name: value for name, value in headers.items() if name.lower() != "content-length"})

    server = make_server(host, port, app, threaded=True, request_handler=Handler)
    announce(host, server.server_port)
    server.serve_forever()


def serve_ministack(host, port, account):
    if port == 0:
        with socket.socket() as free:
            free.bind((host, 0))
            port = free.getsockname()[1]
    os.environ.update(GATEWAY_PORT=str(port), BIND_HOST=host, MINISTACK_ACCOUNT_ID=account, LOG_LEVEL="ERROR")
    import asyncio

    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

    def announce_when_serving():
        while True:
            with socket.socket() as probe:
                if probe.connect_ex((host, port)) == 0:
                    return announce(host, port)
            time.sleep(0.05)

    config = Config()
    config.bind = [f"{host}:{port}"]
    config.keep_alive_timeout = 75
    config.loglevel = "ERROR"
    threading.Thread(target=announce_when_serving, daemon=True).start()
    asyncio.run(serve(app, config, shutdown_trigger=asyncio.Event().wait))


def exit_with_stdin():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one")
    parser.add_argument("--account", default="111111111111")
    parser.add_argument("--exit-with-stdin", action="store_true", help="exit when standard input is closed")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    if options.exit_with_stdin:
        threading.Thread(target=exit_with_stdin, daemon=True).start()
    serve = {"moto": serve_moto, "ministack": serve_ministack}[os.environ["EMULATOR"]]
    serve(options.host, options.port, options.account)


main()
