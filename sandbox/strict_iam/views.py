"""Entities as AWS shows them. ListRoles, ListUsers, ListPolicies and ListInstanceProfiles omit tags and boundaries."""

import functools
from datetime import datetime
from urllib.parse import quote
from xml.sax.saxutils import escape


@functools.lru_cache(maxsize=20_000)
def encode_document(document):
    """Encodes a document by RFC 3986, as AWS does."""
    return quote(document, safe="")


def boundary_view(entity):
    arn = getattr(entity, "permissions_boundary_arn", None)
    return arn and {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}


def role_brief(role):
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.create_date,
        "AssumeRolePolicyDocument": encode_document(role.assume_role_policy_document),
    }


def role_listed(role):
    return {**role_brief(role), "Description": role.description, "MaxSessionDuration": int(role.max_session_duration)}


def role_full(role):
    # The role manager's mark is in no listing, and not in GetAccountAuthorizationDetails.
    template = getattr(role, "template", None)
    return {
        **role_listed(role),
        "PermissionsBoundary": boundary_view(role),
        "Tags": role.strict_tags or None,
        "SourceRoleTemplate": template and {"TemplateArn": template, "TemplateMinorVersion": 1},
        "RoleLastUsed": {"LastUsedDate": role.last_used, "Region": role.last_used and "us-east-1"},
    }


def user_listed(user):
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": user.create_date,
    }


def user_full(user):
    return {**user_listed(user), "PermissionsBoundary": boundary_view(user), "Tags": user.strict_tags or None}


def group_view(group):
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": group.arn,
        "CreateDate": group.create_date,
    }


def policy_listed(policy):
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
    return {"Document": encode_document(version.document), **version_listed(version)}


def profile_listed(profile):
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
    return [
        {"PolicyName": name, "PolicyDocument": encode_document(text)} for name, text in sorted(entity.policies.items())
    ]


def attached_view(policies):
    return [{"PolicyName": policy.name, "PolicyArn": policy.arn} for policy in policies]


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
        "PermissionsBoundary": boundary_view(role),
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
    """Lists show no tags, and only the creation shows the seed."""
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
