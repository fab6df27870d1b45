"""An emulator of IAM, STS, AWS Secrets Manager and CloudTrail's LookupEvents: moto, with what AWS refuses and moto lets pass or lacks on top.

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
               virtual MFA device whatever the case, MFA device of any user           409 EntityAlreadyExists
  [linked]     service-linked roles: names and suffixes as their services have them   400 InvalidInput
               the deletion is a task that is asked about, and fails where a service still uses the role
  [protected]  service-linked roles cannot be changed, but for description and tags   400 UnmodifiableEntity
               AWS managed policies cannot be changed                                 403 AccessDenied
  [delete]     what is in use, or still holds something, is not deleted               409 DeleteConflict
  [quota]      documents' sizes, attachments, groups of a user, versions, tags, what a user holds,
               entities of an account, a second role in an instance profile           409 LimitExceeded
               GetAccountSummary shows them, and what there is
  [document]   policies that are not policies; trust in a role or user
               that the account does not have                                         400 MalformedPolicyDocument
  [principal]  a trusted role or user that is deleted shows as its unique ID from then on
  [attach]     a policy or boundary that does not exist; AWS managed policies exist   404 NoSuchEntity
  [boundary]   permissions boundaries of users and roles, shown where AWS shows them
  [tags]       tag keys are unique whatever the case; aws: is reserved                400 InvalidInput
  [oidc]       client IDs can be added and removed; a missing thumbprint is filled in
  [saml]       metadata that is none, keys that are none                              400 InvalidInput
               private keys come and go; encryption that is required needs one
  [password]   the account's password policy, or else AWS's default one               400 PasswordPolicyViolation
  [certificate]  server and signing certificates are parsed                           400 MalformedCertificate
               the private key fits 400 KeyPairMismatch; has expired 400 InvalidCertificate (server: Malformed)
  [ssh]        RSA keys of at least 2048 bits  400 InvalidPublicKey, 400 UnrecognizedPublicKeyEncoding
  [mfa]        devices are made, enabled and deactivated; two equal codes             403 InvalidAuthenticationCode
  [service credentials]  of the services that have them                               404 NotSupportedService
               the secret is shown once
  [federation]  outbound web identity federation, on or off          409 FeatureEnabled, 404 FeatureDisabled
  [properties]  account properties of the form Namespace/PropertyName                 400 InvalidInput
  [update]     UpdateRole keeps the field that is not sent; UpdateGroup changes a path alone
  [page]       MaxItems, Marker and IsTruncated, in a stable order
  [details]    GetAccountAuthorizationDetails: filter, pages, encoded documents, the fields that AWS shows
  [list]       ListRoles, ListUsers, ListPolicies, ListInstanceProfiles leave out tags and boundaries
  [action]     what neither moto nor this file implements                             400 InvalidAction
  [atomic]     one lock for each account: of concurrent creates one wins
  [caller]     access keys that begin with ASIAEXPIRED or AKIAEXPIRED: 403 ExpiredToken
               access keys that begin with AKIADENIED: 403 AccessDenied, but for STS, which works
               (by JSON all of these are 400 and end in Exception)
               access keys that begin with AKIAAWSSERVICE: an AWS service, which may write aws: tags
               an account that was given a policy: what it does not allow            403 AccessDenied
               a user's access key notes its use; inactive or deleted it is refused   403 InvalidClientTokenId
               AssumeRole gives the role's account, whether or not the role exists; other keys are --account
  [secrets]    AWS Secrets Manager by its JSON protocol (X-Amz-Target), for a few actions; what is scheduled for
               deletion is neither read, nor written, nor made again                  400 InvalidRequestException
  [trail]      AWS CloudTrail's LookupEvents by its JSON protocol: an event for each call of IAM and STS that was served,
               refused ones included, reads excepted. AWS shows an event about 15 minutes later; here it shows at once
               one attribute a lookup, pages of 50, two lookups a second            400 ThrottlingException
  [request]    each reply has its own x-amzn-RequestId

For tests:

  GET /sandbox/journal lists every call, without documents and secrets.
  POST /sandbox/reset empties all accounts and the journal, and takes back what follows.
  POST /sandbox/quota {"account": "111111111111", "name": "RolesQuota", "value": 3} sets a quota of QUOTAS.
  POST /sandbox/authorise {"account": "111111111111", "policyDocument": {…}} has that account's calls decided by the
  actions of that policy, whoever makes them; null takes it back. STS asks for no permission. GET /sandbox/asked lists
  by account the actions that were asked for.
  POST /sandbox/in-use {"account": "111111111111", "name": "AWSServiceRoleForRDS"} has a resource use that
  service-linked role or server certificate; with "inUse": false it does no more.
"""

import argparse
import functools
import hashlib
import itertools
import json
import os
import re
import signal
import struct
import sys
import threading
import time
import traceback
import uuid
import zlib
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import choices
from secrets import token_urlsafe
from urllib.parse import parse_qsl, quote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
    load_ssh_public_key,
)
from moto.core.exceptions import JsonRESTError, ServiceException
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores, get_service_model, utcnow
from moto.iam import models
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend, iam_backends
from moto.iam.policy_validation import BaseIAMPolicyValidator, IAMPolicyDocumentValidator
from moto.iam.responses import IamResponse
from moto.secretsmanager.models import secretsmanager_backends
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.sts.models import sts_backends
from moto.sts.responses import TokenResponse
from moto.utilities.utils import get_partition

# ---------------------------------------------------------------------------------------------------------- errors

# Statuses that the model does not give.
STATUS = {"ServiceFailure": 500}
for _name in ("AccessDenied", "ExpiredToken", "InvalidClientTokenId", "MissingAuthenticationToken"):
    STATUS[_name] = 403
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
    if shape.type_name == "map":
        for key, part in value.items():
            validate(shape.key, key, f"{name}.key", problems)
            validate(shape.value, part, f"{name}.{key}", problems)
    if shape.type_name == "string":
        pattern = shape.metadata.get("pattern")
        if pattern and value and not compiled(pattern).fullmatch(value):
            problem(f"satisfy regular expression pattern: {pattern}")
        if getattr(shape, "enum", None) and value not in shape.enum:
            problem(f"satisfy enum value set: [{', '.join(shape.enum)}]")


def check_input(operation, params):
    problems = []
    if operation.input_shape is not None:
        validate(operation.input_shape, params, "", problems)
    if problems:
        many = "s" if len(problems) > 1 else ""
        raise fault("ValidationError", f"{len(problems)} validation error{many} detected: {'; '.join(problems)}")


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


# By the names that GetAccountSummary has for them, and names of the same form for others: how much AWS allows, and what
# the refusal calls it. Those of an account are the largest that AWS grants, so that a test can fill one as far as it
# goes; POST /sandbox/quota lowers them.
QUOTAS = {
    "RolesQuota": (5000, "RolesPerAccount"),
    "UsersQuota": (5000, "UsersPerAccount"),
    "GroupsQuota": (500, "GroupsPerAccount"),
    "PoliciesQuota": (5000, "PoliciesPerAccount"),
    "InstanceProfilesQuota": (5000, "InstanceProfilesPerAccount"),
    "ServerCertificatesQuota": (1000, "ServerCertificatesPerAccount"),
    "OpenIDConnectProvidersQuota": (100, "OpenIdConnectProvidersPerAccount"),
    "SAMLProvidersQuota": (100, "SAMLProvidersPerAccount"),
    "AttachedPoliciesPerRoleQuota": (10, "PoliciesPerRole"),
    "AttachedPoliciesPerUserQuota": (10, "PoliciesPerUser"),
    "AttachedPoliciesPerGroupQuota": (10, "PoliciesPerGroup"),
    "GroupsPerUserQuota": (10, "GroupsPerUser"),
    "VersionsPerPolicyQuota": (5, "VersionsPerPolicy"),
    "PolicyVersionsInUseQuota": (10_000, "PolicyVersionsInUse"),
    "PolicySizeQuota": (6144, "PolicySize"),
    "AssumeRolePolicySizeQuota": (2048, "ACLSizePerRole"),
    "RolePolicySizeQuota": (10_240, "RolePolicySize"),
    "UserPolicySizeQuota": (2048, "UserPolicySize"),
    "GroupPolicySizeQuota": (5120, "GroupPolicySize"),
    "AccessKeysPerUserQuota": (2, "AccessKeysPerUser"),
    "SigningCertificatesPerUserQuota": (2, "CertificatesPerUser"),
    "SSHPublicKeysPerUserQuota": (5, "SSHPublicKeysPerUser"),
    "ServiceSpecificCredentialsPerServiceQuota": (2, "ServiceSpecificCredentialsPerUser"),
    "MFADevicesPerUserQuota": (8, "MFADevicesPerUser"),
    "PrivateKeysPerSAMLProviderQuota": (2, "PrivateKeysPerSAMLProvider"),
    "ClientIdsPerOpenIDConnectProviderQuota": (100, "ClientIdsPerOpenIdConnectProvider"),
}
SUMMARY_QUOTAS = [name for name in get_service_model("iam").shape_for("summaryKeyType").enum if name in QUOTAS]
# What tests lowered, by account and name.
lowered_quotas = {}
MOST_TAGS = 50


# ---------------------------------------------------------------------------------------------------------- store

POLICY_ARN = re.compile(r"arn:[\w-]+:iam::(\d{12}|aws):policy/.+")
# How IAM's unique IDs begin; moto gives them for roles only.
ID_PREFIX = {"User": "AIDA", "Group": "AGPA", "Policy": "ANPA", "InstanceProfile": "AIPA"}
ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def unique_id(prefix, length=21):
    return prefix + "".join(choices(ID_ALPHABET, k=length - len(prefix)))


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
DELETED_KEYS = set()
aliases_lock = threading.Lock()
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
        # Of service-linked roles, by the ID of the task.
        self.deletions = {}
        self.properties = {}
        self.token_version = 1
        self.web_identity_federation = False

    def _init_aws_policies(self):
        return []

    # [quota]

    def quota(self, name):
        return lowered_quotas.get((self.account_id, name), QUOTAS[name][0])

    def check_quota(self, name, count, more=1):
        """Whether there may be so many more than there are."""
        if count + more > self.quota(name):
            raise limit(QUOTAS[name][1], self.quota(name))

    def policies_in_use(self):
        """One version of a policy is in use where the policy is: its default one."""
        policies = itertools.chain(self.managed_policies.values(), self.aws_policies.values())
        return [policy for policy in policies if is_in_use(policy)]

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
        # A service-linked role is made even where the account is full.
        if not getattr(entity, "_linked_service", None):
            self.check_quota(f"{kind}sQuota".replace("ys", "ies"), len(index))
        if kind in ID_PREFIX:
            entity.id = unique_id(ID_PREFIX[kind])
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
            policy = self.get_policy(policy_arn)
        except ServiceException:
            raise no_such(f"Policy {policy_arn} does not exist or is not attachable.") from None
        # Counted only where there are enough of them.
        if len(self.managed_policies) + len(self.aws_policies) > self.quota("PolicyVersionsInUseQuota"):
            if not is_in_use(policy):
                self.check_quota("PolicyVersionsInUseQuota", len(self.policies_in_use()))
        return policy

    def get_user_from_access_key_id(self, access_key_id):
        key = self.access_keys.get(access_key_id)
        return self.users.get(key.user_name) if key else None

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
        self.check_quota("AssumeRolePolicySizeQuota", 0, size(document))
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


def is_in_use(policy):
    return policy.attachment_count > 0 or getattr(policy, "boundary_count", 0) > 0


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
        "Expiration": certificate.expires,
    }


def access_key_view(key):
    return {
        "UserName": key.user_name,
        "AccessKeyId": key.access_key_id,
        "Status": key.status,
        "CreateDate": key.create_date,
    }


def signing_certificate_view(certificate):
    return {
        "UserName": certificate.user_name,
        "CertificateId": certificate.id,
        "CertificateBody": certificate.body,
        "Status": certificate.status,
        "UploadDate": certificate.upload_date,
    }


def ssh_key_listed(key):
    return {
        "UserName": key.user_name,
        "SSHPublicKeyId": key.ssh_public_key_id,
        "Status": key.status,
        "UploadDate": key.upload_date,
    }


def ssh_key_full(key, body):
    return {**ssh_key_listed(key), "Fingerprint": key.fingerprint, "SSHPublicKeyBody": body}


def credential_view(credential):
    return {
        "UserName": credential.user_name,
        "ServiceName": credential.service,
        "ServiceSpecificCredentialId": credential.id,
        **credential.shown_name,
        "Status": credential.status,
        "CreateDate": credential.created,
        "ExpirationDate": credential.expires,
    }


def virtual_mfa_view(device):
    """[list] Without tags, and the seed is shown at the creation alone."""
    user = device.user and user_listed(device.user)
    return {"SerialNumber": device.serial_number, "User": user, "EnableDate": device.enable_date}


def mfa_device_view(device, user):
    return {"UserName": user.name, "SerialNumber": device.serial_number, "EnableDate": device.enable_date}


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


# --------------------------------------------------------------------------------------------- keys and certificates


def is_valid_today(certificate):
    return certificate.not_valid_before_utc <= datetime.now(timezone.utc) <= certificate.not_valid_after_utc


def private_key(pem):
    """None where it is none, or is encrypted."""
    try:
        return load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def check_server_certificate(body, key, chain):
    """[certificate] When it expires."""

    def malformed(message):
        return fault("MalformedCertificate", message)

    try:
        certificate = x509.load_pem_x509_certificate(body.encode())
        issuers = x509.load_pem_x509_certificates(chain.encode()) if chain else []
    except ValueError:
        message = "Unable to parse certificate. Please ensure the certificate is in PEM format."
        raise malformed(message) from None
    if not is_valid_today(certificate):
        raise malformed("The certificate has expired, or is not valid yet.")
    private = private_key(key)
    if private is None:
        raise malformed("Unable to parse private key. Please ensure that it is in PEM format and not encrypted.")
    if private.public_key() != certificate.public_key():
        raise fault("KeyPairMismatch", "The private key does not match the public key of the certificate.")
    for index, (one, issuer) in enumerate(itertools.pairwise([certificate, *issuers]), -1):
        try:
            one.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            raise malformed(
                "Unable to validate certificate chain. The certificate chain must start with the immediate signing "
                "certificate, followed by any intermediaries in order. The index within the chain of the invalid "
                f"certificate is: {index}"
            ) from None
    return certificate.not_valid_after_utc


def check_metadata(document):
    """[saml] Until when it is valid; where it does not say, AWS gives it a hundred years."""
    try:
        root = ElementTree.fromstring(document)
        stated = root.get("validUntil")
        until = stated and datetime.fromisoformat(stated.replace("Z", "+00:00"))
    except (ElementTree.ParseError, ValueError):
        raise fault("InvalidInput", "Could not parse metadata") from None
    if root.tag.rpartition("}")[2] not in ("EntityDescriptor", "EntitiesDescriptor"):
        raise fault("InvalidInput", "Could not parse metadata")
    return until.astimezone(timezone.utc) if until else utcnow() + timedelta(days=36_500)


def png(text):
    """[mfa] An image that holds the text, though no QR code: no camera looks at it."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    said, pixel = chunk(b"tEXt", b"Comment\0" + text.encode()), chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + said + pixel + chunk(b"IEND", b"")


# [service credentials] Whose credentials are a user name and a password, and whose are an API key.
PASSWORD_SERVICES = ("codecommit.amazonaws.com", "cassandra.amazonaws.com")
API_KEY_SERVICES = ("bedrock.amazonaws.com", "logs.amazonaws.com")


@dataclass(eq=False)
class ServiceCredential:
    user_name: str
    service: str
    # Of those that the user has for the service: it is in the name.
    number: int
    shown_name: dict
    expires: datetime | None
    id: str = field(default_factory=lambda: unique_id("ACCA"))
    status: str = "Active"
    created: datetime = field(default_factory=utcnow)


# ------------------------------------------------------------------------------------------------------- requests


class Strict:
    """What both services share: a request without moto's web framework, which is most of moto's time."""

    def prepare(self, service, form, authorization, access_key, account, region):
        self.automated_parameter_parsing = True
        self.allow_request_decompression = False
        self.headers = {"Authorization": authorization}
        self.querystring = self.data = {key: [value] for key, value in form.items()}
        self.uri_match, self.response_headers, self.body = {}, {}, ""
        self.region, self.partition = region, get_partition(region)
        self.access_key, self.current_account = access_key, account
        operation = get_service_model(service).operation_model(form["Action"])
        parser = PROTOCOL_PARSERS["query"](operation, map_type=dict)
        self.params = parser.parse({"values": form}) or {}
        check_input(operation, self.params)

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
        SESSIONS[role.access_key_id] = {
            "UserId": role.user_id,
            "Account": role.account_id,
            "Arn": role.arn,
            "At": utcnow().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "SourceIdentity": self.params.get("SourceIdentity"),
        }
        return result

    def get_caller_identity(self):
        if self.access_key in SESSIONS:
            session = SESSIONS[self.access_key]
            return {key: session[key] for key in ("UserId", "Account", "Arn")}
        backend = iam_backends[self.current_account][self.partition]
        user = backend.get_user_from_access_key_id(self.access_key)
        arn = user.arn if user else f"arn:{self.partition}:iam::{self.current_account}:user/sandbox"
        return {"UserId": user.id if user else "AIDASANDBOX", "Account": self.current_account, "Arn": arn}


class StrictSecrets(SecretsManagerResponse):
    """[secrets] moto's AWS Secrets Manager: what the rest of this file does for IAM is done here for a few actions."""

    ACTIONS = (
        *("CreateSecret", "PutSecretValue", "UpdateSecret", "GetSecretValue", "DescribeSecret", "ListSecrets"),
        *("DeleteSecret", "RestoreSecret", "TagResource", "UntagResource"),
    )

    def perform(self, action, params, account, region):
        operation = get_service_model("secretsmanager").operation_model(action)
        self.automated_parameter_parsing, self.uri_match = True, {}
        self.current_account, self.region = account, region
        self.params = known(operation.input_shape, params)
        check_input(operation, self.params)
        if "ClientRequestToken" in operation.input_shape.members:
            self.params.setdefault("ClientRequestToken", str(uuid.uuid4()))
        secret = self.backend.secrets.get(self.params.get("SecretId") or self.params.get("Name") or "")
        if secret and secret.is_deleted() and action == "CreateSecret":
            scheduled = "a secret with this name is already scheduled for deletion"
            raise fault("InvalidRequestException", f"You can't create this secret because {scheduled}.")
        if secret and secret.is_deleted() and action not in ("DescribeSecret", "DeleteSecret", "RestoreSecret"):
            message = "You can't perform this operation on the secret because it was marked for deletion."
            raise fault("InvalidRequestException", message)
        result = json.loads(getattr(self, camelcase_to_underscores(action))())
        return known(operation.output_shape, result) if operation.output_shape else {}


# [trail] By account, oldest first; each knows its region, where alone AWS shows it.
trails = {}
trail_lookups = {}
TRAIL_DAYS = 90
# A client asks at most twice a second; the bucket holds as many.
TRAIL_RATE = 2
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
TRAIL_TYPES = {"Role": "Role", "User": "User", "Group": "Group", "Policy": "Policy", "InstanceProfile": "InstanceProfile"}


def identity(access_key, account, region):
    """[trail] userIdentity, and the name that LookupEvents shows for it."""
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
    """As CloudTrail writes them: names that begin in lower case, secrets hidden, documents as text."""
    if shape.type_name == "structure":
        return {first_lower(one): trail_parameters(shape.members[one], part) for one, part in value.items()}
    if shape.type_name == "list":
        return [trail_parameters(shape.member, part) for part in value]
    return HIDDEN if shape.metadata.get("sensitive") else value


def note_event(service, action, form, caller, access_key, account, region, outcome, agent, address):
    """[trail]"""
    request_id, code, message, at = outcome
    operation = get_service_model(service).operation_model(action)
    # IAM is one for a partition, and so are its events.
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
        # Of what a model does not take, CloudTrail has no parameters either.
        **({"errorCode": code if code in GENERAL else f"{code}Exception", "errorMessage": message} if code else {}),
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
    if not code:
        resources += [
            {"ResourceType": "AWS::IAM::Policy", "ResourceName": params[one]} for one in ("PolicyArn",) if params.get(one)
        ]
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


# Codes that stand in CloudTrail as they are; those of the model's shapes carry their suffix.
GENERAL = ("AccessDenied", "ExpiredToken", "InvalidClientTokenId", "ValidationError", "Throttling", "InvalidAction")


class StrictTrail:
    """[trail] AWS CloudTrail, of which only the event history is here."""

    ACTIONS = ("LookupEvents",)
    ATTRIBUTES = {
        "EventId": lambda event, value: event["EventId"] == value,
        "EventName": lambda event, value: event["EventName"] == value,
        "ReadOnly": lambda event, value: event["ReadOnly"] == value,
        "Username": lambda event, value: event["Username"] == value,
        "EventSource": lambda event, value: event["EventSource"] == value,
        "AccessKeyId": lambda event, value: event["AccessKeyId"] == value,
        "ResourceType": lambda event, value: any(one["ResourceType"] == value for one in event["Resources"]),
        "ResourceName": lambda event, value: any(one["ResourceName"] == value for one in event["Resources"]),
    }

    def perform(self, action, params, account, region):
        operation = get_service_model("cloudtrail").operation_model(action)
        params = known(operation.input_shape, params)
        now = time.time()
        recent = [at for at in trail_lookups.get((account, region), []) if at > now - 1]
        if len(recent) >= TRAIL_RATE:
            raise fault("ThrottlingException", "Rate exceeded")
        trail_lookups[account, region] = [*recent, now]
        most = params.get("MaxResults", 50)
        if not 1 <= most <= 50:
            raise fault("InvalidMaxResultsException", "A maximum of 50 results is allowed.")
        attributes = params.get("LookupAttributes", [])
        if len(attributes) > 1 or any(one.get("AttributeKey") not in self.ATTRIBUTES for one in attributes):
            raise fault("InvalidLookupAttributesException", "You can specify only one lookup attribute.")
        start = max(params.get("StartTime") or 0, now - TRAIL_DAYS * 86_400)
        end = params.get("EndTime") or now
        if start > end:
            raise fault("InvalidTimeRangeException", "The start time is after the end time.")
        found = [
            event
            for event in reversed(trails.get((account, region), []))
            if int(start) <= event["EventTime"] <= end
            and all(self.ATTRIBUTES[one["AttributeKey"]](event, one["AttributeValue"]) for one in attributes)
        ]
        token = params.get("NextToken")
        if token is not None and not token.isdecimal():
            raise fault("InvalidNextTokenException", "The next token is invalid.")
        begin = int(token or 0)
        more = {"NextToken": str(begin + most)} if len(found) > begin + most else {}
        return {"Events": found[begin : begin + most], **more}


def known(shape, value):
    """What the model has of it, and AWS reads and shows nothing else."""
    if not isinstance(value, JSON_TYPES.get(shape.type_name, object)):
        raise fault("SerializationException", f"A {shape.type_name} is expected.")
    if shape.type_name == "structure":
        members = shape.members
        return {one: known(members[one], part) for one, part in value.items() if one in members and part is not None}
    if shape.type_name == "list":
        return [known(shape.member, part) for part in value]
    return value


JSON_TYPES = {"structure": dict, "map": dict, "list": list, "string": str, "blob": str, "boolean": bool}
JSON_TYPES |= {"integer": int, "long": int, "timestamp": (int, float)}


class StrictIam(Strict, IamResponse):
    """The actions that differ from moto's. All run under the account's lock [atomic]."""

    def answer(self, namespace, request_id):
        self.end_deletions()
        return super().answer(namespace, request_id)

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
        if total > (most := self.backend.quota(f"{kind}PolicySizeQuota")):
            message = f"Maximum policy size of {most} bytes exceeded for {kind.lower()} {entity.name}"
            raise fault("LimitExceeded", message)
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
        self.backend.check_quota(f"AttachedPoliciesPer{kind}Quota", len(entity.managed_policies))
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
        """[update] Of a service-linked role, the description alone."""
        role = self.holder("Role", write="MaxSessionDuration" in self.params)
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

    # [linked]

    def create_service_linked_role(self):
        """[twice]"""
        service, suffix = self.params["AWSServiceName"], self.params.get("CustomSuffix")
        if service.count(".") < 2:
            raise fault("InvalidInput", f"Invalid service name: {service}")
        if suffix and service not in SUFFIXED_SERVICES:
            raise fault("InvalidInput", f"Custom suffix is not allowed for {service}")
        role = service_linked_role(self.backend, service, self.params.get("Description"), suffix)
        if len(role.name) > 64:
            raise fault("InvalidInput", f"The role name {role.name} is longer than 64 characters.")
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
        for task, deletion in self.backend.deletions.items():
            if deletion.role is role and deletion.status is None:
                return {"DeletionTaskId": task}
        task = f"task{role.path}{role.name}/{uuid.uuid4()}"
        self.backend.deletions[task] = Deletion(role)
        return {"DeletionTaskId": task}

    def get_service_linked_role_deletion_status(self):
        task = self.params["DeletionTaskId"]
        if not task.startswith("task/aws-service-role/"):
            raise fault("InvalidInput", f"The deletion task ID {task} is not valid.")
        deletion = self.backend.deletions.get(task)
        if deletion is None:
            raise no_such(f"The deletion task {task} cannot be found.")
        if deletion.status is None and deletion.steps:
            return {"Status": deletion.steps.pop(0)}
        self.end_deletion(deletion)
        return {"Status": deletion.status, "Reason": deletion.reason}

    def end_deletion(self, deletion):
        if deletion.status is None:
            if user := getattr(deletion.role, "used_by", None):
                deletion.status = "FAILED"
                deletion.reason = {
                    "Reason": "A service-linked role that its service still uses cannot be deleted.",
                    "RoleUsageList": [{"Region": "us-east-1", "Resources": [user]}],
                }
            else:
                deletion.status = "SUCCEEDED"
                self.remove_role(deletion.role)

    def end_deletions(self):
        """A role goes even where nobody asks how far its deletion is."""
        for deletion in self.backend.deletions.values():
            if time.monotonic() - deletion.began > DELETION_SECONDS:
                self.end_deletion(deletion)

    # Users

    def create_user(self):
        p, backend = self.params, self.backend
        backend.refuse_taken("User", p["UserName"])
        tags, arn = self.new_tags(), p.get("PermissionsBoundary")
        if arn:
            backend.attachable_policy(arn)
        user = models.User(backend.account_id, self.region, p["UserName"], p.get("Path"))
        user.member_of, user.service_credentials = [], []
        backend.users[backend.add("User", user, tags).name] = user
        self.set_boundary(user, arn)
        return {"User": user_full(user)}

    def get_user(self):
        return {"User": user_full(self.user_or_caller())}

    def user_or_caller(self):
        if "UserName" in self.params:
            return self.holder("User")
        user = self.backend.get_user_from_access_key_id(self.access_key)
        if user is None:
            raise fault("ValidationError", "Must specify userName when calling with non-User credentials")
        return user

    def list_users(self):
        return self.listed("Users", self.backend.users.values(), user_listed)

    def update_user(self):
        user, name = self.holder("User"), self.params.get("NewUserName")
        if name:
            old = user.name
            self.backend.rename("User", user, name)
            self.backend.users[name] = self.backend.users.pop(old)
            certificates, keys = user.signing_certificates.values(), [*user.access_keys, *user.ssh_public_keys]
            for held in [*keys, *certificates, *user.service_credentials]:
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
            (user.service_credentials, "delete service-specific credentials"),
        ):
            if held:
                raise conflict(message)
        self.set_boundary(user, None)
        del self.backend.users[user.name]
        self.backend.forget("User", user)
        self.backend.forget_principal(user)

    # Login profiles

    def create_login_profile(self):
        """[twice]"""
        user = self.user_or_caller()
        if user.password:
            raise already_exists(f"Login Profile for user {user.name} already exists.")
        if "Password" not in self.params:
            message = "Value null at 'password' failed to satisfy constraint: Member must not be null"
            raise fault("ValidationError", f"1 validation error detected: {message}")
        self.set_password(user)
        user.password_reset_required = self.params.get("PasswordResetRequired", False)
        user.login_created = utcnow()
        return self.get_login_profile()

    def set_password(self, user):
        """[password]"""
        password, policy = self.params["Password"], self.backend.account_password_policy
        has = {
            "uppercase letter": re.search(r"[A-Z]", password),
            "lowercase letter": re.search(r"[a-z]", password),
            "number": re.search(r"[0-9]", password),
            "symbol": re.search(r"[!@#$%^&*()_+\-=\[\]{}|']", password),
        }
        if policy:
            least, needed = policy.minimum_password_length, {
                "uppercase letter": policy.require_uppercase_characters,
                "lowercase letter": policy.require_lowercase_characters,
                "number": policy.require_numbers,
                "symbol": policy.require_symbols,
            }
            missing = [f"at least one {what}" for what, wanted in needed.items() if wanted and not has[what]]
        else:
            least, kinds = 8, sum(1 for found in has.values() if found)
            missing = [] if kinds >= 3 else ["three of uppercase letters, lowercase letters, numbers and symbols"]
        if len(password) < least:
            missing.insert(0, f"a minimum length of {least}")
        if missing:
            message = f"Password does not conform to the account password policy: it should have {', '.join(missing)}."
            raise fault("PasswordPolicyViolation", message)
        user.password = password

    def get_login_profile(self):
        user = self.with_login()
        shown = {"UserName": user.name, "CreateDate": user.login_created}
        return {"LoginProfile": {**shown, "PasswordResetRequired": user.password_reset_required}}

    def with_login(self):
        user = self.user_or_caller()
        if not user.password:
            raise no_such(f"Login Profile for User {user.name} cannot be found.")
        return user

    def update_login_profile(self):
        user = self.with_login()
        if "Password" in self.params:
            self.set_password(user)
        user.password_reset_required = self.params.get("PasswordResetRequired", user.password_reset_required)

    def delete_login_profile(self):
        self.with_login().password = None

    def get_account_password_policy(self):
        """[password] What is off is not shown as a number."""
        policy = self.backend.get_account_password_policy()
        return {
            "PasswordPolicy": {
                "MinimumPasswordLength": policy.minimum_password_length,
                "RequireSymbols": policy.require_symbols,
                "RequireNumbers": policy.require_numbers,
                "RequireUppercaseCharacters": policy.require_uppercase_characters,
                "RequireLowercaseCharacters": policy.require_lowercase_characters,
                "AllowUsersToChangePassword": policy.allow_users_to_change_password,
                "ExpirePasswords": policy.expire_passwords,
                "MaxPasswordAge": policy.max_password_age or None,
                "PasswordReusePrevention": policy.password_reuse_prevention or None,
                "HardExpiry": policy.hard_expiry,
            }
        }

    # Access keys

    def create_access_key(self):
        user = self.user_or_caller()
        self.backend.check_quota("AccessKeysPerUserQuota", len(user.access_keys))
        key = user.create_access_key(prefix="AKIA")
        self.backend.access_keys[key.access_key_id] = key
        ACCOUNT_OF_KEY[key.access_key_id] = self.current_account
        return {"AccessKey": {**access_key_view(key), "SecretAccessKey": key.secret_access_key}}

    def list_access_keys(self):
        keys = self.user_or_caller().access_keys
        return self.listed("AccessKeyMetadata", keys, access_key_view, key=lambda one: (one.access_key_id,))

    def update_access_key(self):
        key = self.one_of(self.user_or_caller().access_keys, "access_key_id", "AccessKeyId", "Access Key")
        key.status = self.new_status()

    def delete_access_key(self):
        user = self.user_or_caller()
        key = self.one_of(user.access_keys, "access_key_id", "AccessKeyId", "Access Key")
        user.access_keys.remove(key)
        del self.backend.access_keys[key.access_key_id]
        DELETED_KEYS.add(key.access_key_id)

    def get_access_key_last_used(self):
        key = self.backend.access_keys.get(self.params["AccessKeyId"])
        if key is None or key.user_name is None:
            raise no_such(f"The Access Key with id {self.params['AccessKeyId']} cannot be found.")
        shown = {"ServiceName": "N/A", "Region": "N/A"}
        if used := key.last_used:
            shown = {"LastUsedDate": used.timestamp, "ServiceName": used.service, "Region": used.region}
        return {"UserName": key.user_name, "AccessKeyLastUsed": shown}

    def one_of(self, held, attribute, parameter, what):
        """What a user has, by its ID."""
        for one in held:
            if getattr(one, attribute) == self.params[parameter]:
                return one
        raise no_such(f"The {what} with id {self.params[parameter]} cannot be found.")

    def new_status(self):
        # In the model's list since some credentials end by themselves; nobody can set it.
        if self.params["Status"] == "Expired":
            raise fault("InvalidInput", "The status Expired cannot be set.")
        return self.params["Status"]

    # Signing certificates

    def upload_signing_certificate(self):
        """[twice], [quota], [certificate]"""
        user, body = self.user_or_caller(), self.params["CertificateBody"]
        try:
            [certificate] = x509.load_pem_x509_certificates(body.encode())
        except ValueError:
            raise fault("MalformedCertificate", "Certificate body is not one certificate in PEM format.") from None
        if not is_valid_today(certificate):
            raise fault("InvalidCertificate", "The certificate has expired, or is not valid yet.")
        fingerprint = certificate.fingerprint(hashes.SHA256())
        for other in self.backend.users.values():
            if any(one.fingerprint == fingerprint for one in other.signing_certificates.values()):
                raise fault("DuplicateCertificate", "The certificate already exists in this account.")
        self.backend.check_quota("SigningCertificatesPerUserQuota", len(user.signing_certificates))
        kept = models.SigningCertificate(unique_id("", 32), user.name, body)
        kept.fingerprint = fingerprint
        user.signing_certificates[kept.id] = kept
        return {"Certificate": signing_certificate_view(kept)}

    def list_signing_certificates(self):
        held = self.user_or_caller().signing_certificates.values()
        return self.listed("Certificates", held, signing_certificate_view, key=lambda one: (one.id,))

    def signing_certificate(self, user):
        return self.one_of(user.signing_certificates.values(), "id", "CertificateId", "Certificate")

    def update_signing_certificate(self):
        self.signing_certificate(self.user_or_caller()).status = self.new_status()

    def delete_signing_certificate(self):
        user = self.user_or_caller()
        del user.signing_certificates[self.signing_certificate(user).id]

    # SSH public keys

    def upload_ssh_public_key(self):
        """[twice], [quota], [ssh]"""
        user, body = self.holder("User"), self.params["SSHPublicKeyBody"].strip()
        if not body.startswith(("ssh-rsa ", "-----BEGIN ")):
            raise fault("UnrecognizedPublicKeyEncoding", "The public key is neither in ssh-rsa nor in PEM format.")
        load = load_ssh_public_key if body.startswith("ssh-rsa ") else load_pem_public_key
        try:
            key = load(body.encode())
        except (ValueError, UnsupportedAlgorithm):
            raise fault("InvalidPublicKey", "The public key is malformed or otherwise invalid.") from None
        if not isinstance(key, RSAPublicKey) or key.key_size < 2048:
            raise fault("InvalidPublicKey", "The public key is not an RSA key of at least 2048 bits.")
        # The key, however it is written.
        ssh = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        if any(one.encodings["SSH"] == ssh for one in user.ssh_public_keys):
            raise fault("DuplicateSSHPublicKey", "The SSH public key is already associated with this user.")
        self.backend.check_quota("SSHPublicKeysPerUserQuota", len(user.ssh_public_keys))
        kept = user.upload_ssh_public_key(body)
        kept.encodings = {
            "SSH": ssh,
            "PEM": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        }
        kept.fingerprint = hashlib.md5(b64decode(ssh.split()[1])).digest().hex(":")
        return {"SSHPublicKey": ssh_key_full(kept, body)}

    def ssh_public_key(self):
        return self.one_of(self.holder("User").ssh_public_keys, "ssh_public_key_id", "SSHPublicKeyId", "SSH Public Key")

    def get_ssh_public_key(self):
        key = self.ssh_public_key()
        return {"SSHPublicKey": ssh_key_full(key, key.encodings[self.params["Encoding"]])}

    def list_ssh_public_keys(self):
        keys = self.user_or_caller().ssh_public_keys
        return self.listed("SSHPublicKeys", keys, ssh_key_listed, key=lambda one: (one.ssh_public_key_id,))

    def update_ssh_public_key(self):
        self.ssh_public_key().status = self.new_status()

    def delete_ssh_public_key(self):
        self.holder("User").ssh_public_keys.remove(self.ssh_public_key())

    # [service credentials]

    def create_service_specific_credential(self):
        user, service, days = self.holder("User"), self.params["ServiceName"], self.params.get("CredentialAgeDays")
        self.refuse_service(service)
        if days and service not in API_KEY_SERVICES:
            raise fault("ValidationError", f"CredentialAgeDays is not supported for {service}.")
        taken = [one.number for one in user.service_credentials if one.service == service]
        self.backend.check_quota("ServiceSpecificCredentialsPerServiceQuota", len(taken))
        number = next(n for n in itertools.count() if n not in taken)
        name = f"{user.name}{f'+{number}' if number else ''}-at-{self.current_account}"
        if service in API_KEY_SERVICES:
            shown_name = {"ServiceCredentialAlias": f"{name}-v1-{utcnow():%Y%m%d%H%M%S}"}
        else:
            shown_name = {"ServiceUserName": name}
        expires = days and utcnow() + timedelta(days=days)
        credential = ServiceCredential(user.name, service, number, shown_name, expires)
        user.service_credentials.append(credential)
        return self.credential_with_secret(credential)

    def credential_with_secret(self, credential):
        """The only time that the secret is shown; it is not even kept."""
        [name] = credential.shown_name.values()
        if credential.service in API_KEY_SERVICES:
            secret = {"ServiceCredentialSecret": "ABSK" + b64encode(f"{name}:{token_urlsafe(48)}".encode()).decode()}
        else:
            secret = {"ServicePassword": token_urlsafe(33)}
        return {"ServiceSpecificCredential": {**credential_view(credential), **secret}}

    def refuse_service(self, service):
        if service is not None and service not in PASSWORD_SERVICES + API_KEY_SERVICES:
            raise fault("NotSupportedService", f"The service {service} is not supported.")

    def list_service_specific_credentials(self):
        service = self.params.get("ServiceName")
        self.refuse_service(service)
        if self.params.get("AllUsers"):
            if "UserName" in self.params:
                raise fault("ValidationError", "AllUsers cannot be specified together with UserName.")
            users = self.backend.users.values()
        else:
            users = [self.user_or_caller()]
        held = [one for user in users for one in user.service_credentials if service in (None, one.service)]
        return self.listed("ServiceSpecificCredentials", held, credential_view, key=lambda one: (one.id,))

    def service_credential(self, user):
        parameter = "ServiceSpecificCredentialId"
        return self.one_of(user.service_credentials, "id", parameter, "Service Specific Credential")

    def update_service_specific_credential(self):
        self.service_credential(self.user_or_caller()).status = self.new_status()

    def reset_service_specific_credential(self):
        return self.credential_with_secret(self.service_credential(self.user_or_caller()))

    def delete_service_specific_credential(self):
        user = self.user_or_caller()
        user.service_credentials.remove(self.service_credential(user))

    # [mfa]

    def create_virtual_mfa_device(self):
        p, backend = self.params, self.backend
        name = p["VirtualMFADeviceName"]
        device = models.VirtualMfaDevice(backend.account_id, self.region, p.get("Path", "/") + name)
        serial = device.serial_number
        if any(one.lower() == serial.lower() for one in backend.virtual_mfa_devices):
            raise already_exists("MFADevice entity at the same path and name already exists.")
        device.strict_tags = self.new_tags()
        backend.virtual_mfa_devices[serial] = device
        seed, owner = device.base32_string_seed, f"{name}@{backend.account_id}"
        return {
            "VirtualMFADevice": {
                "SerialNumber": serial,
                "Base32StringSeed": b64encode(seed.encode()).decode(),
                "QRCodePNG": b64encode(png(f"otpauth://totp/{owner}?secret={seed}")).decode(),
                "Tags": device.strict_tags or None,
            }
        }

    def list_virtual_mfa_devices(self):
        wanted = self.params.get("AssignmentStatus", "Any")
        devices = self.backend.virtual_mfa_devices.values()
        if wanted != "Any":
            devices = [one for one in devices if (one.user is not None) == (wanted == "Assigned")]
        return self.listed("VirtualMFADevices", devices, virtual_mfa_view, key=lambda one: (one.serial_number,))

    def delete_virtual_mfa_device(self):
        """[delete]"""
        if mfa_device(self.backend, self.params["SerialNumber"]).user:
            raise fault("DeleteConflict", "Cannot delete entity, must deactivate the MFA device first.")
        del self.backend.virtual_mfa_devices[self.params["SerialNumber"]]

    def enable_mfa_device(self):
        user, serial = self.holder("User"), self.params["SerialNumber"]
        # What has an ARN is virtual. The serial numbers of others are not checked.
        virtual = mfa_device(self.backend, serial) if serial.startswith("arn:") else None
        if any(serial in other.mfa_devices for other in self.backend.users.values()):
            raise already_exists(f"MFA Device {serial} is already in use.")
        self.backend.check_quota("MFADevicesPerUserQuota", len(user.mfa_devices))
        self.check_codes()
        device = user.mfa_devices[serial] = models.MFADevice(serial, "", "")
        if virtual:
            virtual.user, virtual.enable_date = user, device.enable_date

    def check_codes(self):
        # That they come from the device is not checked: a test has no clock to wait for.
        if self.params["AuthenticationCode1"] == self.params["AuthenticationCode2"]:
            raise fault("InvalidAuthenticationCode", "The authentication codes are not two consecutive ones.")

    def users_device(self, user):
        serial = self.params["SerialNumber"]
        if serial not in user.mfa_devices:
            raise no_such(f"MFA Device {serial} of user {user.name} cannot be found.")
        return user.mfa_devices[serial]

    def resync_mfa_device(self):
        self.users_device(self.holder("User"))
        self.check_codes()

    def deactivate_mfa_device(self):
        user = self.user_or_caller()
        serial = self.users_device(user).serial_number
        del user.mfa_devices[serial]
        if virtual := self.backend.virtual_mfa_devices.get(serial):
            virtual.user = virtual.enable_date = None

    def get_mfa_device(self):
        serial = self.params["SerialNumber"]
        users = [self.holder("User")] if "UserName" in self.params else list(self.backend.users.values())
        user = next((one for one in users if serial in one.mfa_devices), None)
        if user:
            return mfa_device_view(user.mfa_devices[serial], user)
        if "UserName" in self.params:
            self.users_device(users[0])
        return {"SerialNumber": mfa_device(self.backend, serial).serial_number}

    def list_mfa_devices(self):
        user = self.user_or_caller()
        view = functools.partial(mfa_device_view, user=user)
        return self.listed("MFADevices", user.mfa_devices.values(), view, key=lambda one: (one.serial_number,))

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
        self.backend.check_quota("GroupsPerUserQuota", len(user.member_of))
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
        self.backend.check_quota("PolicySizeQuota", 0, size(document))

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
        if len(policy.versions) >= (most := self.backend.quota("VersionsPerPolicyQuota")):
            raise fault(
                "LimitExceeded",
                f"A managed policy can have up to {most} versions. Before you create a new version, you must delete "
                "an existing version.",
            )
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
        profile, role = self.holder("InstanceProfile"), self.holder("Role", write=True)
        # [quota] The same role a second time, too.
        if profile.roles:
            raise limit("InstanceSessionsPerInstanceProfile", 1)
        profile.roles.append(role)
        role.in_profiles.append(profile)

    def remove_role_from_instance_profile(self):
        profile, role = self.holder("InstanceProfile"), self.holder("Role", write=True)
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
        backend.check_quota("OpenIDConnectProvidersQuota", len(backend.open_id_providers))
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
        self.backend.check_quota("ClientIdsPerOpenIDConnectProviderQuota", len(provider.client_id_list))
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

    # [saml]

    def create_saml_provider(self):
        """[twice]"""
        p, backend = self.params, self.backend
        if p["Name"] in backend.saml_providers:
            raise already_exists(f"SAML Provider with name {p['Name']} already exists.")
        backend.check_quota("SAMLProvidersQuota", len(backend.saml_providers))
        tags = self.new_tags()
        provider = models.SAMLProvider(backend.account_id, self.region, p["Name"])
        provider.strict_tags, provider.uuid = tags, unique_id("", 32)
        provider.private_keys, provider.encryption_mode = {}, None
        self.set_saml(provider)
        backend.saml_providers[p["Name"]] = provider
        return {"SAMLProviderArn": provider.arn, "Tags": tags or None}

    def set_saml(self, provider):
        """All of it or nothing."""
        p, keys = self.params, dict(provider.private_keys)
        metadata = p.get("SAMLMetadataDocument")
        valid_until = check_metadata(metadata) if metadata else provider.valid_until
        if "AddPrivateKey" in p and "RemovePrivateKey" in p:
            raise fault("InvalidInput", "Add the new private key, then remove the old one in another request.")
        if "AddPrivateKey" in p:
            self.backend.check_quota("PrivateKeysPerSAMLProviderQuota", len(keys))
            if private_key(p["AddPrivateKey"]) is None:
                raise fault("InvalidInput", "The private key is not a private key in PEM format.")
            keys[unique_id("", 32)] = utcnow()
        if "RemovePrivateKey" in p and keys.pop(p["RemovePrivateKey"], None) is None:
            raise no_such(f"The private key with id {p['RemovePrivateKey']} cannot be found.")
        mode = p.get("AssertionEncryptionMode", provider.encryption_mode)
        # Where AWS is silent: without a key nobody could read what has to be encrypted.
        if mode == "Required" and not keys:
            raise fault("InvalidInput", "Encryption of assertions needs a private key.")
        provider.private_keys, provider.encryption_mode = keys, mode
        provider.saml_metadata_document = metadata or provider.saml_metadata_document
        provider.valid_until = valid_until

    def saml_provider(self):
        arn = self.params["SAMLProviderArn"]
        if not re.fullmatch(r"arn:[\w-]+:iam::\d{12}:saml-provider/[\w.-]+", arn):
            raise fault("InvalidInput", f"Invalid ARN: {arn}")
        return self.backend.get_saml_provider(arn)

    def get_saml_provider(self):
        provider = self.saml_provider()
        return {
            "SAMLProviderUUID": provider.uuid,
            "SAMLMetadataDocument": provider.saml_metadata_document,
            "CreateDate": provider.create_date,
            "ValidUntil": provider.valid_until,
            "Tags": provider.strict_tags,
            "AssertionEncryptionMode": provider.encryption_mode,
            "PrivateKeyList": [{"KeyId": key, "Timestamp": added} for key, added in provider.private_keys.items()],
        }

    def list_saml_providers(self):
        providers = sorted(self.backend.saml_providers.values(), key=lambda one: one.name)
        return {
            "SAMLProviderList": [
                {"Arn": one.arn, "ValidUntil": one.valid_until, "CreateDate": one.create_date} for one in providers
            ]
        }

    def update_saml_provider(self):
        provider = self.saml_provider()
        self.set_saml(provider)
        return {"SAMLProviderArn": provider.arn}

    def delete_saml_provider(self):
        del self.backend.saml_providers[self.saml_provider().name]

    # Server certificates

    def certificate(self):
        return self.backend.get_server_certificate(self.params["ServerCertificateName"])

    def refuse_certificate(self, name):
        """[twice]"""
        if any(one.cert_name.lower() == name.lower() for one in self.backend.certificates.values()):
            raise already_exists(f"The Server Certificate with name {name} already exists.")

    def upload_server_certificate(self):
        """[certificate]"""
        p, backend = self.params, self.backend
        self.refuse_certificate(p["ServerCertificateName"])
        backend.check_quota("ServerCertificatesQuota", len(backend.certificates))
        tags = self.new_tags()
        expires = check_server_certificate(p["CertificateBody"], p["PrivateKey"], p.get("CertificateChain"))
        certificate = backend.upload_server_certificate(
            p["ServerCertificateName"], p["CertificateBody"], "", p.get("CertificateChain"), p.get("Path")
        )
        certificate.upload_date, certificate.expires = utcnow(), expires
        certificate.certificate_id = unique_id("ASCA")
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

    def delete_server_certificate(self):
        """[delete]"""
        certificate = self.certificate()
        if user := getattr(certificate, "used_by", None):
            raise fault(
                "DeleteConflict",
                f"Certificate: {certificate.certificate_id} is currently in use by {user}. "
                "Please remove it first before deleting it from IAM.",
            )
        self.backend.delete_server_certificate(certificate.cert_name)

    # The account

    def create_account_alias(self):
        """[twice] Another alias of the own account is replaced, one that anybody has is refused."""
        alias = self.params["AccountAlias"]
        # All accounts share the names, and a request holds only its own account's lock.
        with aliases_lock:
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
        """[quota] What the account has, and how much it may have. Its root user has no credentials."""
        backend = self.backend
        summary = {
            "Roles": len(backend.roles),
            "Users": len(backend.users),
            "Groups": len(backend.groups),
            "Policies": len(backend.managed_policies),
            "InstanceProfiles": len(backend.instance_profiles),
            "ServerCertificates": len(backend.certificates),
            "Providers": len(backend.saml_providers) + len(backend.open_id_providers),
            "PolicyVersionsInUse": len(backend.policies_in_use()),
            "MFADevices": len(backend.virtual_mfa_devices),
            "MFADevicesInUse": sum(len(user.mfa_devices) for user in backend.users.values()),
            "AccountMFAEnabled": 0,
            "AccountPasswordPresent": 0,
            "AccountAccessKeysPresent": 0,
            "AccountSigningCertificatesPresent": 0,
            "GlobalEndpointTokenVersion": backend.token_version,
        }
        for name in SUMMARY_QUOTAS:
            summary[name] = backend.quota(name)
        return ActionResult({"SummaryMap": summary})

    def set_security_token_service_preferences(self):
        self.backend.token_version = int(self.params["GlobalEndpointTokenVersion"][1])

    # [federation]

    def issuer(self):
        # Every account has one, and keeps it.
        unique = uuid.uuid5(uuid.NAMESPACE_URL, f"{self.partition}:{self.current_account}")
        return f"https://{unique}.tokens.sts.global.api.aws"

    def enable_outbound_web_identity_federation(self):
        if self.backend.web_identity_federation:
            raise fault("FeatureEnabled", "Outbound web identity federation is already enabled for this account.")
        self.backend.web_identity_federation = True
        return {"IssuerIdentifier": self.issuer()}

    def refuse_disabled_federation(self):
        if not self.backend.web_identity_federation:
            raise fault("FeatureDisabled", "Outbound web identity federation is not enabled for this account.")

    def disable_outbound_web_identity_federation(self):
        self.refuse_disabled_federation()
        self.backend.web_identity_federation = False

    def get_outbound_web_identity_federation_info(self):
        self.refuse_disabled_federation()
        return {"IssuerIdentifier": self.issuer(), "JwtVendingEnabled": True}

    # [properties]

    def get_account_properties(self):
        return ActionResult({"Properties": self.backend.properties})

    def put_account_properties(self):
        """Which properties there are, and their types, AWS does not say: all that have the form are taken."""
        properties = self.params["Properties"]
        if any(not re.fullmatch(r"[^/]+/[^/]+", key) for key in properties):
            raise fault("InvalidInput", "A property key has the form Namespace/PropertyName.")
        if len({key.split("/")[0] for key in properties}) != 1:
            raise fault("InvalidInput", "All properties of a request belong to one namespace.")
        self.backend.properties.update(properties)

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


# How AWS names the roles of services whose names do not tell.
LINKED_NAMES = {
    "access-analyzer": "AccessAnalyzer",
    "batch": "Batch",
    "cloudtrail": "CloudTrail",
    "config": "Config",
    "connect": "AmazonConnect",
    "ecs": "ECS",
    "eks": "AmazonEKS",
    "eks-nodegroup": "AmazonEKSNodegroup",
    "elasticache": "ElastiCache",
    "elasticloadbalancing": "ElasticLoadBalancing",
    "es": "AmazonElasticsearchService",
    "guardduty": "AmazonGuardDuty",
    "lex": "LexBots",
    "lexv2": "LexV2Bots",
    "opensearchservice": "AmazonOpenSearchService",
    "organizations": "Organizations",
    "rds": "RDS",
    "redshift": "Redshift",
    "replication.dynamodb": "DynamoDBReplication",
    "securityhub": "SecurityHub",
    "spot": "EC2Spot",
    "spotfleet": "EC2SpotFleet",
    "ssm": "AmazonSSM",
    "support": "Support",
    "transitgateway": "VPCTransitGateway",
    "trustedadvisor": "TrustedAdvisor",
    "dynamodb.application-autoscaling": "ApplicationAutoScaling_DynamoDBTable",
    "ecs.application-autoscaling": "ApplicationAutoScaling_ECSService",
    "lambda.application-autoscaling": "ApplicationAutoScaling_LambdaConcurrency",
    "rds.application-autoscaling": "ApplicationAutoScaling_RDSCluster",
}
SUFFIXED_SERVICES = {f"{one}.amazonaws.com" for one in ("autoscaling", "connect", "lex", "lexv2")}


def service_linked_role(backend, service, description, suffix):
    """moto makes the role; it is caught where moto would store it."""
    kept = []
    backend.create_role = lambda name, document, path, **rest: kept.append((name, document, path))
    try:
        backend.create_service_linked_role(service, description, suffix)
    finally:
        del backend.create_role
    name, document, path = kept[0]
    if known := LINKED_NAMES.get(service.partition(".amazonaws.")[0]):
        name = f"AWSServiceRoleFor{known}" + (f"_{suffix}" if suffix else "")
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


# A deletion takes so long, or as many questions about it as it has steps.
DELETION_SECONDS = 5


@dataclass
class Deletion:
    """[linked] Of a service-linked role, once its service has said that it needs the role no more."""

    role: models.Role
    began: float = field(default_factory=time.monotonic)
    steps: list = field(default_factory=lambda: ["NOT_STARTED", "IN_PROGRESS"])
    status: str | None = None
    reason: dict | None = None


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

# What a call was about. Documents, passwords, seeds, keys and the values of secrets stay out.
JOURNALLED = re.compile(
    r"(\w+Name|\w*Arn|Url|Name|Path|NewPath|PathPrefix|ClientID|AccountAlias|CustomSuffix|PermissionsBoundary|VersionId"
    r"|SerialNumber|CertificateId|SSHPublicKeyId|AccessKeyId|ServiceSpecificCredentialId|DeletionTaskId|SecretId|Status"
    r"|GlobalEndpointTokenVersion|Scope|MaxItems|Marker)"
)
journal = []
sequence = itertools.count(1)


def reset():
    global sequence
    for kept in (iam_backends, sts_backends, secretsmanager_backends, lowered_quotas, authorised, asked, journal, trails, trail_lookups):
        kept.clear()
    sequence = itertools.count(1)


def lower_quota(request):
    """[quota]"""
    account, name, value = request["account"], request["name"], int(request["value"])
    if name not in QUOTAS:
        raise ValueError(f"no such quota: {name}")
    lowered_quotas[account, name] = value


# [caller] By account: the statements of the one policy that its callers have.
authorised = {}
# The actions that its calls were decided by.
asked = {}

# Calls that AWS decides by more actions than their own.
PASSES_A_ROLE = ("AddRoleToInstanceProfile",)
TAGS_WHAT_IT_MAKES = {
    "CreateRole": "TagRole",
    "CreateUser": "TagUser",
    "CreatePolicy": "TagPolicy",
    "CreateInstanceProfile": "TagInstanceProfile",
    "CreateOpenIDConnectProvider": "TagOpenIDConnectProvider",
    "CreateSAMLProvider": "TagSAMLProvider",
    "CreateVirtualMFADevice": "TagMFADevice",
    "UploadServerCertificate": "TagServerCertificate",
}


def authorise(request):
    """[caller]"""
    account, document = request["account"], request["policyDocument"]
    if document is None:
        authorised.pop(account, None)
    else:
        statements = as_list(document["Statement"])
        if not all({"Effect", "Action", "Resource"} == set(one) - {"Sid"} for one in statements):
            raise ValueError("a statement has Effect, Action, Resource and no more than a Sid beside")
        if not all(one["Resource"] == "*" for one in statements):
            raise ValueError("only actions are decided here: write Resource: *")
        authorised[account] = [(one["Effect"], as_list(one["Action"])) for one in statements]


def check_authorised(service, action, params, account):
    """[caller]"""
    if account not in authorised or service == "sts":
        return
    needed = [f"{service}:{action}"]
    if service == "iam" and action in PASSES_A_ROLE:
        needed.append("iam:PassRole")
    if service == "iam" and action in TAGS_WHAT_IT_MAKES and any(name.startswith("Tags.") for name in params):
        needed.append(f"iam:{TAGS_WHAT_IT_MAKES[action]}")
    asked.setdefault(account, set()).update(needed)
    for one in needed:
        effects = {
            effect
            for effect, actions in authorised[account]
            if any(fnmatchcase(one.lower(), pattern.lower()) for pattern in actions)
        }
        if effects != {"Allow"}:
            denied = "with an explicit deny in an identity-based policy"
            because = denied if effects else f"because no identity-based policy allows the {one} action"
            raise fault(
                "AccessDenied",
                f"User: arn:aws:sts::{account}:assumed-role/bootstrap/iam-bootstrap is not authorized to perform: "
                f"{one} on resource: * {because}",
            )


def mark_in_use(request):
    """[delete] A service-linked role or a server certificate; {"inUse": false} takes the mark away."""
    account, name, found = request["account"], request["name"], []
    for backend in list(iam_backends[account].values()):
        with backend.lock:
            roles = [(role._linked_service, role) for role in backend.roles.values() if role.name == name]
            found += [(linked.split(".")[0], role) for linked, role in roles if linked]
            certificates = [one for one in backend.certificates.values() if one.cert_name == name]
            found += [("elasticloadbalancing", certificate) for certificate in certificates]
    if not found:
        raise ValueError(f"account {account} has neither a service-linked role nor a server certificate {name}")
    for service, entity in found:
        user = f"arn:{entity.partition}:{service}:us-east-1:{account}:resource/{name}"
        entity.used_by = user if request.get("inUse", True) else None


CONTROLS = {
    "/sandbox/reset": lambda request: reset(),
    "/sandbox/quota": lower_quota,
    "/sandbox/in-use": mark_in_use,
    "/sandbox/authorise": authorise,
}

# --------------------------------------------------------------------------------------------------------- server

SERVICES = {
    "2010-05-08": ("iam", StrictIam, "https://iam.amazonaws.com/doc/2010-05-08/"),
    "2011-06-15": ("sts", StrictSts, "https://sts.amazonaws.com/doc/2011-06-15/"),
}
UNSIGNED = ("AssumeRoleWithWebIdentity", "AssumeRoleWithSAML")


def call(form, authorization, agent="", address=""):
    """One call of IAM or STS: its status, request ID and XML."""
    service, responses, namespace = SERVICES.get(form.get("Version"), SERVICES["2010-05-08"])
    action = form.get("Action", "")

    def answer(access_key, account, region, request_id):
        # [action]
        if action not in get_service_model(service).operation_names or not responses.implements(action):
            raise fault("InvalidAction", f"Could not find operation {action} for version {form.get('Version')}")
        request = responses()
        request.prepare(service, form, authorization, access_key, account, region)
        return request.answer(namespace, request_id)

    def refusal(code, message, request_id):
        status = STATUS.get(code, 400)
        fault_of = "Receiver" if status >= 500 else "Sender"
        body = (
            f'<ErrorResponse xmlns="{namespace}"><Error><Type>{fault_of}</Type><Code>{code}</Code>'
            f"<Message>{xml(message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return status, code, body

    return referee(service, action, form, authorization, answer, refusal, agent, address)


# What the JSON protocol calls the errors that are every service's.
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
}


def call_json(target, text, authorization):
    """One call of AWS Secrets Manager or CloudTrail: its status, request ID and JSON."""
    prefix, _, action = target.rpartition(".")
    service, responses = JSON_SERVICES.get(prefix, ("", None))
    try:
        params = json.loads(text or "{}")
    except ValueError:
        params = None

    def answer(access_key, account, region, request_id):
        if responses is None or action not in responses.ACTIONS:
            raise fault("InvalidAction", f"Could not find operation {target}")
        return json.dumps(responses().perform(action, params, account, region))

    def refusal(code, message, request_id):
        code = JSON_CODES.get(code, code)
        return (500 if code == "InternalServiceError" else 400), code, json.dumps({"__type": code, "Message": message})

    names = {key: params[key] for key in ("Name", "SecretId") if isinstance(params, dict) and key in params}
    return referee(service or "secretsmanager", action, names, authorization, answer, refusal)


def referee(service, action, params, authorization, answer, refusal, agent="", address=""):
    """Who calls, what comes of it, and the line in the journal."""
    request_id = str(uuid.uuid4())
    credential = re.search(r"Credential=([^/,\s]+)/(?:[^/]+/([^/]+)/)?", authorization)
    access_key, region = credential.groups() if credential else ("", None)
    region = region or "us-east-1"
    account = ACCOUNT_OF_KEY.get(access_key, DEFAULT_ACCOUNT)
    status, code, message = 200, None, None
    at, caller = datetime.now(timezone.utc), None
    traced = service in ("iam", "sts") and not READS.match(action)
    traced = traced and action in get_service_model(service).operation_names
    if traced:
        # Who it was: a call may delete its own caller.
        caller = identity(access_key, account, region)
    try:
        check_caller(service, action, access_key, account)
        check_authorised(service, action, params, account)
        # [atomic] Reads too, so that none walks through what another call is changing.
        backend = iam_backends[account][get_partition(region)]
        with backend.lock:
            use_key(backend, access_key, service, region)
            body = answer(access_key, account, region, request_id)
    except Exception as error:
        if isinstance(error, ServiceException):
            code, message = error.code, str(error.message)
        elif isinstance(error, JsonRESTError):
            code, message = error.error_type, error.message
        else:
            traceback.print_exc()
            code, message = "ServiceFailure", f"the sandbox failed: {error!r}"
        status, code, body = refusal(code, message, request_id)
    # What is signed by nobody known is in nobody's trail.
    if traced and code not in ("ExpiredToken", "InvalidClientTokenId", "MissingAuthenticationToken"):
        outcome = (request_id, code, message, at)
        note_event(service, action, params, caller, access_key, account, region, outcome, agent, address)
    journal.append(
        {
            "seq": next(sequence),
            "at": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "account": account,
            "action": action,
            "params": {key: value for key, value in params.items() if JOURNALLED.fullmatch(key)},
            "status": status,
            "code": code,
            "requestId": request_id,
        }
    )
    return status, request_id, body


READS = re.compile("Get|List|Simulate|Generate")


def check_caller(service, action, access_key, account):
    """[caller]"""
    if not access_key and action not in UNSIGNED:
        raise fault("MissingAuthenticationToken", "Request is missing Authentication Token")
    if access_key.startswith(EXPIRED_KEYS):
        raise fault("ExpiredToken", "The security token included in the request is expired")
    if access_key.startswith(DENIED_KEYS) and service != "sts":
        raise fault(
            "AccessDenied",
            f"User: arn:aws:iam::{account}:user/denied is not authorized to perform: {service}:{action} "
            "because no identity-based policy allows the action",
        )


def use_key(backend, access_key, service, region):
    """[caller] A user's access key that is deleted or inactive is good for nothing; others note their use."""
    key = backend.access_keys.get(access_key)
    if access_key in DELETED_KEYS or (key and key.status != "Active"):
        raise fault("InvalidClientTokenId", "The security token included in the request is invalid.")
    if key:
        key.last_used = models.AccessKeyLastUsed(utcnow(), service, region)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rbufsize = 65536
    # A connection that nobody uses is closed, by the client first, which is told of it: each one is a thread here.
    timeout = 300

    def do_GET(self):
        if self.path == "/sandbox/journal":
            self.reply(200, "application/json", json.dumps(list(journal)))
        elif self.path == "/sandbox/asked":
            self.reply(200, "application/json", json.dumps({account: sorted(asked[account]) for account in list(asked)}))
        else:
            self.reply(404, "text/plain", "not here: GET /sandbox/journal, GET /sandbox/asked\n")

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
