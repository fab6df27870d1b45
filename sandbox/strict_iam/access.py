"""Access keys: which account and caller each one belongs to, and what the caller may do.

    keys that begin with ASIAEXPIRED or AKIAEXPIRED                             403 ExpiredToken
    keys that begin with AKIADENIED, except for STS                             403 AccessDenied
    keys that begin with AKIAAWSSERVICE act as an AWS service, which may write aws: tags
    an account with a policy from POST /sandbox/authorise: denied actions       403 AccessDenied
    an access key of a user records its use; inactive or deleted it is refused  403 InvalidClientTokenId

By the JSON protocol these errors have status 400 and end in Exception.
"""

from fnmatch import fnmatchcase

from moto.core.utils import utcnow
from moto.iam import models

from .documents import as_list
from .errors import aws_error

# The account of access keys that the sandbox did not issue. The command line sets it.
DEFAULT_ACCOUNT = "111111111111"
# The account of each access key that the sandbox issued. A reset keeps it: credentials stay valid.
ACCOUNT_OF_KEY = {}
DELETED_KEYS = set()
# The session of each access key of an assumed role.
SESSIONS = {}
# Prefixes of access keys that stand for a kind of caller.
EXPIRED_KEYS = ("ASIAEXPIRED", "AKIAEXPIRED")
DENIED_KEYS = ("AKIADENIED",)
SERVICE_KEYS = ("AKIAAWSSERVICE",)
# The policy statements of all callers of an account, by account.
authorised = {}
# The actions that calls needed permission for, by account.
requested_actions = {}
# Calls that need permission for more than one action.
PASS_ROLE_ACTIONS = ("AddRoleToInstanceProfile",)
TAGGING_ACTIONS = {
    "CreateRole": "TagRole",
    "CreateUser": "TagUser",
    "CreatePolicy": "TagPolicy",
    "CreateInstanceProfile": "TagInstanceProfile",
    "CreateOpenIDConnectProvider": "TagOpenIDConnectProvider",
    "CreateSAMLProvider": "TagSAMLProvider",
    "CreateVirtualMFADevice": "TagMFADevice",
    "UploadServerCertificate": "TagServerCertificate",
}
UNSIGNED = ("AssumeRoleWithWebIdentity", "AssumeRoleWithSAML")


def check_caller(service, action, access_key, account):
    """Refuses calls without a key, and keys that stand for a refused caller."""
    if not access_key and action not in UNSIGNED:
        raise aws_error("MissingAuthenticationToken", "Request is missing Authentication Token")
    if access_key.startswith(EXPIRED_KEYS):
        raise aws_error("ExpiredToken", "The security token included in the request is expired")
    if access_key.startswith(DENIED_KEYS) and service != "sts":
        raise aws_error(
            "AccessDenied",
            f"User: arn:aws:iam::{account}:user/denied is not authorized to perform: {service}:{action} "
            "because no identity-based policy allows the action",
        )


def check_access_key(backend, access_key, service, region):
    """Refuses deleted and inactive keys of users, and records the use of active ones."""
    key = backend.access_keys.get(access_key)
    if access_key in DELETED_KEYS or (key and key.status != "Active"):
        raise aws_error("InvalidClientTokenId", "The security token included in the request is invalid.")
    if key:
        key.last_used = models.AccessKeyLastUsed(utcnow(), service, region)


def authorise(request):
    """POST /sandbox/authorise: sets the policy of an account's callers; null removes it."""
    account, document = request["account"], request["policyDocument"]
    if document is None:
        authorised.pop(account, None)
    else:
        statements = as_list(document["Statement"])
        if not all({"Effect", "Action", "Resource"} == set(statement) - {"Sid"} for statement in statements):
            raise ValueError("a statement has Effect, Action and Resource, and may have a Sid")
        if not all(statement["Resource"] == "*" for statement in statements):
            raise ValueError("only actions are checked: write Resource: *")
        authorised[account] = [(statement["Effect"], as_list(statement["Action"])) for statement in statements]


def check_authorised(service, action, params, account):
    """Refuses a call that the policy of the account does not allow."""
    if account not in authorised or service == "sts":
        return
    needed = [f"{service}:{action}"]
    if service == "iam" and action in PASS_ROLE_ACTIONS:
        needed.append("iam:PassRole")
    if service == "iam" and action in TAGGING_ACTIONS and any(name.startswith("Tags.") for name in params):
        needed.append(f"iam:{TAGGING_ACTIONS[action]}")
    requested_actions.setdefault(account, set()).update(needed)
    for permission in needed:
        effects = {
            effect
            for effect, actions in authorised[account]
            if any(fnmatchcase(permission.lower(), pattern.lower()) for pattern in actions)
        }
        if effects != {"Allow"}:
            explicit = "with an explicit deny in an identity-based policy"
            reason = explicit if effects else f"because no identity-based policy allows the {permission} action"
            raise aws_error(
                "AccessDenied",
                f"User: arn:aws:sts::{account}:assumed-role/bootstrap/iam-bootstrap is not authorized to perform: "
                f"{permission} on resource: * {reason}",
            )
