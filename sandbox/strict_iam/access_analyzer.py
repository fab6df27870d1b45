"""AWS IAM Access Analyzer's ValidatePolicy and CheckNoNewAccess by its REST protocol.

ValidatePolicy makes those of AWS's checks that a document alone decides:

    ERROR             JSON_SYNTAX_ERROR, MISSING_STATEMENT, MISSING_EFFECT, INVALID_EFFECT, MISSING_ACTION,
                      MISSING_RESOURCE and UNSUPPORTED_PRINCIPAL (identity policies), MISSING_PRINCIPAL (resource
                      policies), UNIQUE_SIDS_REQUIRED, INVALID_ACTION (actions of IAM and STS), INVALID_ARN_PREFIX,
                      DATA_TYPE_MISMATCH (a statement that is no object)
    SECURITY_WARNING  PASS_ROLE_WITH_STAR_IN_RESOURCE, PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE,
                      PASS_ROLE_WITH_NOTRESOURCE, ALLOW_WITH_NOTPRINCIPAL
    WARNING           MISSING_VERSION, CREATE_SLR_WITH_STAR_IN_RESOURCE, CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE
    SUGGESTION        EMPTY_ARRAY_ACTION, EMPTY_ARRAY_RESOURCE, EMPTY_OBJECT_CONDITION, EMPTY_SID_VALUE, REDUNDANT_ACTION

CheckNoNewAccess compares statement by statement. Access counts as new unless one statement of the existing policy allows
it under the same conditions or under none, and as soon as a denial is missing. AWS reasons about all statements together,
so it passes more than the sandbox does.

    a document that is no policy with statements                                400 InvalidParameterException
"""

import json
import re

from moto.core.utils import get_service_model

from .documents import as_list
from .errors import aws_error
from .model import check_input, keep_modelled

SERVICE = "access-analyzer"
PAGE_SIZE = 50
GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html"
# Actions that are no operations of an API.
OTHER_ACTIONS = {
    "iam": {"PassRole", "ListPoliciesGrantingServiceAccess", "FinalizeSMSMFAEnrollment"},
    "sts": {"TagSession", "SetSourceIdentity", "SetContext"},
}


class StrictAnalyzer:
    """The policy checks of AWS IAM Access Analyzer."""

    ACTIONS = {
        "/policy/validation": "ValidatePolicy",
        "/policy/check-no-new-access": "CheckNoNewAccess",
    }

    def perform(self, action, params):
        operation = get_service_model("accessanalyzer").operation_model(action)
        params = keep_modelled(operation.input_shape, params)
        check_input(operation, params)
        return validate_policy(params) if action == "ValidatePolicy" else check_no_new_access(params)


def validate_policy(params):
    findings = findings_of(params["policyDocument"], params["policyType"])
    token, size = params.get("nextToken", "0"), params.get("maxResults", PAGE_SIZE)
    if not token.isdecimal():
        raise aws_error("ValidationException", "The next token is invalid.")
    begin = int(token)
    more = {"nextToken": str(begin + size)} if len(findings) > begin + size else {}
    return {"findings": findings[begin : begin + size], **more}


def findings_of(text, policy_type):
    """Returns the findings about a document."""
    found = []

    def find(kind, code, details, *path):
        anchor = f"{kind}-{code}".lower().replace("_", "-")
        start = {"line": 1, "column": 0, "offset": 0}
        elements = [{"index": part} if isinstance(part, int) else {"value": part} for part in path]
        found.append(
            {
                "findingType": kind,
                "issueCode": code,
                "findingDetails": details,
                "learnMoreLink": f"{GUIDE}#access-analyzer-reference-policy-checks-{anchor}",
                "locations": [{"path": elements, "span": {"start": start, "end": start}}],
            }
        )

    try:
        document = json.loads(text)
    except ValueError as error:
        find("ERROR", "JSON_SYNTAX_ERROR", f"Fix the JSON syntax error: {error}")
        return found
    if not isinstance(document, dict) or "Statement" not in document:
        find("ERROR", "MISSING_STATEMENT", "Add a Statement element to the policy.")
        return found
    if "Version" not in document:
        find("WARNING", "MISSING_VERSION", "Specify the Version element, so that policy variables can be used.")
    sids = set()
    for index, statement in enumerate(as_list(document["Statement"])):
        if not isinstance(statement, dict):
            find("ERROR", "DATA_TYPE_MISMATCH", "A statement is an object.", *at(index))
            continue
        sid = statement.get("Sid")
        if sid == "":
            find("SUGGESTION", "EMPTY_SID_VALUE", "Add a value to the empty Sid, or remove it.", *at(index, "Sid"))
        elif sid in sids:
            find("ERROR", "UNIQUE_SIDS_REQUIRED", "Statement IDs must be unique in a policy.", *at(index, "Sid"))
        sids.update([sid] if sid else [])
        check_structure(index, statement, policy_type == "IDENTITY_POLICY", find)
        check_actions(index, statement, find)
        if statement.get("Effect") == "Allow":
            check_grants(index, statement, find)
    return found


def at(index, *path):
    return ("Statement", index, *path)


def check_structure(index, statement, is_identity, find):
    effect = statement.get("Effect")
    if effect is None:
        find("ERROR", "MISSING_EFFECT", "Add an Effect element to the statement.", *at(index))
    elif effect not in ("Allow", "Deny"):
        find("ERROR", "INVALID_EFFECT", "The Effect is Allow or Deny.", *at(index, "Effect"))
    if "Action" not in statement and "NotAction" not in statement:
        find("ERROR", "MISSING_ACTION", "Add an Action or NotAction element to the statement.", *at(index))
    names_principal = "Principal" in statement or "NotPrincipal" in statement
    if is_identity and names_principal:
        find("ERROR", "UNSUPPORTED_PRINCIPAL", "An identity policy has no Principal.", *at(index, "Principal"))
    if is_identity and "Resource" not in statement and "NotResource" not in statement:
        find("ERROR", "MISSING_RESOURCE", "Add a Resource or NotResource element to the statement.", *at(index))
    if not is_identity and not names_principal:
        find("ERROR", "MISSING_PRINCIPAL", "Add a Principal element to the statement.", *at(index))
    if statement.get("Condition") == {}:
        find("SUGGESTION", "EMPTY_OBJECT_CONDITION", "Remove the empty Condition.", *at(index, "Condition"))
    for field, code in (("Action", "EMPTY_ARRAY_ACTION"), ("Resource", "EMPTY_ARRAY_RESOURCE")):
        if statement.get(field) == []:
            find("SUGGESTION", code, "The statement has no effect: add a value, or remove it.", *at(index, field))
    for place, resource in enumerate(as_list(statement.get("Resource", []))):
        if not str(resource).startswith(("arn:", "*")):
            find("ERROR", "INVALID_ARN_PREFIX", "Add the prefix arn: to the resource.", *at(index, "Resource", place))


def check_actions(index, statement, find):
    actions = as_list(statement.get("Action", []))
    for place, action in enumerate(actions):
        service, _, name = action.partition(":")
        known = OTHER_ACTIONS.get(service.lower())
        if known and not re.search(r"[*?]", name):
            names = {one.lower() for one in (*get_service_model(service.lower()).operation_names, *known)}
            if name.lower() not in names:
                find("ERROR", "INVALID_ACTION", f"The action {action} does not exist.", *at(index, "Action", place))
        others = [other for other in actions if other != action]
        if any(covers_pattern(other.lower(), action.lower()) for other in others):
            details = f"The action {action} is included in another one of the statement."
            find("SUGGESTION", "REDUNDANT_ACTION", details, *at(index, "Action", place))


def check_grants(index, statement, find):
    """Finds access that AWS considers overly permissive."""
    if "NotPrincipal" in statement:
        details = "Using Allow with NotPrincipal can be overly permissive. Use Principal instead."
        find("SECURITY_WARNING", "ALLOW_WITH_NOTPRINCIPAL", details, *at(index, "NotPrincipal"))
    resources = as_list(statement.get("Resource", []))
    checks = (
        ("iam:PassRole", "SECURITY_WARNING", "PASS_ROLE"),
        ("iam:CreateServiceLinkedRole", "WARNING", "CREATE_SLR"),
    )
    for action, kind, code in checks:
        granting = [one for one in as_list(statement.get("Action", [])) if covers_pattern(one.lower(), action.lower())]
        if not granting:
            continue
        is_exact = action.lower() in [one.lower() for one in granting]
        details = f"Using the {action} action with wildcards (*) can be overly permissive. Specify resource ARNs instead."
        if "*" in resources:
            suffix = "WITH_STAR_IN_RESOURCE" if is_exact else "WITH_STAR_IN_ACTION_AND_RESOURCE"
            find(kind, f"{code}_{suffix}", details, *at(index, "Resource"))
        elif "NotResource" in statement and code == "PASS_ROLE":
            find(kind, "PASS_ROLE_WITH_NOTRESOURCE", details, *at(index, "NotResource"))


def check_no_new_access(params):
    existing, new = (statements_of(params[name]) for name in ("existingPolicyDocument", "newPolicyDocument"))
    allowed = [(index, one) for index, one in enumerate(new) if one["Effect"] == "Allow"]
    before = [one for one in existing if one["Effect"] == "Allow"]
    denied = [one for one in new if one["Effect"] == "Deny"]
    lost = [one for one in existing if one["Effect"] == "Deny" and not is_within([one], denied)]
    reasons = [
        {
            "description": f"New access in the statement with index: {index}.",
            "statementIndex": index,
            **({"statementId": statement["Sid"]} if statement.get("Sid") else {}),
        }
        for index, statement in allowed
        if lost or not is_within(split(statement), before)
    ]
    verb = "grant" if reasons else "do not grant"
    message = f"The modified permissions {verb} new access compared to your existing policy."
    return {"result": "FAIL" if reasons else "PASS", "message": message, "reasons": reasons}


def statements_of(text):
    try:
        statements = as_list(json.loads(text)["Statement"])
        if statements and all(one["Effect"] in ("Allow", "Deny") for one in statements):
            return statements
    except (ValueError, KeyError, TypeError):
        pass
    raise aws_error("InvalidParameterException", "The policy document is not a valid policy.")


def split(statement):
    """Returns a statement for each single grant, since different existing statements may allow them."""
    parts = [statement]
    for field in ("Action", "Resource"):
        parts = [{**one, field: part} for one in parts for part in as_list(one[field])] if field in statement else parts
    if "Principal" not in statement:
        return parts
    return [{**one, "Principal": part} for one in parts for part in principals_of(statement)]


def principals_of(statement):
    principal = statement.get("Principal", {})
    if principal == "*":
        return [{"AWS": "*"}]
    return [{kind: member} for kind, members in principal.items() for member in as_list(members)]


def is_within(parts, statements):
    return all(any(is_covered(part, statement) for statement in statements) for part in parts)


def is_covered(part, outer):
    """Reports whether a statement holds all of a part: its actions, resources, principals and conditions."""
    if outer.get("Condition", {}) not in ({}, part.get("Condition", {})):
        return False
    if "NotPrincipal" in part or "NotPrincipal" in outer:
        return part.get("NotPrincipal") == outer.get("NotPrincipal") and "Principal" not in part
    has_principals = all(
        any(covers_principal(one, principal) for one in principals_of(outer)) for principal in principals_of(part)
    )
    return has_principals and is_field_covered("Action", part, outer) and is_field_covered("Resource", part, outer)


def is_field_covered(field, part, outer):
    excepted, outer_excepted = part.get(f"Not{field}"), outer.get(f"Not{field}")
    if field not in part and excepted is None:
        return field not in outer and outer_excepted is None
    folded = str.lower if field == "Action" else str
    inner = [folded(one) for one in as_list(part.get(field, excepted))]
    others = [folded(one) for one in as_list(outer.get(field, outer_excepted if outer_excepted is not None else []))]
    if outer_excepted is None:
        inner = inner if excepted is None else ["*"]
        return all(any(covers_pattern(other, one) for other in others) for one in inner)
    if excepted is None:
        return all(not re.search(r"[*?]", one) and not any(covers_pattern(other, one) for other in others) for one in inner)
    return all(any(covers_pattern(one, other) for one in inner) for other in others)


def covers_principal(outer, inner):
    [(outer_kind, outer_text)], [(kind, text)] = outer.items(), inner.items()
    if outer_kind != kind:
        return outer == {"AWS": "*"}
    account = re.fullmatch(r"(?:arn:[\w-]+:iam::)?(\d{12})(?::root)?", outer_text)
    of_account = account and re.fullmatch(rf"(?:arn:[\w-]+:(?:iam|sts)::)?{account[1]}(?::.*)?", text)
    return outer_text == "*" or outer_text == text or bool(of_account)


def covers_pattern(outer, inner):
    """Reports whether a pattern matches all that another one matches."""
    parts = {"*": ".*", "?": "[^*]"}
    return re.fullmatch("".join(parts.get(char, re.escape(char)) for char in outer), inner) is not None
