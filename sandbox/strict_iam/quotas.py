"""Service quotas: how much AWS allows. A test can lower each of them.

sizes of documents, attachments, groups of a user, versions, tags, credentials of a user,
entities of an account, a second role in an instance profile                409 LimitExceeded
"""

from moto.core.utils import get_service_model

# Value and name in error messages, by the name in GetAccountSummary, or a name of the same form. Quotas of an account
# have the largest value that AWS grants, so that a test can fill an account.
QUOTAS = {
    "RolesQuota": (10_000, "RolesPerAccount"),
    "UsersQuota": (5000, "UsersPerAccount"),
    "GroupsQuota": (500, "GroupsPerAccount"),
    "PoliciesQuota": (10_000, "PoliciesPerAccount"),
    "InstanceProfilesQuota": (10_000, "InstanceProfilesPerAccount"),
    "ServerCertificatesQuota": (1000, "ServerCertificatesPerAccount"),
    "OpenIDConnectProvidersQuota": (700, "OpenIdConnectProvidersPerAccount"),
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
# Quotas that a test has set, by account and name.
lowered_quotas = {}
MAX_TAGS = 50


def set_quota(request):
    """POST /sandbox/quota: sets a quota of an account."""
    account, name, value = request["account"], request["name"], int(request["value"])
    if name not in QUOTAS:
        raise ValueError(f"no such quota: {name}")
    lowered_quotas[account, name] = value
