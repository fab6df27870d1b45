"""AWS IAM: the actions of every module together, on top of moto's."""

import functools

from moto.iam.responses import IamResponse

from .account import Account
from .certificates import ServerCertificates, SigningCertificates
from .credentials import AccessKeys, ServiceCredentials, SshPublicKeys
from .federation import OidcProviders, SamlProviders
from .mfa import MfaDevices
from .passwords import Passwords
from .policies import Policies
from .roles import InstanceProfiles
from .service_linked_roles import ServiceLinkedRoles
from .tagging import TAGGABLE
from .users_and_groups import Groups, Users


class StrictIam(
    ServiceLinkedRoles,
    InstanceProfiles,
    Users,
    Groups,
    Passwords,
    AccessKeys,
    SshPublicKeys,
    ServiceCredentials,
    SigningCertificates,
    ServerCertificates,
    MfaDevices,
    Policies,
    OidcProviders,
    SamlProviders,
    Account,
    IamResponse,
):
    def answer(self, namespace, request_id):
        self.finish_deletions()
        return super().answer(namespace, request_id)


def generic_actions():
    """Yields the actions that several kinds share: TagRole and TagUser, AttachRolePolicy and AttachGroupPolicy."""
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
    action: functools.partial(lambda self, method, kind: method(self, kind), method=method, kind=kind)
    for action, method, kind in generic_actions()
}
