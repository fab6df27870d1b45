"""AWS CloudTrail's LookupEvents by its JSON protocol.

Every write to IAM and STS that was served is an event, refused writes included. AWS shows an event after about
15 minutes; the sandbox shows it immediately.

    one attribute per lookup, pages of 50, two lookups per second               400 ThrottlingException
"""

import json
import time
import uuid

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.utils import get_service_model
from moto.iam.models import iam_backends
from moto.utilities.utils import get_partition

from .access import SESSIONS
from .errors import aws_error
from .model import first_lower, keep_modelled

# Events by account and region, oldest first.
trails = {}
trail_lookups = {}
TRAIL_DAYS = 90
# Lookups per second of an account and region.
TRAIL_RATE = 2
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
TRAIL_TYPES = ("Role", "User", "Group", "Policy", "InstanceProfile")
# Error codes that CloudTrail shows unchanged. Codes of the service model get the suffix Exception.
GENERAL_CODES = (
    "AccessDenied",
    "ExpiredToken",
    "InvalidClientTokenId",
    "ValidationError",
    "Throttling",
    "InvalidAction",
)


def caller_identity(access_key, account, region):
    """Returns userIdentity, and the user name that LookupEvents shows."""
    session = SESSIONS.get(access_key)
    partition = get_partition(region)
    if session:
        _, role, name = session["Arn"].split("/", 2)
        issuer = {
            "type": "Role",
            "principalId": session["UserId"].split(":")[0],
            "arn": f"arn:{partition}:iam::{account}:role/{role}",
            "accountId": account,
            "userName": role,
        }
        context = {"sessionIssuer": issuer, "attributes": {"creationDate": session["At"], "mfaAuthenticated": "false"}}
        if session.get("SourceIdentity"):
            context["sourceIdentity"] = session["SourceIdentity"]
        who = {"type": "AssumedRole", "principalId": session["UserId"], "arn": session["Arn"], "accountId": account}
        return {**who, "accessKeyId": access_key, "sessionContext": context}, name
    user = iam_backends[account][partition].get_user_from_access_key_id(access_key)
    name = user.name if user else "sandbox"
    arn = user.arn if user else f"arn:{partition}:iam::{account}:user/sandbox"
    who = {"type": "IAMUser", "principalId": user.id if user else "AIDASANDBOX", "arn": arn, "accountId": account}
    return {**who, "accessKeyId": access_key, "userName": name}, name


def trail_parameters(shape, value):
    """Returns parameters in CloudTrail's form: names begin in lower case, secrets are hidden, documents are text."""
    if shape.type_name == "structure":
        return {first_lower(name): trail_parameters(shape.members[name], part) for name, part in value.items()}
    if shape.type_name == "list":
        return [trail_parameters(shape.member, part) for part in value]
    return HIDDEN if shape.metadata.get("sensitive") else value


def record_event(service, action, form, caller, access_key, account, region, outcome, agent, address):
    """Adds an event."""
    request_id, code, message, at = outcome
    operation = get_service_model(service).operation_model(action)
    params = PROTOCOL_PARSERS["query"](operation, map_type=dict).parse({"values": form}) or {}
    shape = operation.input_shape
    event_id = str(uuid.uuid4())
    who, username = caller
    record = {
        "eventVersion": "1.08",
        "userIdentity": who,
        "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": action,
        "awsRegion": region,
        "sourceIPAddress": address,
        "userAgent": agent,
        # A request that the model refuses is recorded without parameters.
        **(
            {"errorCode": code if code in GENERAL_CODES else f"{code}Exception", "errorMessage": message}
            if code
            else {}
        ),
        "requestParameters": trail_parameters(shape, params) if shape and not code == "ValidationError" else None,
        "responseElements": None,
        "requestID": request_id,
        "eventID": event_id,
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    }
    names = [] if code else [(kind, params.get(f"{kind}Name")) for kind in TRAIL_TYPES if params.get(f"{kind}Name")]
    resources = [{"ResourceType": f"AWS::IAM::{kind}", "ResourceName": name} for kind, name in names]
    if not code and params.get("PolicyArn"):
        resources.append({"ResourceType": "AWS::IAM::Policy", "ResourceName": params["PolicyArn"]})
    event = {
        "EventId": event_id,
        "EventName": action,
        "ReadOnly": "false",
        "AccessKeyId": access_key,
        "EventTime": int(at.timestamp()),
        "EventSource": record["eventSource"],
        "Username": username,
        "Resources": resources,
        "CloudTrailEvent": json.dumps(record),
    }
    trails.setdefault((account, region), []).append(event)


class StrictTrail:
    """The event history of AWS CloudTrail."""

    ACTIONS = ("LookupEvents",)
    ATTRIBUTES = {
        "EventId": lambda event, value: event["EventId"] == value,
        "EventName": lambda event, value: event["EventName"] == value,
        "ReadOnly": lambda event, value: event["ReadOnly"] == value,
        "Username": lambda event, value: event["Username"] == value,
        "EventSource": lambda event, value: event["EventSource"] == value,
        "AccessKeyId": lambda event, value: event["AccessKeyId"] == value,
        "ResourceType": lambda event, value: any(resource["ResourceType"] == value for resource in event["Resources"]),
        "ResourceName": lambda event, value: any(resource["ResourceName"] == value for resource in event["Resources"]),
    }

    def perform(self, action, params, account, region):
        operation = get_service_model("cloudtrail").operation_model(action)
        params = keep_modelled(operation.input_shape, params)
        now = time.time()
        recent = [at for at in trail_lookups.get((account, region), []) if at > now - 1]
        if len(recent) >= TRAIL_RATE:
            raise aws_error("ThrottlingException", "Rate exceeded")
        trail_lookups[account, region] = [*recent, now]
        maximum = params.get("MaxResults", 50)
        if not 1 <= maximum <= 50:
            raise aws_error("InvalidMaxResultsException", "A maximum of 50 results is allowed.")
        attributes = params.get("LookupAttributes", [])
        if len(attributes) > 1 or any(item.get("AttributeKey") not in self.ATTRIBUTES for item in attributes):
            raise aws_error("InvalidLookupAttributesException", "You can specify only one lookup attribute.")
        start = max(params.get("StartTime") or 0, now - TRAIL_DAYS * 86_400)
        end = params.get("EndTime") or now
        if start > end:
            raise aws_error("InvalidTimeRangeException", "The start time is after the end time.")
        found = [
            event
            for event in reversed(trails.get((account, region), []))
            if int(start) <= event["EventTime"] <= end
            and all(self.ATTRIBUTES[item["AttributeKey"]](event, item["AttributeValue"]) for item in attributes)
        ]
        token = params.get("NextToken")
        if token is not None and not token.isdecimal():
            raise aws_error("InvalidNextTokenException", "The next token is invalid.")
        begin = int(token or 0)
        more = {"NextToken": str(begin + maximum)} if len(found) > begin + maximum else {}
        return {"Events": found[begin : begin + maximum], **more}
