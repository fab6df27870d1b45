"""An IAM and STS emulator: moto, with what AWS refuses and moto lets pass or lacks on top.

    python strict_iam.py --port 0 [--host 127.0.0.1] [--account 111111111111] [--exit-with-stdin]

Prints one line of JSON when it serves: {"ready": true, "url": "http://127.0.0.1:PORT"}.

moto parses requests, makes and holds the entities, validates identity policies, issues credentials and answers for
what is not listed here. The rules on top of it, each marked in the code by its name in brackets:

  [model]      lengths, ranges, patterns and required parameters, from AWS's model    400 ValidationError
  [names]      Role, User, Group, Policy, InstanceProfile: unique whatever case, path 409 EntityAlreadyExists
               a lookup is exact: another case is not found                           404 NoSuchEntity
  [twice]      OIDC, SAML, server certificate, login profile, alias of any account    409 EntityAlreadyExists
               signing certificate 409 DuplicateCertificate, SSH key 400 DuplicateSSHPublicKey
               service-linked role 400 InvalidInput
  [protected]  service-linked roles cannot be changed                                 400 UnmodifiableEntity
               AWS managed policies cannot be changed                                 403 AccessDenied
  [delete]     what is in use, or still holds something, is not deleted               409 DeleteConflict
  [quota]      documents' sizes, attachments, groups of a user, versions, tags, SSH keys,
               entities of an account, a second role in an instance profile           409 LimitExceeded
  [document]   policies that are not policies; trust in a role or user
               that the account does not have                                         400 MalformedPolicyDocument
  [principal]  a trusted role or user that is deleted shows as its unique ID from then on
  [attach]     a policy or boundary that does not exist; AWS managed policies exist   404 NoSuchEntity
  [boundary]   permissions boundaries of users and roles, shown where AWS shows them
  [tags]       tag keys are unique whatever the case; aws: is reserved                400 InvalidInput
  [oidc]       client IDs can be added and removed; a missing thumbprint is filled in
  [update]     UpdateRole keeps the field that is not sent; UpdateGroup changes a path alone
  [page]       MaxItems, Marker and IsTruncated, in a stable order
  [details]    GetAccountAuthorizationDetails: filter, pages, encoded documents, the fields that AWS shows
  [list]       ListRoles, ListUsers, ListPolicies, ListInstanceProfiles leave out tags and boundaries
  [action]     what neither moto nor this file implements                             400 InvalidAction
  [atomic]     one lock for each account: of concurrent creates one wins
  [caller]     access keys that begin with ASIAEXPIRED or AKIAEXPIRED: 403 ExpiredToken
               access keys that begin with AKIADENIED: 403 AccessDenied on IAM, STS works
               access keys that begin with AKIAAWSSERVICE: an AWS service, which may write aws: tags
               AssumeRole gives the role's account, whether or not the role exists; other keys are --account
  [request]    each reply has its own x-amzn-RequestId

For tests: GET /sandbox/journal lists every call, POST /sandbox/reset empties all accounts and the journal.
"""

import argparse
import functools
import hashlib
import itertools
import json
import os
import re
import signal
import sys
import threading
import traceback
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import choices
from urllib.parse import parse_qsl, quote, urlsplit
from xml.sax.saxutils import escape

from moto.core.exceptions import ServiceException
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores, get_service_model, utcnow
from moto.iam import models
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend, iam_backends
from moto.iam.policy_validation import BaseIAMPolicyValidator, IAMPolicyDocumentValidator
from moto.iam.responses import IamResponse
from moto.sts.models import sts_backends
from moto.sts.responses import TokenResponse
from moto.utilities.utils import get_partition

# ---------------------------------------------------------------------------------------------------------- errors

# Statuses that the model does not give.
STATUS = {"AccessDenied": 403, "ExpiredToken": 403, "MissingAuthenticationToken": 403, "ServiceFailure": 500}
for _name in get_service_model("iam").shape_names:
    _error = get_service_model("iam").shape_for(_name).metadata.get("error", {})
    if "code" in _error:
        STATUS[_error["code"]] = _error["httpStatusCode"]


def fault(code, message):
    return ServiceException(code, message)


def already_exists(message):
    return fault("EntityAlreadyExists", message)


def no_such(message):
    return fault("NoSuchEntity", message)


def conflict(message):
    return fault("DeleteConflict", f"Cannot delete entity, must {message} first.")


def limit(what, most):
    return fault("LimitExceeded", f"Cannot exceed quota for {what}: {most}")


# ------------------------------------------------------------------------------------------------------ [model]


def validate(shape, value, name, problems):
    """Lengths, ranges, patterns and required members, as the AWS service model has them."""
    shown = "***" if shape.metadata.get("sensitive") else value

    def problem(constraint):
        problems.append(f"Value '{shown}' at '{name}' failed to satisfy constraint: Member must {constraint}")

    if shape.type_name == "structure":
        for member in shape.required_members:
            if member not in value:
                field = f"{name}.{first_lower(member)}" if name else first_lower(member)
                problems.append(f"Value null at '{field}' failed to satisfy constraint: Member must not be null")
        for member, part in value.items():
            field = f"{name}.{first_lower(member)}" if name else first_lower(member)
            validate(shape.members[member], part, field, problems)
        return
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name in ("integer", "long"):
        if least is not None and value < least:
            problem(f"have value greater than or equal to {least}")
        if most is not None and value > most:
            problem(f"have value less than or equal to {most}")
    elif shape.type_name in ("string", "list"):
        if least is not None and len(value) < least:
            problem(f"have length greater than or equal to {least}")
        if most is not None and len(value) > most:
            problem(f"have length less than or equal to {most}")
    if shape.type_name == "list":
        for index, part in enumerate(value, 1):
            validate(shape.member, part, f"{name}.{index}.member", problems)
    if shape.type_name == "string":
        pattern = shape.metadata.get("pattern")
        if pattern and value and not compiled(pattern).fullmatch(value):
            problem(f"satisfy regular expression pattern: {pattern}")
        if getattr(shape, "enum", None) and value not in shape.enum:
            problem(f"satisfy enum value set: [{', '.join(shape.enum)}]")


@functools.cache
def compiled(pattern):
    # Names are ASCII in AWS; in tags \p{L}\p{Z}\p{N}, which Python lacks, are any letter, space and digit.
    if "\\p{L}" in pattern:
        return re.compile(pattern.replace("\\p{L}\\p{Z}\\p{N}", "\\w\\s"))
    return re.compile(pattern, re.ASCII)


def first_lower(text):
    return text[:1].lower() + text[1:]


# --------------------------------------------------------------------------------------------- [document], [quota]


class TrustValidator(BaseIAMPolicyValidator):
    """moto checks trust policies only in UpdateAssumeRolePolicy, and refuses Version 2008-10-17, which AWS takes."""

    def _validate_version(self):
        pass

    def validate(self):
        super().validate()
        for statement in self._statements:
            if "Resource" in statement or "NotResource" in statement:
                raise fault("MalformedPolicyDocument", "Has prohibited field Resource")
            if "Principal" not in statement and "NotPrincipal" not in statement:
                raise fault("MalformedPolicyDocument", "Missing required field Principal")
            for action in as_list(statement.get("Action", statement.get("NotAction"))):
                if not action.lower().startswith("sts:"):
                    raise fault("MalformedPolicyDocument", "AssumeRole policy may only specify STS AssumeRole actions.")


class InlineValidator(IAMPolicyDocumentValidator):
    """Managed policies need Version 2012-10-17; inline policies do not."""

    def _validate_version(self):
        pass


def check_document(validator, document):
    """AWS takes numbers in conditions as if they were strings; moto's validator does not."""
    try:
        parsed = json.loads(document)
        for statement in as_list(parsed.get("Statement", [])):
            for operator, keys in (statement.get("Condition") or {}).items():
                statement["Condition"][operator] = {key: quote_numbers(value) for key, value in keys.items()}
            if validator is not TrustValidator and ("Principal" in statement or "NotPrincipal" in statement):
                raise fault("MalformedPolicyDocument", "Policy document should not specify a principal.")
        document = json.dumps(parsed)
    except (ValueError, AttributeError, TypeError):
        raise fault("MalformedPolicyDocument", "This policy contains invalid Json") from None
    validator(document).validate()
    return parsed


def quote_numbers(value):
    if isinstance(value, list):
        return [quote_numbers(one) for one in value]
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def as_list(value):
    return value if isinstance(value, list) else [value]


def size(document):
    """White space does not count."""
    return sum(len(part) for part in document.split())


MANAGED_POLICY_SIZE = 6144
TRUST_POLICY_SIZE = 2048
INLINE_POLICIES_SIZE = {"Role": 10240, "User": 2048, "Group": 5120}
MOST_ATTACHED = 10
MOST_GROUPS_OF_USER = 10
MOST_VERSIONS = 5
MOST_TAGS = 50
MOST_SSH_KEYS = 5
MOST_CLIENT_IDS = 100
# The largest that AWS grants, so that a test can fill an account as far as it goes.
MOST_IN_ACCOUNT = {"Role": 5000, "User": 5000, "Group": 500, "Policy": 5000, "InstanceProfile": 5000}


# ---------------------------------------------------------------------------------------------------------- store

POLICY_ARN = re.compile(r"arn:[\w-]+:iam::(\d{12}|aws):policy/.+")
# How IAM's unique IDs begin; moto gives them for roles only.
ID_PREFIX = {"User": "AIDA", "Group": "AGPA", "Policy": "ANPA", "InstanceProfile": "AIPA"}
ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
NOT_FOUND = {
    "Role": "The role with name {} cannot be found.",
    "User": "The user with name {} cannot be found.",
    "Group": "The group with name {} cannot be found.",
    "InstanceProfile": "Instance Profile {} cannot be found.",
}
TAKEN = {
    "Role": "Role with name {} already exists.",
    "User": "User with name {} already exists.",
    "Group": "Group with name {} already exists.",
    "Policy": "A policy called {} already exists. Duplicate names are not allowed.",
    "InstanceProfile": "Instance Profile {} already exists.",
}

# The account of access keys that were not issued here.
DEFAULT_ACCOUNT = "111111111111"
# The account of each access key that was issued. It outlives a reset, as credentials outlive what is in an account.
ACCOUNT_OF_KEY = {}
# Who an assumed role's access key is.
SESSIONS = {}
# Keys that stand for a kind of caller. See [caller] above.
EXPIRED_KEYS = ("ASIAEXPIRED", "AKIAEXPIRED")
DENIED_KEYS = ("AKIADENIED",)
SERVICE_KEYS = ("AKIAAWSSERVICE",)


@functools.cache
def aws_managed_policies():
    """AWS's own policies by path and name. moto would parse all of them for each account and partition."""
    data = json.loads(aws_managed_policies_data)
    return {(policy.get("Path") or "/") + name: (name, policy) for name, policy in data.items()}


def refuse_aws_managed(entity):
    """[protected]"""
    if isinstance(entity, AWSManagedPolicy):
        raise fault("AccessDenied", f"Policy {entity.arn} is outside your own account.")
    return entity


class StrictBackend(IAMBackend):
    """moto's store of one account, with indexes: moto looks names up by walking through all entities."""

    def __init__(self, region_name, account_id):
        super().__init__(region_name, account_id)
        self.lock = threading.RLock()
        self.by_name = {kind: {} for kind in TAKEN}
        self.aws_policies = {}

    def _init_aws_policies(self):
        return []

    # [names] What the AWS documentation says is the uniqueness; that a lookup in another case finds nothing is our
    # choice where it is silent: the stricter one, since who relies on it fails here and not in an account.
    def find(self, kind, name):
        entity = self.by_name[kind].get(name.lower())
        if entity is None or entity.name != name:
            raise no_such(NOT_FOUND[kind].format(name))
        return entity

    def refuse_taken(self, kind, name, but=None):
        if self.by_name[kind].get(name.lower(), but) is not but:
            raise already_exists(TAKEN[kind].format(name))

    def add(self, kind, entity, tags=()):
        index = self.by_name[kind]
        if len(index) >= MOST_IN_ACCOUNT[kind]:
            plural = {"Policy": "Policies"}.get(kind, f"{kind}s")
            raise limit(f"{plural}PerAccount", MOST_IN_ACCOUNT[kind])
        if kind in ID_PREFIX:
            entity.id = ID_PREFIX[kind] + "".join(choices(ID_ALPHABET, k=17))
        entity.strict_tags = list(tags)
        index[entity.name.lower()] = entity
        return entity

    def forget(self, kind, entity):
        del self.by_name[kind][entity.name.lower()]

    def rename(self, kind, entity, name):
        self.refuse_taken(kind, name, but=entity)
        self.forget(kind, entity)
        entity.name = name
        self.by_name[kind][name.lower()] = entity

    # What moto's own responses call.

    def get_role(self, role_name):
        return self.find("Role", role_name)

    def get_role_by_arn(self, arn):
        role = self.by_name["Role"].get(arn.rsplit("/", 1)[-1].lower())
        if role is None or role.arn != arn:
            raise no_such(f"The role with ARN {arn} cannot be found.")
        return role

    def get_user(self, name):
        return self.find("User", name)

    def get_group(self, group_name):
        return self.find("Group", group_name)

    def get_instance_profile(self, profile_name):
        return self.find("InstanceProfile", profile_name)

    def get_policy(self, policy_arn):
        policy = self.managed_policies.get(policy_arn) or self.aws_policies.get(policy_arn)
        if policy is None:
            prefix = f"arn:{self.partition}:iam::aws:policy"
            name, data = aws_managed_policies().get(policy_arn.removeprefix(prefix), (None, None))
            if name is None or not policy_arn.startswith(prefix):
                raise no_such(f"Policy {policy_arn} was not found.")
            policy = AWSManagedPolicy.from_data(name, self.account_id, self.region_name, data)
            policy.strict_tags = []
            self.aws_policies[policy_arn] = policy
        return policy

    def own_policy(self, policy_arn):
        return refuse_aws_managed(self.get_policy(policy_arn))

    def attachable_policy(self, policy_arn):
        """[attach]"""
        if not POLICY_ARN.fullmatch(policy_arn):
            raise fault("InvalidInput", f"ARN {policy_arn} is not valid.")
        try:
            return self.get_policy(policy_arn)
        except ServiceException:
            raise no_such(f"Policy {policy_arn} does not exist or is not attachable.") from None

    def create_access_key(self, user_name, prefix="AKIA", status="Active"):
        key = super().create_access_key(user_name, prefix, status)
        ACCOUNT_OF_KEY[key.access_key_id] = self.account_id
        return key

    def create_temp_access_key(self):
        key = super().create_temp_access_key()
        ACCOUNT_OF_KEY[key.access_key_id] = self.account_id
        return key

    # [principal] A document names the entity and not the name: whoever gets the name later is not trusted.
    def forget_principal(self, entity):
        for role in self.roles.values():
            if entity.arn in role.assume_role_policy_document:
                role.assume_role_policy_document = role.assume_role_policy_document.replace(
                    f'"{entity.arn}"', f'"{entity.id}"'
                )

    def check_trust(self, document):
        parsed = check_document(TrustValidator, document)
        if size(document) > TRUST_POLICY_SIZE:
            raise limit("ACLSizePerRole", TRUST_POLICY_SIZE)
        for statement in as_list(parsed["Statement"]):
            principal = statement.get("Principal", statement.get("NotPrincipal"))
            if principal == "*":
                continue
            if not isinstance(principal, dict):
                raise fault("MalformedPolicyDocument", f'Invalid principal in policy: "{principal}"')
            for kind, values in principal.items():
                for value in as_list(values):
                    if not self.is_principal(kind, value):
                        shown = kind.upper()
                        raise fault("MalformedPolicyDocument", f'Invalid principal in policy: "{shown}":"{value}"')

    def is_principal(self, kind, value):
        if not isinstance(value, str):
            return False
        if kind == "Service":
            return re.fullmatch(r"[\w.-]+\.[\w.-]+", value) is not None
        if kind in ("Federated", "CanonicalUser"):
            return value != ""
        if kind != "AWS":
            return False
        if value == "*" or re.fullmatch(r"\d{12}", value):
            return True
        if re.fullmatch(r"(AROA|AIDA)[A-Z0-9]{16,}", value):
            return any(one.id == value for index in ("Role", "User") for one in self.by_name[index].values())
        arn = re.fullmatch(r"arn:([\w-]+):(iam|sts)::(\d{12}):([^/]+)(?:/(.+))?", value)
        if arn is None:
            return False
        partition, service, account, what, name = arn.groups()
        if partition != self.partition:
            return False
        # Another account's principals are AWS's to check.
        if account != self.account_id or (service, what) == ("iam", "root"):
            return (service, what) in PRINCIPALS
        if (service, what) == ("sts", "assumed-role"):
            return (name or "").split("/")[0].lower() in self.by_name["Role"]
        if (service, what) == ("sts", "federated-user"):
            return True
        index = self.by_name.get({"role": "Role", "user": "User"}.get(what), {})
        entity = index.get((name or "").rsplit("/", 1)[-1].lower())
        return entity is not None and entity.arn == value


PRINCIPALS = {("iam", "root"), ("iam", "role"), ("iam", "user"), ("sts", "assumed-role"), ("sts", "federated-user")}

iam_backends.backend = StrictBackend

# ---------------------------------------------------------------------------------------------------- what is shown


@functools.lru_cache(maxsize=20_000)
def encoded(document):
    """URL-encoded by RFC 3986, as AWS gives documents."""
    return quote(document, safe="")


def boundary(entity):
    arn = getattr(entity, "permissions_boundary_arn", None)
    return arn and {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}


def role_brief(role):
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.create_date,
        "AssumeRolePolicyDocument": encoded(role.assume_role_policy_document),
    }


def role_listed(role):
    """[list]"""
    return {**role_brief(role), "Description": role.description, "MaxSessionDuration": int(role.max_session_duration)}


def role_full(role):
    return {
        **role_listed(role),
        "PermissionsBoundary": boundary(role),
        "Tags": role.strict_tags or None,
        "RoleLastUsed": {"LastUsedDate": role.last_used, "Region": role.last_used and "us-east-1"},
    }


def user_listed(user):
    """[list]"""
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": user.create_date,
    }


def user_full(user):
    return {**user_listed(user), "PermissionsBoundary": boundary(user), "Tags": user.strict_tags or None}


def group_view(group):
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": group.arn,
        "CreateDate": group.create_date,
    }


def policy_listed(policy):
    """[list]"""
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default_version_id,
        "AttachmentCount": policy.attachment_count,
        "PermissionsBoundaryUsageCount": getattr(policy, "boundary_count", 0),
        "IsAttachable": True,
        "CreateDate": policy.create_date,
        "UpdateDate": policy.update_date,
    }


def policy_full(policy):
    return {**policy_listed(policy), "Description": policy.description or None, "Tags": policy.strict_tags or None}


def version_listed(version):
    return {
        "VersionId": version.version_id,
        "IsDefaultVersion": version.is_default,
        "CreateDate": version.create_date,
    }


def version_full(version):
    return {"Document": encoded(version.document), **version_listed(version)}


def profile_listed(profile):
    """[list]"""
    return {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": profile.create_date,
        "Roles": [role_brief(role) for role in profile.roles],
    }


def profile_full(profile):
    return {**profile_listed(profile), "Tags": profile.strict_tags or None}


def inline_view(entity):
    return [{"PolicyName": name, "PolicyDocument": encoded(text)} for name, text in sorted(entity.policies.items())]


def attached_view(policies):
    return [{"PolicyName": policy.name, "PolicyArn": policy.arn} for policy in policies]


# [details] AWS leaves out a role's Description and MaxSessionDuration and a policy's tags.


def user_detail(user):
    return {
        **user_full(user),
        "UserPolicyList": inline_view(user),
        "GroupList": sorted(group.name for group in user.member_of),
        "AttachedManagedPolicies": attached_view(user.managed_policies.values()),
    }


def group_detail(group):
    return {
        **group_view(group),
        "GroupPolicyList": inline_view(group),
        "AttachedManagedPolicies": attached_view(group.managed_policies.values()),
    }


def role_detail(role):
    return {
        **role_brief(role),
        "InstanceProfileList": [profile_listed(profile) for profile in role.in_profiles],
        "RolePolicyList": inline_view(role),
        "AttachedManagedPolicies": attached_view(role.managed_policies.values()),
        "PermissionsBoundary": boundary(role),
        "Tags": role.strict_tags,
        "RoleLastUsed": {},
    }


def policy_detail(policy):
    return {
        **policy_listed(policy),
        "Description": policy.description or None,
        "PolicyVersionList": [version_full(version) for version in reversed(policy.versions)],
    }


def certificate_metadata(certificate):
    return {
        "ServerCertificateName": certificate.cert_name,
        "Path": certificate.path,
        "Arn": certificate.arn,
        "UploadDate": certificate.upload_date,
        "ServerCertificateId": certificate.certificate_id,
        "Expiration": certificate.upload_date.replace(year=certificate.upload_date.year + 10, day=1),
    }


def xml(value):
    if isinstance(value, str):
        return escape(value, {"\r": "&#xD;"})
    if isinstance(value, dict):
        return "".join([f"<{key}>{xml(part)}</{key}>" for key, part in value.items() if part is not None])
    if isinstance(value, list):
        return "".join([f"<member>{xml(part)}</member>" for part in value])
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


# ------------------------------------------------------------------------------------------------------- requests


class Strict:
    """What both services share: a request without moto's web framework, which is most of moto's time."""

    def prepare(self, service, form, authorization, access_key, account):
        self.automated_parameter_parsing = True
        self.allow_request_decompression = False
        self.headers = {"Authorization": authorization}
        self.querystring = self.data = {key: [value] for key, value in form.items()}
        self.uri_match, self.response_headers, self.body = {}, {}, ""
        credential = re.search(r"Credential=[^/]+/[^/]+/([^/]+)/", authorization)
        self.region = credential.group(1) if credential else "us-east-1"
        self.partition = get_partition(self.region)
        self.access_key, self.current_account = access_key, account
        operation = get_service_model(service).operation_model(form["Action"])
        parser = PROTOCOL_PARSERS["query"](operation, map_type=dict)
        self.params = parser.parse({"values": form}) or {}
        problems = []
        if operation.input_shape is not None:
            validate(operation.input_shape, self.params, "", problems)
        if problems:
            many = "s" if len(problems) > 1 else ""
            raise fault("ValidationError", f"{len(problems)} validation error{many} detected: {'; '.join(problems)}")

    def get_access_key(self):
        return self.access_key

    def get_current_account(self):
        return self.current_account

    def answer(self, namespace, request_id):
        action = self._get_action()
        result = self.method(action)()
        if isinstance(result, ActionResult):
            _, _, body = self.serialized(result)
            text = body if isinstance(body, str) else body.decode()
            return re.sub(r"(?<=<RequestId>)[^<]*(?=</RequestId>)", request_id, text)
        return (
            f'<{action}Response xmlns="{namespace}"><{action}Result>{xml(result or {})}</{action}Result>'
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
        )

    @classmethod
    def implements(cls, action):
        return action in cls.GENERIC or callable(getattr(cls, camelcase_to_underscores(action), None))

    def method(self, action):
        if action in self.GENERIC:
            return functools.partial(self.GENERIC[action], self)
        return getattr(self, camelcase_to_underscores(action))

    GENERIC = {}


class StrictSts(Strict, TokenResponse):
    def assume_role(self):
        result = super().assume_role()
        role = result.result["Credentials"]
        SESSIONS[role.access_key_id] = {"UserId": role.user_id, "Account": role.account_id, "Arn": role.arn}
        return result

    def get_caller_identity(self):
        if self.access_key in SESSIONS:
            return SESSIONS[self.access_key]
        backend = iam_backends[self.current_account][self.partition]
        user = backend.get_user_from_access_key_id(self.access_key)
        arn = user.arn if user else f"arn:{self.partition}:iam::{self.current_account}:user/sandbox"
        return {"UserId": user.id if user else "AIDASANDBOX", "Account": self.current_account, "Arn": arn}


class StrictIam(Strict, IamResponse):
    """The actions that differ from moto's. All run under the account's lock [atomic]."""

    def holder(self, kind, write=False):
        entity = self.backend.find(kind, self.params[f"{kind}Name"])
        # [protected]
        if write and getattr(entity, "_linked_service", None):
            raise fault(
                "UnmodifiableEntity",
                f"Cannot perform the operation on the protected role '{entity.name}' - "
                "this role is only modifiable by AWS",
            )
        return entity

    # [page] The marker names the last entity that was shown, so that what is made or deleted between two pages
    # neither hides nor repeats another one.
    def page(self, items, key):
        ordered = sorted(items, key=key)
        start = 0
        if marker := self.params.get("Marker"):
            try:
                start = bisect_right(ordered, tuple(json.loads(urlsafe_b64decode(marker))), key=key)
            except (ValueError, TypeError):
                raise fault("ValidationError", "Invalid Marker.") from None
        part = ordered[start : start + (self.params.get("MaxItems") or 100)]
        if start + len(part) == len(ordered):
            return part, {"IsTruncated": False}
        marker = urlsafe_b64encode(json.dumps(key(part[-1])).encode()).decode()
        return part, {"IsTruncated": True, "Marker": marker}

    def listed(self, member, items, view, key=lambda item: (item.name,)):
        prefix = self.params.get("PathPrefix")
        if prefix:
            items = [item for item in items if item.path.startswith(prefix)]
        part, rest = self.page(items, key)
        return {member: [view(item) for item in part], **rest}

    # [tags]

    def new_tags(self):
        return self.merged_tags([], self.params.get("Tags") or [])

    def merged_tags(self, tags, more):
        keys = [tag["Key"].lower() for tag in more]
        if len(set(keys)) < len(keys):
            raise fault("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        self.refuse_reserved(keys)
        merged = {tag["Key"].lower(): tag for tag in tags}
        merged.update({tag["Key"].lower(): {"Key": tag["Key"], "Value": tag["Value"]} for tag in more})
        if len(merged) > MOST_TAGS:
            raise fault("LimitExceeded", f"The number of tags has reached the maximum limit of {MOST_TAGS}.")
        return list(merged.values())

    def refuse_reserved(self, keys):
        if any(key.startswith("aws:") for key in keys) and not self.access_key.startswith(SERVICE_KEYS):
            raise fault("InvalidInput", "aws: prefixed tag key names are not allowed for external use.")

    def taggable(self, kind):
        parameter, find = TAGGABLE[kind]
        entity = find(self.backend, self.params[parameter])
        if not hasattr(entity, "strict_tags"):
            entity.strict_tags = []
        return entity

    def tag(self, kind):
        entity = refuse_aws_managed(self.taggable(kind))
        entity.strict_tags = self.merged_tags(entity.strict_tags, self.params["Tags"])

    def untag(self, kind):
        entity = refuse_aws_managed(self.taggable(kind))
        keys = {key.lower() for key in self.params["TagKeys"]}
        self.refuse_reserved(keys)
        entity.strict_tags = [tag for tag in entity.strict_tags if tag["Key"].lower() not in keys]

    def list_tags(self, kind):
        part, rest = self.page(self.taggable(kind).strict_tags, key=lambda tag: (tag["Key"],))
        return {"Tags": part, **rest}

    # Inline policies of roles, users and groups

    def put_inline(self, kind):
        entity = self.holder(kind, write=True)
        name, document = self.params["PolicyName"], self.params["PolicyDocument"]
        check_document(InlineValidator, document)
        # [quota] All inline policies of an entity together.
        total = size(document) + sum(size(text) for other, text in entity.policies.items() if other != name)
        if total > INLINE_POLICIES_SIZE[kind]:
            raise fault(
                "LimitExceeded",
                f"Maximum policy size of {INLINE_POLICIES_SIZE[kind]} bytes exceeded for {kind.lower()} {entity.name}",
            )
        entity.policies[name] = document

    def inline(self, kind, write=False):
        entity, name = self.holder(kind, write), self.params["PolicyName"]
        if name not in entity.policies:
            raise no_such(f"The {kind.lower()} policy with name {name} cannot be found.")
        return entity, name

    def get_inline(self, kind):
        entity, name = self.inline(kind)
        return {f"{kind}Name": entity.name, "PolicyName": name, "PolicyDocument": encoded(entity.policies[name])}

    def delete_inline(self, kind):
        entity, name = self.inline(kind, write=True)
        del entity.policies[name]

    def list_inline(self, kind):
        part, rest = self.page(self.holder(kind).policies, key=lambda name: (name,))
        return {"PolicyNames": part, **rest}

    # [attach] Managed policies of roles, users and groups

    def attach(self, kind):
        entity = self.holder(kind, write=True)
        policy = self.backend.attachable_policy(self.params["PolicyArn"])
        if policy.arn in entity.managed_policies:
            return
        if len(entity.managed_policies) >= MOST_ATTACHED:
            raise limit(f"PoliciesPer{kind}", MOST_ATTACHED)
        policy.attach_to(entity)

    def detach(self, kind):
        entity, arn = self.holder(kind, write=True), self.params["PolicyArn"]
        if arn not in entity.managed_policies:
            raise no_such(f"Policy {arn} was not found.")
        entity.managed_policies[arn].detach_from(entity)

    def list_attached(self, kind):
        prefix = self.params.get("PathPrefix") or "/"
        policies = [one for one in self.holder(kind).managed_policies.values() if one.path.startswith(prefix)]
        part, rest = self.page(policies, key=lambda policy: (policy.name, policy.arn))
        return {"AttachedPolicies": attached_view(part), **rest}

    # [boundary] Of roles and users

    def set_boundary(self, entity, arn):
        policy = self.backend.attachable_policy(arn) if arn else None
        if old := getattr(entity, "permissions_boundary_arn", None):
            self.backend.get_policy(old).boundary_count -= 1
        if policy:
            policy.boundary_count = getattr(policy, "boundary_count", 0) + 1
        entity.permissions_boundary_arn = arn

    def put_boundary(self, kind):
        self.set_boundary(self.holder(kind, write=True), self.params["PermissionsBoundary"])

    def delete_boundary(self, kind):
        self.set_boundary(self.holder(kind, write=True), None)

    # Roles

    def create_role(self):
        p, backend = self.params, self.backend
        name, document, arn = p["RoleName"], p["AssumeRolePolicyDocument"], p.get("PermissionsBoundary")
        backend.refuse_taken("Role", name)
        tags = self.new_tags()
        backend.check_trust(document)
        if arn:
            backend.attachable_policy(arn)
        role = models.Role(
            account_id=backend.account_id,
            partition=self.partition,
            role_id=models.random_role_id(backend.account_id),
            name=name,
            assume_role_policy_document=document,
            path=p.get("Path"),
            permissions_boundary=None,
            description=p.get("Description"),
            tags=[],
            max_session_duration=p.get("MaxSessionDuration", 3600),
        )
        self.add_role(role, tags)
        self.set_boundary(role, arn)
        return {"Role": role_full(role)}

    def add_role(self, role, tags):
        role.in_profiles = []
        self.backend.roles[self.backend.add("Role", role, tags).id] = role

    def get_role(self):
        return {"Role": role_full(self.holder("Role"))}

    def list_roles(self):
        return self.listed("Roles", self.backend.roles.values(), role_listed)

    def update_role(self):
        """[update]"""
        role = self.holder("Role", write=True)
        role.description = self.params.get("Description", role.description)
        role.max_session_duration = self.params.get("MaxSessionDuration", role.max_session_duration)

    def update_role_description(self):
        role = self.holder("Role")
        role.description = self.params["Description"]
        return {"Role": role_full(role)}

    def update_assume_role_policy(self):
        role = self.holder("Role", write=True)
        self.backend.check_trust(self.params["PolicyDocument"])
        role.assume_role_policy_document = self.params["PolicyDocument"]

    def delete_role(self):
        """[delete]"""
        role = self.holder("Role", write=True)
        if role.in_profiles:
            raise conflict("remove roles from instance profile")
        if role.managed_policies:
            raise conflict("detach all policies")
        if role.policies:
            raise conflict("delete policies")
        self.remove_role(role)

    def remove_role(self, role):
        self.set_boundary(role, None)
        del self.backend.roles[role.id]
        self.backend.forget("Role", role)
        self.backend.forget_principal(role)

    def create_service_linked_role(self):
        """[twice]"""
        service, suffix = self.params["AWSServiceName"], self.params.get("CustomSuffix")
        if service.count(".") < 2:
            raise fault("InvalidInput", f"Invalid service name: {service}")
        role = service_linked_role(self.backend, service, self.params.get("Description"), suffix)
        if role.name.lower() in self.backend.by_name["Role"]:
            raise fault(
                "InvalidInput",
                f"Service role name {role.name} has been taken in this account, please try a different suffix.",
            )
        self.add_role(role, [])
        return {"Role": role_full(role)}

    def delete_service_linked_role(self):
        role = self.holder("Role")
        if not role._linked_service:
            raise fault("InvalidInput", f"The role {role.name} is not a service-linked role.")
        self.remove_role(role)
        return {"DeletionTaskId": f"task{role.path}{role.name}/{uuid.uuid4()}"}

    # Users

    def create_user(self):
        p, backend = self.params, self.backend
        backend.refuse_taken("User", p["UserName"])
        tags, arn = self.new_tags(), p.get("PermissionsBoundary")
        if arn:
            backend.attachable_policy(arn)
        user = models.User(backend.account_id, self.region, p["UserName"], p.get("Path"))
        user.member_of = []
        backend.users[backend.add("User", user, tags).name] = user
        self.set_boundary(user, arn)
        return {"User": user_full(user)}

    def get_user(self):
        if "UserName" in self.params:
            return {"User": user_full(self.holder("User"))}
        user = self.backend.get_user_from_access_key_id(self.access_key)
        if user is None:
            raise fault("ValidationError", "Must specify userName when calling with non-User credentials")
        return {"User": user_full(user)}

    def list_users(self):
        return self.listed("Users", self.backend.users.values(), user_listed)

    def update_user(self):
        user, name = self.holder("User"), self.params.get("NewUserName")
        if name:
            old = user.name
            self.backend.rename("User", user, name)
            self.backend.users[name] = self.backend.users.pop(old)
            for held in [*user.access_keys, *user.ssh_public_keys, *user.signing_certificates.values()]:
                held.user_name = name
        user.path = self.params.get("NewPath", user.path)

    def delete_user(self):
        """[delete]"""
        user = self.holder("User")
        for held, message in (
            (user.member_of, "remove users from group"),
            (user.managed_policies, "detach all policies"),
            (user.policies, "delete policies"),
            (user.access_keys, "delete access keys"),
            (user.password, "delete login profile"),
            (user.mfa_devices, "delete MFA device"),
            (user.signing_certificates, "delete signing certificates"),
            (user.ssh_public_keys, "delete SSH public keys"),
        ):
            if held:
                raise conflict(message)
        self.set_boundary(user, None)
        del self.backend.users[user.name]
        self.backend.forget("User", user)
        self.backend.forget_principal(user)

    def create_login_profile(self):
        """[twice]"""
        user = self.holder("User")
        if user.password:
            raise already_exists(f"Login Profile for user {user.name} already exists.")
        user.password = self.params["Password"]
        user.password_reset_required = self.params.get("PasswordResetRequired", False)
        user.login_created = utcnow()
        return self.get_login_profile()

    def get_login_profile(self):
        user = self.holder("User")
        if not user.password:
            raise no_such(f"Login Profile for User {user.name} cannot be found.")
        shown = {"UserName": user.name, "CreateDate": user.login_created}
        return {"LoginProfile": {**shown, "PasswordResetRequired": user.password_reset_required}}

    def update_login_profile(self):
        user = self.holder("User")
        self.get_login_profile()
        user.password = self.params.get("Password", user.password)
        user.password_reset_required = self.params.get("PasswordResetRequired", user.password_reset_required)

    def upload_signing_certificate(self):
        """[twice]"""
        body = self.params["CertificateBody"].strip()
        for user in self.backend.users.values():
            if any(one.body.strip() == body for one in user.signing_certificates.values()):
                raise fault("DuplicateCertificate", "Certificate already exists in this account.")
        return super().upload_signing_certificate()

    def upload_ssh_public_key(self):
        """[twice], [quota]"""
        user, body = self.holder("User"), self.params["SSHPublicKeyBody"].strip()
        if any(key.ssh_public_key_body.strip() == body for key in user.ssh_public_keys):
            raise fault("DuplicateSSHPublicKey", "The SSH public key is already associated with this user.")
        if len(user.ssh_public_keys) >= MOST_SSH_KEYS:
            raise limit("SSHPublicKeysPerUser", MOST_SSH_KEYS)
        return super().upload_ssh_public_key()

    # Groups

    def create_group(self):
        backend, name = self.backend, self.params["GroupName"]
        backend.refuse_taken("Group", name)
        group = models.Group(backend.account_id, self.region, name, self.params.get("Path", "/"))
        backend.groups[backend.add("Group", group).name] = group
        return {"Group": group_view(group)}

    def get_group(self):
        group = self.holder("Group")
        return {"Group": group_view(group), **self.listed("Users", group.users, user_listed)}

    def list_groups(self):
        return self.listed("Groups", self.backend.groups.values(), group_view)

    def list_groups_for_user(self):
        return self.listed("Groups", self.holder("User").member_of, group_view)

    def update_group(self):
        """[update]"""
        group, name = self.holder("Group"), self.params.get("NewGroupName")
        if name:
            old = group.name
            self.backend.rename("Group", group, name)
            self.backend.groups[name] = self.backend.groups.pop(old)
        group.path = self.params.get("NewPath", group.path)

    def delete_group(self):
        """[delete]"""
        group = self.holder("Group")
        if group.users:
            raise conflict("remove users from group")
        if group.managed_policies:
            raise conflict("detach all policies")
        if group.policies:
            raise conflict("delete policies")
        del self.backend.groups[group.name]
        self.backend.forget("Group", group)

    def add_user_to_group(self):
        group, user = self.holder("Group"), self.holder("User")
        if group in user.member_of:
            return
        if len(user.member_of) >= MOST_GROUPS_OF_USER:
            raise limit("GroupsPerUser", MOST_GROUPS_OF_USER)
        group.users.append(user)
        user.member_of.append(group)

    def remove_user_from_group(self):
        group, user = self.holder("Group"), self.holder("User")
        if group not in user.member_of:
            raise no_such(f"The user with name {user.name} is not a member of the group {group.name}.")
        group.users.remove(user)
        user.member_of.remove(group)

    # Managed policies

    def create_policy(self):
        p, backend = self.params, self.backend
        name, document = p["PolicyName"], p["PolicyDocument"]
        backend.refuse_taken("Policy", name)
        tags = self.new_tags()
        self.check_managed(document)
        policy = models.ManagedPolicy(
            name,
            account_id=backend.account_id,
            region=self.region,
            description=p.get("Description"),
            document=document,
            path=p.get("Path"),
        )
        policy.boundary_count = 0
        backend.managed_policies[backend.add("Policy", policy, tags).arn] = policy
        return {"Policy": {**policy_listed(policy), "Tags": tags or None}}

    def check_managed(self, document):
        check_document(IAMPolicyDocumentValidator, document)
        if size(document) > MANAGED_POLICY_SIZE:
            raise limit("PolicySize", MANAGED_POLICY_SIZE)

    def get_policy(self):
        return {"Policy": policy_full(self.backend.get_policy(self.params["PolicyArn"]))}

    def list_policies(self):
        backend, scope = self.backend, self.params.get("Scope", "All")
        policies = [] if scope == "AWS" else list(backend.managed_policies.values())
        if scope != "Local":
            for suffix in aws_managed_policies():
                policies.append(backend.get_policy(f"arn:{self.partition}:iam::aws:policy{suffix}"))
        if self.params.get("OnlyAttached"):
            policies = [policy for policy in policies if policy.attachment_count > 0]
        if self.params.get("PolicyUsageFilter") == "PermissionsBoundary":
            policies = [policy for policy in policies if getattr(policy, "boundary_count", 0) > 0]
        return self.listed("Policies", policies, policy_listed, key=lambda policy: (policy.name, policy.arn))

    def list_entities_for_policy(self):
        policy = self.backend.get_policy(self.params["PolicyArn"])
        usage, wanted = self.params.get("PolicyUsageFilter"), self.params.get("EntityFilter")
        prefix = self.params.get("PathPrefix") or "/"
        found = []
        for rank, kind in enumerate(("Group", "Role", "User")):
            if wanted in (None, kind):
                for entity in self.backend.by_name[kind].values():
                    attached = usage != "PermissionsBoundary" and policy.arn in entity.managed_policies
                    arn = getattr(entity, "permissions_boundary_arn", None)
                    bounds = usage != "PermissionsPolicy" and arn == policy.arn
                    if (attached or bounds) and entity.path.startswith(prefix):
                        found.append((rank, entity.name, kind, entity.id))
        part, rest = self.page(found, key=lambda one: one[:2])
        shown = {f"Policy{kind}s": [] for kind in ("Group", "User", "Role")}
        for _, name, kind, unique in part:
            shown[f"Policy{kind}s"].append({f"{kind}Name": name, f"{kind}Id": unique})
        return {**shown, **rest}

    def delete_policy(self):
        """[delete]"""
        policy = self.backend.own_policy(self.params["PolicyArn"])
        if policy.attachment_count or policy.boundary_count:
            raise fault("DeleteConflict", "Cannot delete a policy attached to entities.")
        if len(policy.versions) > 1:
            raise fault(
                "DeleteConflict",
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy.",
            )
        del self.backend.managed_policies[policy.arn]
        self.backend.forget("Policy", policy)

    def create_policy_version(self):
        policy = self.backend.own_policy(self.params["PolicyArn"])
        self.check_managed(self.params["PolicyDocument"])
        default = self.params.get("SetAsDefault", False)
        version = self.backend.create_policy_version(policy.arn, self.params["PolicyDocument"], default)
        policy.update_date = utcnow()
        return {"PolicyVersion": version_listed(version)}

    def get_policy_version(self):
        version = self.backend.get_policy_version(self.params["PolicyArn"], self.params["VersionId"])
        return {"PolicyVersion": version_full(version)}

    def list_policy_versions(self):
        versions = self.backend.get_policy(self.params["PolicyArn"]).versions
        # The newest first.
        part, rest = self.page(versions, key=lambda version: (-int(version.version_id[1:]),))
        return {"Versions": [version_listed(version) for version in part], **rest}

    def delete_policy_version(self):
        self.backend.own_policy(self.params["PolicyArn"])
        return super().delete_policy_version()

    def set_default_policy_version(self):
        """[update] What is the default already stays it; moto would leave the policy without one."""
        policy = self.backend.own_policy(self.params["PolicyArn"])
        if self.params["VersionId"] == policy.default_version_id:
            return None
        policy.update_date = utcnow()
        return super().set_default_policy_version()

    # Instance profiles

    def create_instance_profile(self):
        backend, name = self.backend, self.params["InstanceProfileName"]
        backend.refuse_taken("InstanceProfile", name)
        tags = self.new_tags()
        profile = models.InstanceProfile(backend.account_id, self.region, "", name, self.params.get("Path"), [])
        backend.instance_profiles[backend.add("InstanceProfile", profile, tags).name] = profile
        return {"InstanceProfile": profile_full(profile)}

    def get_instance_profile(self):
        return {"InstanceProfile": profile_full(self.holder("InstanceProfile"))}

    def list_instance_profiles(self):
        return self.listed("InstanceProfiles", self.backend.instance_profiles.values(), profile_listed)

    def list_instance_profiles_for_role(self):
        return self.listed("InstanceProfiles", self.holder("Role").in_profiles, profile_listed)

    def add_role_to_instance_profile(self):
        profile, role = self.holder("InstanceProfile"), self.holder("Role")
        # [quota] The same role a second time, too.
        if profile.roles:
            raise limit("InstanceSessionsPerInstanceProfile", 1)
        profile.roles.append(role)
        role.in_profiles.append(profile)

    def remove_role_from_instance_profile(self):
        profile, role = self.holder("InstanceProfile"), self.holder("Role")
        if role not in profile.roles:
            raise no_such(f"The role with name {role.name} is not in the instance profile {profile.name}.")
        profile.roles.remove(role)
        role.in_profiles.remove(profile)

    def delete_instance_profile(self):
        """[delete]"""
        profile = self.holder("InstanceProfile")
        if profile.roles:
            raise conflict("remove roles from instance profile")
        del self.backend.instance_profiles[profile.name]
        self.backend.forget("InstanceProfile", profile)

    # [oidc]

    def create_open_id_connect_provider(self):
        p, backend = self.params, self.backend
        url = urlsplit(p["Url"])
        if url.scheme != "https" or not url.netloc or url.query or url.fragment:
            raise fault("ValidationError", "Invalid Open ID Connect Provider URL")
        # Hosts have no case; paths do. That a slash at the end makes no second provider is our reading.
        host = url.netloc.lower() + url.path.rstrip("/")
        arn = f"arn:{self.partition}:iam::{backend.account_id}:oidc-provider/{host}"
        if arn in backend.open_id_providers:
            raise already_exists(f"Provider with url https://{host} already exists.")
        tags, thumbprints = self.new_tags(), p.get("ThumbprintList")
        # AWS asks the provider for its certificate and stores what it finds.
        thumbprints = thumbprints or [hashlib.sha1(host.encode()).hexdigest()]
        clients = list(dict.fromkeys(p.get("ClientIDList") or []))
        provider = models.OpenIDConnectProvider(
            backend.account_id, self.region, f"https://{host}", thumbprints, clients, {}
        )
        provider.strict_tags = tags
        backend.open_id_providers[arn] = provider
        return {"OpenIDConnectProviderArn": arn, "Tags": tags or None}

    def provider(self):
        return self.backend.get_open_id_connect_provider(self.params["OpenIDConnectProviderArn"])

    def get_open_id_connect_provider(self):
        provider = self.provider()
        return {
            "Url": provider.url,
            "CreateDate": provider.create_date,
            "ThumbprintList": provider.thumbprint_list,
            "ClientIDList": provider.client_id_list,
            "Tags": provider.strict_tags,
        }

    def add_client_id_to_open_id_connect_provider(self):
        provider, client = self.provider(), self.params["ClientID"]
        if client in provider.client_id_list:
            return
        if len(provider.client_id_list) >= MOST_CLIENT_IDS:
            raise limit("ClientIdsPerOpenIdConnectProvider", MOST_CLIENT_IDS)
        provider.client_id_list.append(client)

    def remove_client_id_from_open_id_connect_provider(self):
        clients = self.provider().client_id_list
        if self.params["ClientID"] in clients:
            clients.remove(self.params["ClientID"])

    def update_open_id_connect_provider_thumbprint(self):
        thumbprints = self.params["ThumbprintList"]
        if len(thumbprints) > 5:
            raise fault("InvalidInput", "Thumbprint list must contain fewer than 5 entries.")
        self.provider().thumbprint_list = thumbprints

    # SAML providers

    def create_saml_provider(self):
        """[twice]"""
        name = self.params["Name"]
        if name in self.backend.saml_providers:
            raise already_exists(f"SAML Provider with name {name} already exists.")
        tags = self.new_tags()
        provider = self.backend.create_saml_provider(name, self.params["SAMLMetadataDocument"])
        provider.strict_tags = tags
        return {"SAMLProviderArn": provider.arn, "Tags": tags or None}

    def get_saml_provider(self):
        provider = self.backend.get_saml_provider(self.params["SAMLProviderArn"])
        return {
            "SAMLMetadataDocument": provider.saml_metadata_document,
            "CreateDate": provider.create_date,
            "ValidUntil": provider.valid_until,
            "Tags": provider.strict_tags,
        }

    def delete_saml_provider(self):
        self.get_saml_provider()
        return super().delete_saml_provider()

    # Server certificates

    def certificate(self):
        return self.backend.get_server_certificate(self.params["ServerCertificateName"])

    def refuse_certificate(self, name):
        """[twice]"""
        if any(one.cert_name.lower() == name.lower() for one in self.backend.certificates.values()):
            raise already_exists(f"The Server Certificate with name {name} already exists.")

    def upload_server_certificate(self):
        p = self.params
        self.refuse_certificate(p["ServerCertificateName"])
        tags = self.new_tags()
        certificate = self.backend.upload_server_certificate(
            p["ServerCertificateName"], p["CertificateBody"], p["PrivateKey"], p.get("CertificateChain"), p.get("Path")
        )
        certificate.upload_date = utcnow()
        certificate.certificate_id = "ASCA" + "".join(choices(ID_ALPHABET, k=17))
        certificate.strict_tags = tags
        return {"ServerCertificateMetadata": certificate_metadata(certificate), "Tags": tags or None}

    def get_server_certificate(self):
        certificate = self.certificate()
        return {
            "ServerCertificate": {
                "ServerCertificateMetadata": certificate_metadata(certificate),
                "CertificateBody": certificate.cert_body,
                "CertificateChain": certificate.cert_chain,
                "Tags": certificate.strict_tags or None,
            }
        }

    def list_server_certificates(self):
        certificates = self.backend.certificates.values()
        member = "ServerCertificateMetadataList"
        return self.listed(member, certificates, certificate_metadata, key=lambda one: (one.cert_name,))

    def update_server_certificate(self):
        certificate, name = self.certificate(), self.params.get("NewServerCertificateName")
        if name and name.lower() != certificate.cert_name.lower():
            self.refuse_certificate(name)
        certificate.cert_name = name or certificate.cert_name
        certificate.path = self.params.get("NewPath", certificate.path)

    # The account

    def create_account_alias(self):
        """[twice] Another alias of the own account is replaced, one that anybody has is refused."""
        alias = self.params["AccountAlias"]
        for account in list(iam_backends.values()):
            if any(alias in backend.account_aliases for backend in list(account.values())):
                raise already_exists(f"The account alias {alias} already exists.")
        self.backend.account_aliases = [alias]

    def delete_account_alias(self):
        if self.params["AccountAlias"] not in self.backend.account_aliases:
            raise no_such(f"The account alias {self.params['AccountAlias']} cannot be found.")
        self.backend.account_aliases = []

    def list_account_aliases(self):
        return {"AccountAliases": self.backend.account_aliases, "IsTruncated": False}

    def get_account_summary(self):
        summary = dict(self.backend.account_summary.summary_map)
        for kind, most in MOST_IN_ACCOUNT.items():
            summary["PoliciesQuota" if kind == "Policy" else f"{kind}sQuota"] = most
        return ActionResult({"SummaryMap": summary})

    def get_account_authorization_details(self):
        """[details] A page holds MaxItems entities in all: users first, then groups, roles and policies."""
        backend = self.backend
        wanted = self.params.get("Filter") or ["User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy"]
        found = []
        for rank, (kind, member, view) in enumerate(DETAILS):
            entities = []
            if kind in wanted:
                entities += backend.by_name[kind].values()
            if kind == "Policy" and "LocalManagedPolicy" in wanted:
                entities += backend.managed_policies.values()
            if kind == "Policy" and "AWSManagedPolicy" in wanted:
                # Those in use; AWS has hundreds.
                entities += [policy for policy in backend.aws_policies.values() if policy.attachment_count]
            found += [(rank, entity.name, entity.arn, entity) for entity in entities]
        part, rest = self.page(found, key=lambda one: one[:3])
        shown = {member: [] for _, member, _ in DETAILS}
        for rank, _, _, entity in part:
            _, member, view = DETAILS[rank]
            shown[member].append(view(entity))
        return {**shown, **rest}


def service_linked_role(backend, service, description, suffix):
    """moto names the role; it is caught where moto would store it."""
    kept = []
    backend.create_role = lambda name, document, path, **rest: kept.append((name, document, path))
    try:
        backend.create_service_linked_role(service, description, suffix)
    finally:
        del backend.create_role
    name, document, path = kept[0]
    return models.Role(
        account_id=backend.account_id,
        partition=backend.partition,
        role_id=models.random_role_id(backend.account_id),
        name=name,
        assume_role_policy_document=document,
        path=path,
        permissions_boundary=None,
        description=description,
        tags=[],
        max_session_duration=3600,
        linked_service=service,
    )


def mfa_device(backend, serial):
    if serial not in backend.virtual_mfa_devices:
        raise no_such(f"VirtualMFADevice with serial number {serial} doesn't exist.")
    return backend.virtual_mfa_devices[serial]


DETAILS = (
    ("User", "UserDetailList", user_detail),
    ("Group", "GroupDetailList", group_detail),
    ("Role", "RoleDetailList", role_detail),
    ("Policy", "Policies", policy_detail),
)
TAGGABLE = {
    "Role": ("RoleName", StrictBackend.get_role),
    "User": ("UserName", StrictBackend.get_user),
    "Policy": ("PolicyArn", StrictBackend.get_policy),
    "InstanceProfile": ("InstanceProfileName", StrictBackend.get_instance_profile),
    "OpenIDConnectProvider": ("OpenIDConnectProviderArn", StrictBackend.get_open_id_connect_provider),
    "SAMLProvider": ("SAMLProviderArn", StrictBackend.get_saml_provider),
    "ServerCertificate": ("ServerCertificateName", StrictBackend.get_server_certificate),
    "MFADevice": ("SerialNumber", mfa_device),
}


def generic_actions():
    """The actions that are the same for several kinds: TagRole and TagUser, AttachRolePolicy and AttachGroupPolicy."""
    for kind in TAGGABLE:
        yield f"Tag{kind}", StrictIam.tag, kind
        yield f"Untag{kind}", StrictIam.untag, kind
        yield f"List{kind}Tags", StrictIam.list_tags, kind
    for kind in ("Role", "User", "Group"):
        yield f"Put{kind}Policy", StrictIam.put_inline, kind
        yield f"Get{kind}Policy", StrictIam.get_inline, kind
        yield f"Delete{kind}Policy", StrictIam.delete_inline, kind
        yield f"List{kind}Policies", StrictIam.list_inline, kind
        yield f"Attach{kind}Policy", StrictIam.attach, kind
        yield f"Detach{kind}Policy", StrictIam.detach, kind
        yield f"ListAttached{kind}Policies", StrictIam.list_attached, kind
    for kind in ("Role", "User"):
        yield f"Put{kind}PermissionsBoundary", StrictIam.put_boundary, kind
        yield f"Delete{kind}PermissionsBoundary", StrictIam.delete_boundary, kind


StrictIam.GENERIC = {
    action: functools.partial(lambda self, work, kind: work(self, kind), work=work, kind=kind)
    for action, work, kind in generic_actions()
}

# -------------------------------------------------------------------------------------------------------- journal

# What a call was about. Documents, passwords and keys stay out.
JOURNALLED = re.compile(
    r"(\w+Name|\w*Arn|Url|Name|Path|NewPath|PathPrefix|ClientID|AccountAlias|CustomSuffix|PermissionsBoundary|VersionId"
    r"|SerialNumber|CertificateId|SSHPublicKeyId|Scope|MaxItems|Marker)"
)
journal = []
sequence = itertools.count(1)


def reset():
    global sequence
    iam_backends.clear()
    sts_backends.clear()
    journal.clear()
    sequence = itertools.count(1)


# --------------------------------------------------------------------------------------------------------- server

SERVICES = {
    "2010-05-08": ("iam", StrictIam, "https://iam.amazonaws.com/doc/2010-05-08/"),
    "2011-06-15": ("sts", StrictSts, "https://sts.amazonaws.com/doc/2011-06-15/"),
}
UNSIGNED = ("AssumeRoleWithWebIdentity", "AssumeRoleWithSAML")


def call(form, authorization):
    """One AWS call: its status, request ID and XML."""
    request_id = str(uuid.uuid4())
    service, responses, namespace = SERVICES.get(form.get("Version"), SERVICES["2010-05-08"])
    action = form.get("Action", "")
    credential = re.search(r"Credential=([^/,\s]+)/", authorization)
    access_key = credential.group(1) if credential else ""
    account = ACCOUNT_OF_KEY.get(access_key, DEFAULT_ACCOUNT)
    status, code = 200, None
    try:
        # [caller]
        if not access_key and action not in UNSIGNED:
            raise fault("MissingAuthenticationToken", "Request is missing Authentication Token")
        if access_key.startswith(EXPIRED_KEYS):
            raise fault("ExpiredToken", "The security token included in the request is expired")
        if access_key.startswith(DENIED_KEYS) and service == "iam":
            raise fault(
                "AccessDenied",
                f"User: arn:aws:iam::{account}:user/denied is not authorized to perform: iam:{action} "
                "because no identity-based policy allows the action",
            )
        # [action]
        if action not in get_service_model(service).operation_names or not responses.implements(action):
            raise fault("InvalidAction", f"Could not find operation {action} for version {form.get('Version')}")
        request = responses()
        request.prepare(service, form, authorization, access_key, account)
        # [atomic] Reads too, so that none walks through what another call is changing.
        with iam_backends[account][request.partition].lock:
            body = request.answer(namespace, request_id)
    except Exception as error:
        if isinstance(error, ServiceException):
            code, message = error.code, str(error.message)
        else:
            traceback.print_exc()
            code, message = "ServiceFailure", f"the sandbox failed: {error!r}"
        status = STATUS.get(code, 400)
        fault_of = "Receiver" if status >= 500 else "Sender"
        body = (
            f'<ErrorResponse xmlns="{namespace}"><Error><Type>{fault_of}</Type><Code>{code}</Code>'
            f"<Message>{xml(message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    journal.append(
        {
            "seq": next(sequence),
            "at": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "account": account,
            "action": action,
            "params": {key: value for key, value in form.items() if JOURNALLED.fullmatch(key)},
            "status": status,
            "code": code,
            "requestId": request_id,
        }
    )
    return status, request_id, body


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rbufsize = 65536

    def do_GET(self):
        if self.path == "/sandbox/journal":
            self.reply(200, "application/json", json.dumps(list(journal)))
        else:
            self.reply(404, "text/plain", "not here: GET /sandbox/journal\n")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/sandbox/reset":
            reset()
            return self.reply(200, "application/json", "{}")
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        status, request_id, text = call(form, self.headers.get("Authorization") or "")
        self.reply(status, "text/xml", text, request_id)

    def reply(self, status, content_type, text, request_id=None):
        body = text.encode()
        lines = [
            f"HTTP/1.1 {status} {self.responses.get(status, ('',))[0]}",
            f"Content-Type: {content_type}",
            f"Content-Length: {len(body)}",
        ]
        if request_id:
            lines.append(f"x-amzn-RequestId: {request_id}")
        # One write: two would wait for each other on the wire.
        self.wfile.write("\r\n".join([*lines, "", ""]).encode() + body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # A storm of clients connects at once.
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        # A client that hangs up is what the tests do; anything else should be seen.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def exit_with_stdin():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    global DEFAULT_ACCOUNT
    parser = argparse.ArgumentParser(description="IAM and STS emulator: moto, made as strict as AWS.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one")
    parser.add_argument("--account", default=DEFAULT_ACCOUNT, help="the account of unknown access keys")
    parser.add_argument("--exit-with-stdin", action="store_true", help="end when standard input is closed")
    options = parser.parse_args()
    if not re.fullmatch(r"\d{12}", options.account):
        parser.error("--account takes 12 digits")
    DEFAULT_ACCOUNT = options.account
    # At once, and not when a request has been answered: a test that kills the sandbox means it.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    server = Server((options.host, options.port), Handler)
    if options.exit_with_stdin:
        threading.Thread(target=exit_with_stdin, daemon=True).start()
    print(json.dumps({"ready": True, "url": f"http://{options.host}:{server.server_port}"}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
