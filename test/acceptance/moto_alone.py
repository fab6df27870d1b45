"""Serves moto's IAM and STS as they are, without the package strict_iam.

Prints one line of JSON when it serves: {"ready": true, "url": "http://127.0.0.1:PORT"}. Ends with its standard input.
"""

import json
import os
import sys
import threading

from moto.core.request import Request
from moto.iam.responses import IamResponse
from moto.sts.responses import TokenResponse
from werkzeug.exceptions import HTTPException
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

STS = "2011-06-15"


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_):
        pass


class ServedRequest(Request):
    from_wsgi_server = True


@ServedRequest.application
def serve(request):
    responses = TokenResponse if request.form.get("Version") == STS else IamResponse
    try:
        status, headers, content = responses.dispatch(request, request.raw_url, dict(request.headers))
    except HTTPException as error:
        return error.get_response()
    except NotImplementedError:
        return Response("not implemented", 501)
    return Response(content, status, headers)


def exit_with_stdin():
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=exit_with_stdin, daemon=True).start()
server = make_server("127.0.0.1", 0, serve, threaded=True, request_handler=Quiet)
print(json.dumps({"ready": True, "url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
server.serve_forever()
