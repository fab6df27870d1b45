"""Serves one call: finds the caller, runs the action under the account's lock and writes the journal.

actions that neither moto nor this package implements                       400 InvalidAction
"""

import json
import re
import traceback
import uuid
from datetime import datetime, timezone

from moto.core.exceptions import JsonRESTError, ServiceException
from moto.core.utils import get_service_model
from moto.iam.models import iam_backends
from moto.utilities.utils import get_partition

from . import access, journal
from .access import ACCOUNT_OF_KEY, check_access_key, check_authorised, check_caller
from .access_analyzer import SERVICE as ANALYZER
from .access_analyzer import StrictAnalyzer
from .cloudtrail import StrictTrail, caller_identity, record_event
from .errors import STATUS, aws_error
from .iam import StrictIam
from .organizations import StrictOrganizations
from .secrets_manager import StrictSecrets
from .sts import StrictSts
from .tagging_api import SERVICE as TAGGING
from .tagging_api import StrictTaggingApi
from .views import xml

SERVICES = {
    "2010-05-08": ("iam", StrictIam, "https://iam.amazonaws.com/doc/2010-05-08/"),
    "2011-06-15": ("sts", StrictSts, "https://sts.amazonaws.com/doc/2011-06-15/"),
}
# The names that the JSON protocol has for the errors that every service shares.
JSON_CODES = {
    "AccessDenied": "AccessDeniedException",
    "ExpiredToken": "ExpiredTokenException",
    "InvalidAction": "UnknownOperationException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "ServiceFailure": "InternalServiceError",
    "ValidationError": "ValidationException",
}
JSON_SERVICES = {
    "secretsmanager": ("secretsmanager", StrictSecrets),
    "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101": ("cloudtrail", StrictTrail),
    "CloudTrail_20131101": ("cloudtrail", StrictTrail),
    "AWSOrganizationsV20161128": ("organizations", StrictOrganizations),
    "ResourceGroupsTaggingAPI_20170126": (TAGGING, StrictTaggingApi),
}
# The status of errors by the REST protocol. Others have 400.
REST_STATUS = {
    "AccessDeniedException": 403,
    "InternalServerException": 500,
    "ThrottlingException": 429,
    "ExpiredTokenException": 403,
    "UnrecognizedClientException": 403,
}
READS = re.compile("Get|List|Simulate|Generate")


def call(form, authorization, agent="", address=""):
    """Serves a call of IAM or STS. Returns its status, request ID and XML."""
    service, responses, namespace = SERVICES.get(form.get("Version"), SERVICES["2010-05-08"])
    action = form.get("Action", "")

    def perform(access_key, account, region, request_id):
        if action not in get_service_model(service).operation_names or not responses.implements(action):
            raise aws_error("InvalidAction", f"Could not find operation {action} for version {form.get('Version')}")
        request = responses()
        request.prepare(service, form, authorization, access_key, account, region)
        return request.answer(namespace, request_id)

    def refuse(code, message, request_id):
        status = STATUS.get(code, 400)
        party = "Receiver" if status >= 500 else "Sender"
        body = (
            f'<ErrorResponse xmlns="{namespace}"><Error><Type>{party}</Type><Code>{code}</Code>'
            f"<Message>{xml(message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return status, code, body

    return serve(service, action, form, authorization, perform, refuse, agent, address)


def call_json(target, text, authorization):
    """Serves a call of AWS Secrets Manager or CloudTrail. Returns its status, request ID and JSON."""
    prefix, _, action = target.rpartition(".")
    service, responses = JSON_SERVICES.get(prefix, ("", None))
    try:
        params = json.loads(text or "{}")
    except ValueError:
        params = None

    def perform(access_key, account, region, request_id):
        if responses is None or action not in responses.ACTIONS:
            raise aws_error("InvalidAction", f"Could not find operation {target}")
        return json.dumps(responses().perform(action, params, account, region))

    def refuse(code, message, request_id):
        code = JSON_CODES.get(code, code)
        return (500 if code == "InternalServiceError" else 400), code, json.dumps({"__type": code, "Message": message})

    names = {key: params[key] for key in ("Name", "SecretId") if isinstance(params, dict) and key in params}
    return serve(service or "secretsmanager", action, names, authorization, perform, refuse)


def call_rest(path, query, text, authorization):
    """Serves a call of AWS IAM Access Analyzer. Returns its status, request ID and JSON."""
    action = StrictAnalyzer.ACTIONS[path]

    def perform(access_key, account, region, request_id):
        try:
            params = {**json.loads(text or "{}"), **query}
        except ValueError:
            raise aws_error("ValidationError", "The body is not JSON.") from None
        if "maxResults" in params:
            params["maxResults"] = int(params["maxResults"])
        return json.dumps(StrictAnalyzer().perform(action, params))

    def refuse(code, message, request_id):
        code = JSON_CODES.get(code, code).replace("InternalServiceError", "InternalServerException")
        return REST_STATUS.get(code, 400), code, json.dumps({"__type": code, "message": message})

    return serve(ANALYZER, action, {}, authorization, perform, refuse)


def serve(service, action, params, authorization, perform, refuse, agent="", address=""):
    """Identifies the caller, runs the action, and records the call in the journal and in CloudTrail."""
    request_id = str(uuid.uuid4())
    credential = re.search(r"Credential=([^/,\s]+)/(?:[^/]+/([^/]+)/)?", authorization)
    access_key, region = credential.groups() if credential else ("", None)
    region = region or "us-east-1"
    account = ACCOUNT_OF_KEY.get(access_key, access.DEFAULT_ACCOUNT)
    status, code, message = 200, None, None
    at, caller = datetime.now(timezone.utc), None
    is_traced = service in ("iam", "sts") and not READS.match(action)
    is_traced = is_traced and action in get_service_model(service).operation_names
    if is_traced:
        # Identified before the call, which may delete its own caller.
        caller = caller_identity(access_key, account, region)
    try:
        check_caller(service, action, access_key, account)
        check_authorised(service, action, params, account)
        # Reads take the lock too, so that they never see a change that is half done.
        backend = iam_backends[account][get_partition(region)]
        with backend.lock:
            check_access_key(backend, access_key, service, region)
            body = perform(access_key, account, region, request_id)
    except Exception as error:
        if isinstance(error, ServiceException):
            code, message = error.code, str(error.message)
        elif isinstance(error, JsonRESTError):
            code, message = error.error_type, error.message
        else:
            traceback.print_exc()
            code, message = "ServiceFailure", f"the sandbox failed: {error!r}"
        status, code, body = refuse(code, message, request_id)
    # A call without valid credentials belongs to no trail.
    if is_traced and code not in ("ExpiredToken", "InvalidClientTokenId", "MissingAuthenticationToken"):
        outcome = (request_id, code, message, at)
        record_event(service, action, params, caller, access_key, account, region, outcome, agent, address)
    journal.record(account, action, params, status, code, request_id)
    return status, request_id, body
