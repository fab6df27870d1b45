"""Account alias, account summary, properties, features of the organization, outbound web identity federation and
GetAccountAuthorizationDetails.

an alias that any account has                                               409 EntityAlreadyExists
federation that is enabled already, or is not enabled       409 FeatureEnabled, 404 FeatureDisabled
features of an organization in an account without access                   AccountNotManagementOrDelegatedAdministrator, …
property keys that do not have the form Namespace/PropertyName              400 InvalidInput
GetAccountAuthorizationDetails filters, pages and URL-encodes documents, with the fields that AWS shows
"""

import re
import threading
import uuid

from moto.core.responses import ActionResult
from moto.iam.models import iam_backends

from .errors import already_exists, aws_error, no_such_entity
from .quotas import SUMMARY_QUOTAS
from .request import IamRequest
from .views import group_detail, policy_detail, role_detail, user_detail

aliases_lock = threading.Lock()
# The error that an account gets when it asks for the features of its organization, by account.
organization_errors = {}
ORGANIZATION_ERRORS = {
    "AccountNotManagementOrDelegatedAdministrator": "The account is not the management account or delegated "
    "administrator account for centralized root access.",
    "CallerIsNotManagementAccount": "The account is not the management account for the organization.",
    "OrganizationNotFound": "No organization is associated with your account.",
    "OrganizationNotInAllFeaturesMode": "Your organization does not have all features enabled.",
    "ServiceAccessNotEnabled": "Trusted access is not enabled for IAM in Organizations.",
}
DETAILS = (
    ("User", "UserDetailList", user_detail),
    ("Group", "GroupDetailList", group_detail),
    ("Role", "RoleDetailList", role_detail),
    ("Policy", "Policies", policy_detail),
)


def set_organization(request):
    """POST /sandbox/organization: the error of a call for features of the organization; null for none."""
    account, code = request["account"], request["error"]
    if code is not None and code not in ORGANIZATION_ERRORS:
        raise ValueError(f"no such error: {code}")
    organization_errors[account] = code


class Account(IamRequest):
    def create_account_alias(self):
        """Replaces the alias of the account; refuses an alias that any account has."""
        alias = self.params["AccountAlias"]
        # Aliases are unique across accounts, and a request holds only the lock of its own account.
        with aliases_lock:
            for account in list(iam_backends.values()):
                if any(alias in backend.account_aliases for backend in list(account.values())):
                    raise already_exists(f"The account alias {alias} already exists.")
            self.backend.account_aliases = [alias]

    def delete_account_alias(self):
        if self.params["AccountAlias"] not in self.backend.account_aliases:
            raise no_such_entity(f"The account alias {self.params['AccountAlias']} cannot be found.")
        self.backend.account_aliases = []

    def list_account_aliases(self):
        return {"AccountAliases": self.backend.account_aliases, "IsTruncated": False}

    def get_account_summary(self):
        """Counts the entities and shows the quotas. The root user has no credentials."""
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

    def issuer(self):
        # The issuer of an account never changes.
        unique = uuid.uuid5(uuid.NAMESPACE_URL, f"{self.partition}:{self.current_account}")
        return f"https://{unique}.tokens.sts.global.api.aws"

    def enable_outbound_web_identity_federation(self):
        if self.backend.web_identity_federation:
            raise aws_error("FeatureEnabled", "Outbound web identity federation is already enabled for this account.")
        self.backend.web_identity_federation = True
        return {"IssuerIdentifier": self.issuer()}

    def check_federation_enabled(self):
        if not self.backend.web_identity_federation:
            raise aws_error("FeatureDisabled", "Outbound web identity federation is not enabled for this account.")

    def disable_outbound_web_identity_federation(self):
        self.check_federation_enabled()
        self.backend.web_identity_federation = False

    def get_outbound_web_identity_federation_info(self):
        self.check_federation_enabled()
        return {"IssuerIdentifier": self.issuer(), "JwtVendingEnabled": True}

    def organization_features(self, feature=None, enabled=True):
        """Shows the features of the organization, with one of them changed. Every account is a management account,
        unless POST /sandbox/organization says otherwise."""
        if code := organization_errors.get(self.current_account):
            raise aws_error(f"{code}Exception", ORGANIZATION_ERRORS[code])
        features = self.backend.organization_features
        if feature:
            (features.add if enabled else features.discard)(feature)
        return {"OrganizationId": f"o-{self.current_account}", "EnabledFeatures": sorted(features)}

    def list_organizations_features(self):
        return self.organization_features()

    def enable_organizations_root_credentials_management(self):
        return self.organization_features("RootCredentialsManagement")

    def disable_organizations_root_credentials_management(self):
        return self.organization_features("RootCredentialsManagement", enabled=False)

    def enable_organizations_root_sessions(self):
        return self.organization_features("RootSessions")

    def disable_organizations_root_sessions(self):
        return self.organization_features("RootSessions", enabled=False)

    def get_account_properties(self):
        return ActionResult({"Properties": self.backend.properties})

    def put_account_properties(self):
        """Accepts every key of the right form: AWS does not document which properties exist."""
        properties = self.params["Properties"]
        if any(not re.fullmatch(r"[^/]+/[^/]+", key) for key in properties):
            raise aws_error("InvalidInput", "A property key has the form Namespace/PropertyName.")
        if len({key.split("/")[0] for key in properties}) != 1:
            raise aws_error("InvalidInput", "All properties of a request belong to one namespace.")
        self.backend.properties.update(properties)

    def get_account_authorization_details(self):
        """Pages through users, then groups, roles and policies. A page has MaxItems entities in total."""
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
                # Only attached ones: AWS has hundreds.
                entities += [policy for policy in backend.aws_policies.values() if policy.attachment_count]
            found += [(rank, entity.name, entity.arn, entity) for entity in entities]
        part, rest = self.paginate(found, key=lambda row: row[:3])
        shown = {member: [] for _, member, _ in DETAILS}
        for rank, _, _, entity in part:
            _, member, view = DETAILS[rank]
            shown[member].append(view(entity))
        return {**shown, **rest}
