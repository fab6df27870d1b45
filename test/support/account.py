"""Fills an account and shows its whole content, by boto3 and without code of this repository.

    python account.py fill --endpoint URL     makes some hundred entities of every kind, the same ones each time
    python account.py dump --endpoint URL     prints everything that IAM shows, as JSON: by kind and name

Documents stay the text that AWS gives.
"""

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config
from botocore.handlers import json_decode_policies
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

ACCOUNT = "111111111111"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def client(endpoint):
    iam = boto3.client(
        "iam",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="AKIAOTHERHANDS",
        aws_secret_access_key="test",
        config=Config(max_pool_connections=16, retries={"max_attempts": 0}),
    )
    iam.meta.events.unregister("after-call.iam", json_decode_policies)
    return iam


# ----------------------------------------------------------------------------------------------------------- fill

# As people write them by hand, and as moto's own tests do.
DOCUMENTS = [
    """
{
  "Version": "2012-10-17",
  "Statement":
    {
      "Effect": "Allow",
      "Action": "s3:ListBucket",
      "Resource": "arn:aws:s3:::example_bucket"
    }
}
""",
    '{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"*"}]}',
    json.dumps(
        {
            "Statement": [
                {"Effect": "Deny", "NotAction": "iam:*", "NotResource": ["arn:aws:s3:::a/*", "arn:aws:s3:::b/100%25"]},
                {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": True}}},
            ],
            "Version": "2012-10-17",
            "Id": "cd3ad3d9-2776-4ef1-a904-4c229d1642ee",
        },
        indent=4,
    ),
]
TRUSTS = [
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"},'
    ' "Action": "sts:AssumeRole"}]}',
    '{"Version":"2008-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":["sts:AssumeRole","sts:TagSession"]}}',
    json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": "*"},
                    "Action": "sts:AssumeRole",
                    "Condition": {"StringEquals": {"sts:ExternalId": ["a", "b"]}},
                }
            ],
        },
        indent=1,
    ),
]
PATHS = ["/", "/teams/core/", "/old/", "/Old/x/"]


def of_three(number):
    """So that every third one is not always the same."""
    return (number + number // 3) % 3


def tags(number):
    return [{"Key": "owner", "Value": f"team {number % 7}"}, {"Key": "Env", "Value": "prod"}][: of_three(number)]


def fill(iam):
    policies = [make_policy(iam, number) for number in range(70)]
    for number in range(100):
        make_role(iam, number, policies)
    for service in ("autoscaling.amazonaws.com", "elasticloadbalancing.amazonaws.com"):
        iam.create_service_linked_role(AWSServiceName=service, Description="made by its service")
    for number in range(70):
        make_user(iam, number, policies)
    for number in range(30):
        make_group(iam, number, policies)
    for number in range(30):
        name = f"profile-{number}"
        iam.create_instance_profile(InstanceProfileName=name, Path=PATHS[number % 4], Tags=tags(number))
        if number % 3:
            iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=f"role-{number}")
    for number in range(15):
        iam.create_open_id_connect_provider(
            Url=f"https://issuer-{number}.example.com/pool",
            ClientIDList=["sts.amazonaws.com", f"client-{number}"][: of_three(number)],
            ThumbprintList=["0123456789abcdef0123456789abcdef01234567"],
            Tags=tags(number),
        )
    for number in range(5):
        # AWS asks for a thousand characters.
        document = f'<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp-{number}"/>\n'
        document += f"<!-- {'-=' * 500} -->".replace("--=", "=")
        iam.create_saml_provider(Name=f"saml-{number}", SAMLMetadataDocument=document, Tags=tags(number))
    for number in range(4):
        key, body = certificate(f"server-{number}")
        iam.upload_server_certificate(
            ServerCertificateName=f"server-{number}", CertificateBody=body, PrivateKey=key, Tags=tags(number)
        )
    iam.create_account_alias(AccountAlias="other-hands")
    iam.update_account_password_policy(MinimumPasswordLength=14, RequireSymbols=True, MaxPasswordAge=90)


def make_policy(iam, number):
    document = DOCUMENTS[of_three(number)]
    path, description = PATHS[number % 4], ("", f"policy {number}")[number % 2]
    more = {"Description": description} if description else {}
    made = iam.create_policy(
        PolicyName=f"policy-{number}", Path=path, PolicyDocument=document, Tags=tags(number), **more
    )
    arn = made["Policy"]["Arn"]
    for version in range(number % 4):
        another = DOCUMENTS[(number + version + 1) % 3]
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=another, SetAsDefault=version == 0)
    return arn


def make_role(iam, number, policies):
    name = f"role-{number}"
    more = {"PermissionsBoundary": policies[number % 70]} if number % 10 == 0 else {}
    if number % 2:
        more["Description"] = f"role {number}"
    iam.create_role(
        RoleName=name,
        Path=PATHS[number % 4],
        AssumeRolePolicyDocument=TRUSTS[of_three(number)],
        MaxSessionDuration=3600 * (1 + number % 5),
        Tags=tags(number),
        **more,
    )
    for inline in range(of_three(number)):
        iam.put_role_policy(RoleName=name, PolicyName=f"inline-{inline}", PolicyDocument=DOCUMENTS[inline])
    for arn in ([READ_ONLY] + policies)[number % 5 : number % 5 + number % 4]:
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)


def make_user(iam, number, policies):
    name = f"user-{number}"
    iam.create_user(UserName=name, Path=PATHS[number % 4], Tags=tags(number))
    if number % 2:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=DOCUMENTS[of_three(number)])
        iam.attach_user_policy(UserName=name, PolicyArn=policies[number])
    if number % 5 == 0:
        iam.create_access_key(UserName=name)
        iam.create_login_profile(UserName=name, Password="Correct-horse-7", PasswordResetRequired=True)
    if number % 10 == 0:
        device = iam.create_virtual_mfa_device(VirtualMFADeviceName=name, Tags=tags(1))
        serial = device["VirtualMFADevice"]["SerialNumber"]
        iam.enable_mfa_device(
            UserName=name, SerialNumber=serial, AuthenticationCode1="123456", AuthenticationCode2="654321"
        )
        iam.create_service_specific_credential(UserName=name, ServiceName="codecommit.amazonaws.com")
        iam.upload_signing_certificate(UserName=name, CertificateBody=certificate(name)[1])
    if number % 20 == 0:
        public = rsa.generate_private_key(65537, 2048).public_key()
        iam.upload_ssh_public_key(
            UserName=name, SSHPublicKeyBody=public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        )


def make_group(iam, number, policies):
    name = f"group-{number}"
    iam.create_group(GroupName=name, Path=PATHS[number % 4])
    for member in range(number % 4):
        iam.add_user_to_group(GroupName=name, UserName=f"user-{number + member}")
    if number % 2:
        iam.put_group_policy(GroupName=name, PolicyName="own", PolicyDocument=DOCUMENTS[of_three(number)])
    iam.attach_group_policy(GroupName=name, PolicyArn=policies[number])


def certificate(name):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=999))
    body = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), body


# ----------------------------------------------------------------------------------------------------------- dump


def pages(iam, operation, member, **arguments):
    found = []
    while True:
        page = getattr(iam, operation)(**arguments)
        found += page[member]
        if not page.get("IsTruncated"):
            return found
        arguments["Marker"] = page["Marker"]


def of(iam, operation, **arguments):
    """An answer without what belongs to the call and not to the account; None where there is none."""
    try:
        answer = getattr(iam, operation)(**arguments)
    except iam.exceptions.NoSuchEntityException:
        return None
    return {key: value for key, value in answer.items() if key not in ("ResponseMetadata", "IsTruncated", "Marker")}


def holder(iam, kind, name):
    """What roles, users and groups have in common."""
    key, low = {f"{kind}Name": name}, kind.lower()
    inline = pages(iam, f"list_{low}_policies", "PolicyNames", **key)
    return {
        **of(iam, f"get_{low}", **key),
        "inline": {one: of(iam, f"get_{low}_policy", PolicyName=one, **key)["PolicyDocument"] for one in inline},
        "attached": pages(iam, f"list_attached_{low}_policies", "AttachedPolicies", **key),
    }


def role(iam, listed):
    key = {"RoleName": listed["RoleName"]}
    return {
        "listed": listed,
        **holder(iam, "Role", listed["RoleName"]),
        "tags": pages(iam, "list_role_tags", "Tags", **key),
        "profiles": [
            one["InstanceProfileName"] for one in pages(iam, "list_instance_profiles_for_role", "InstanceProfiles", **key)
        ],
    }


def user(iam, listed):
    key = {"UserName": listed["UserName"]}
    ssh = pages(iam, "list_ssh_public_keys", "SSHPublicKeys", **key)
    return {
        "listed": listed,
        **holder(iam, "User", listed["UserName"]),
        "tags": pages(iam, "list_user_tags", "Tags", **key),
        "groups": [one["GroupName"] for one in pages(iam, "list_groups_for_user", "Groups", **key)],
        "keys": pages(iam, "list_access_keys", "AccessKeyMetadata", **key),
        "login": of(iam, "get_login_profile", **key),
        "mfa": pages(iam, "list_mfa_devices", "MFADevices", **key),
        "certificates": pages(iam, "list_signing_certificates", "Certificates", **key),
        "credentials": of(iam, "list_service_specific_credentials", **key),
        "ssh": [
            of(iam, "get_ssh_public_key", SSHPublicKeyId=one["SSHPublicKeyId"], Encoding="SSH", **key) for one in ssh
        ],
    }


def group(iam, listed):
    return {"listed": listed, **holder(iam, "Group", listed["GroupName"])}


def policy(iam, listed):
    key = {"PolicyArn": listed["Arn"]}
    versions = pages(iam, "list_policy_versions", "Versions", **key)
    return {
        "listed": listed,
        **of(iam, "get_policy", **key),
        "versions": [of(iam, "get_policy_version", VersionId=one["VersionId"], **key) for one in versions],
        "tags": pages(iam, "list_policy_tags", "Tags", **key),
        "entities": of(iam, "list_entities_for_policy", **key),
    }


def profile(iam, listed):
    key = {"InstanceProfileName": listed["InstanceProfileName"]}
    return {"listed": listed, **of(iam, "get_instance_profile", **key)}


def virtual_mfa(iam, listed):
    return {"listed": listed, **of(iam, "list_mfa_device_tags", SerialNumber=listed["SerialNumber"])}


def saml(iam, listed):
    return {"listed": listed, **of(iam, "get_saml_provider", SAMLProviderArn=listed["Arn"])}


def provider(iam, listed):
    return {"listed": listed, **of(iam, "get_open_id_connect_provider", OpenIDConnectProviderArn=listed["Arn"])}


def server_certificate(iam, listed):
    return {"listed": listed, **of(iam, "get_server_certificate", ServerCertificateName=listed["ServerCertificateName"])}


def dump(iam):
    sorts = [
        ("Role", "RoleName", pages(iam, "list_roles", "Roles"), role),
        ("User", "UserName", pages(iam, "list_users", "Users"), user),
        ("Group", "GroupName", pages(iam, "list_groups", "Groups"), group),
        ("Policy", "PolicyName", pages(iam, "list_policies", "Policies", Scope="Local"), policy),
        ("InstanceProfile", "InstanceProfileName", pages(iam, "list_instance_profiles", "InstanceProfiles"), profile),
        ("VirtualMFADevice", "SerialNumber", pages(iam, "list_virtual_mfa_devices", "VirtualMFADevices"), virtual_mfa),
        ("SAMLProvider", "Arn", iam.list_saml_providers()["SAMLProviderList"], saml),
        ("OpenIDConnectProvider", "Arn", iam.list_open_id_connect_providers()["OpenIDConnectProviderList"], provider),
        (
            "ServerCertificate",
            "ServerCertificateName",
            pages(iam, "list_server_certificates", "ServerCertificateMetadataList"),
            server_certificate,
        ),
    ]
    with ThreadPoolExecutor(8) as pool:
        shown = {
            f"{kind}/{one[name].rpartition('/')[2] if name == 'Arn' and kind == 'SAMLProvider' else one[name]}": pool.submit(
                look, iam, one
            )
            for kind, name, listed, look in sorts
            for one in listed
        }
        shown = {key: future.result() for key, future in shown.items()}
    shown["AccountAlias/account"] = iam.list_account_aliases()["AccountAliases"]
    shown["AccountPasswordPolicy/account"] = of(iam, "get_account_password_policy")
    shown["AccountSummary/account"] = of(iam, "get_account_summary")
    return shown


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=("fill", "dump"))
    parser.add_argument("--endpoint", required=True)
    options = parser.parse_args()
    iam = client(options.endpoint)
    if options.command == "fill":
        fill(iam)
    else:
        print(json.dumps(dump(iam), default=datetime.isoformat))
