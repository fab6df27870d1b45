"""What tests can change: POST /sandbox/reset, /sandbox/quota, /sandbox/age-keys, /sandbox/in-use, /sandbox/authorise,
/sandbox/organization, /sandbox/account-state and /sandbox/tag-index."""

from datetime import timedelta

from moto.iam.models import iam_backends
from moto.organizations.models import organizations_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sts.models import sts_backends

from . import journal
from .access import authorise, authorised, requested_actions
from .account import organization_errors, set_organization
from .cloudtrail import trail_lookups, trails
from .organizations import set_state
from .quotas import lowered_quotas, set_quota
from .tagging_api import freeze, frozen


def reset():
    """POST /sandbox/reset: empties all accounts and the journal, and undoes the controls below."""
    for state in (
        iam_backends,
        organizations_backends,
        organizations_backends.master_accounts,
        sts_backends,
        secretsmanager_backends,
        lowered_quotas,
        authorised,
        organization_errors,
        requested_actions,
        trails,
        trail_lookups,
        frozen,
    ):
        state.clear()
    journal.clear()


def age_keys(request):
    """POST /sandbox/age-keys: lets the access keys of a user be older by some hours."""
    backends = list(iam_backends[request["account"]].values())
    users = [user for backend in backends for user in backend.users.values() if user.name == request["userName"]]
    if not users:
        raise ValueError(f"no user {request['userName']}")
    for user in users:
        for key in user.access_keys:
            key.create_date -= timedelta(hours=request["hours"])


def set_in_use(request):
    """POST /sandbox/in-use: a resource uses, or no longer uses, a service-linked role or a server certificate."""
    account, name, found = request["account"], request["name"], []
    for backend in list(iam_backends[account].values()):
        with backend.lock:
            roles = [(role._linked_service, role) for role in backend.roles.values() if role.name == name]
            found += [(linked.split(".")[0], role) for linked, role in roles if linked]
            certificates = [item for item in backend.certificates.values() if item.cert_name == name]
            found += [("elasticloadbalancing", certificate) for certificate in certificates]
    if not found:
        raise ValueError(f"account {account} has neither a service-linked role nor a server certificate {name}")
    for service, entity in found:
        user = f"arn:{entity.partition}:{service}:us-east-1:{account}:resource/{name}"
        entity.used_by = user if request.get("inUse", True) else None


CONTROLS = {
    "/sandbox/reset": lambda request: reset(),
    "/sandbox/quota": set_quota,
    "/sandbox/in-use": set_in_use,
    "/sandbox/age-keys": age_keys,
    "/sandbox/authorise": authorise,
    "/sandbox/organization": set_organization,
    "/sandbox/account-state": set_state,
    "/sandbox/tag-index": freeze,
}
