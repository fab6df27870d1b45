"""Access keys, SSH public keys and service-specific credentials of users.

SSH keys that are not RSA keys of at least 2048 bits                        400 InvalidPublicKey
SSH keys in an unknown encoding                                             400 UnrecognizedPublicKeyEncoding
an SSH key that the user has                                                400 DuplicateSSHPublicKey
services without service-specific credentials                               404 NotSupportedService
"""

import hashlib
import itertools
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_urlsafe

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
    load_ssh_public_key,
)
from moto.core.utils import utcnow

from .access import ACCOUNT_OF_KEY, DELETED_KEYS
from .errors import aws_error, no_such_entity
from .ids import unique_id
from .request import IamRequest
from .views import access_key_view, credential_view, ssh_key_full, ssh_key_listed

# Services whose credentials are a user name and a password, and services whose credentials are an API key.
PASSWORD_SERVICES = ("codecommit.amazonaws.com", "cassandra.amazonaws.com")
API_KEY_SERVICES = ("bedrock.amazonaws.com", "logs.amazonaws.com")


@dataclass(eq=False)
class ServiceCredential:
    user_name: str
    service: str
    # Distinguishes the credentials of a user for one service; part of the shown name.
    number: int
    shown_name: dict
    expires: datetime | None
    id: str = field(default_factory=lambda: unique_id("ACCA"))
    status: str = "Active"
    created: datetime = field(default_factory=utcnow)


class AccessKeys(IamRequest):
    def create_access_key(self):
        user = self.user_or_caller()
        self.backend.check_quota("AccessKeysPerUserQuota", len(user.access_keys))
        key = user.create_access_key(prefix="AKIA")
        self.backend.access_keys[key.access_key_id] = key
        ACCOUNT_OF_KEY[key.access_key_id] = self.current_account
        return {"AccessKey": {**access_key_view(key), "SecretAccessKey": key.secret_access_key}}

    def list_access_keys(self):
        keys = self.user_or_caller().access_keys
        return self.list_page("AccessKeyMetadata", keys, access_key_view, key=lambda item: (item.access_key_id,))

    def update_access_key(self):
        key = self.find_by_id(self.user_or_caller().access_keys, "access_key_id", "AccessKeyId", "Access Key")
        key.status = self.new_status()

    def delete_access_key(self):
        user = self.user_or_caller()
        key = self.find_by_id(user.access_keys, "access_key_id", "AccessKeyId", "Access Key")
        user.access_keys.remove(key)
        del self.backend.access_keys[key.access_key_id]
        DELETED_KEYS.add(key.access_key_id)

    def get_access_key_last_used(self):
        key = self.backend.access_keys.get(self.params["AccessKeyId"])
        if key is None or key.user_name is None:
            raise no_such_entity(f"The Access Key with id {self.params['AccessKeyId']} cannot be found.")
        shown = {"ServiceName": "N/A", "Region": "N/A"}
        if used := key.last_used:
            shown = {"LastUsedDate": used.timestamp, "ServiceName": used.service, "Region": used.region}
        return {"UserName": key.user_name, "AccessKeyLastUsed": shown}


class SshPublicKeys(IamRequest):
    def upload_ssh_public_key(self):
        user, body = self.requested("User"), self.params["SSHPublicKeyBody"].strip()
        if not body.startswith(("ssh-rsa ", "-----BEGIN ")):
            raise aws_error("UnrecognizedPublicKeyEncoding", "The public key is neither in ssh-rsa nor in PEM format.")
        load = load_ssh_public_key if body.startswith("ssh-rsa ") else load_pem_public_key
        try:
            key = load(body.encode())
        except (ValueError, UnsupportedAlgorithm):
            raise aws_error("InvalidPublicKey", "The public key is malformed or otherwise invalid.") from None
        if not isinstance(key, RSAPublicKey) or key.key_size < 2048:
            raise aws_error("InvalidPublicKey", "The public key is not an RSA key of at least 2048 bits.")
        # Compared in one format, whatever the upload used.
        ssh = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        if any(item.encodings["SSH"] == ssh for item in user.ssh_public_keys):
            raise aws_error("DuplicateSSHPublicKey", "The SSH public key is already associated with this user.")
        self.backend.check_quota("SSHPublicKeysPerUserQuota", len(user.ssh_public_keys))
        uploaded = user.upload_ssh_public_key(body)
        uploaded.encodings = {
            "SSH": ssh,
            "PEM": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        }
        uploaded.fingerprint = hashlib.md5(b64decode(ssh.split()[1])).digest().hex(":")
        return {"SSHPublicKey": ssh_key_full(uploaded, body)}

    def ssh_public_key(self):
        return self.find_by_id(
            self.requested("User").ssh_public_keys, "ssh_public_key_id", "SSHPublicKeyId", "SSH Public Key"
        )

    def get_ssh_public_key(self):
        key = self.ssh_public_key()
        return {"SSHPublicKey": ssh_key_full(key, key.encodings[self.params["Encoding"]])}

    def list_ssh_public_keys(self):
        keys = self.user_or_caller().ssh_public_keys
        return self.list_page("SSHPublicKeys", keys, ssh_key_listed, key=lambda item: (item.ssh_public_key_id,))

    def update_ssh_public_key(self):
        self.ssh_public_key().status = self.new_status()

    def delete_ssh_public_key(self):
        self.requested("User").ssh_public_keys.remove(self.ssh_public_key())


class ServiceCredentials(IamRequest):
    def create_service_specific_credential(self):
        user, service, days = self.requested("User"), self.params["ServiceName"], self.params.get("CredentialAgeDays")
        self.check_credential_service(service)
        if days and service not in API_KEY_SERVICES:
            raise aws_error("ValidationError", f"CredentialAgeDays is not supported for {service}.")
        taken = [item.number for item in user.service_credentials if item.service == service]
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
        """Shows the secret. It is not stored, and never shown again."""
        [name] = credential.shown_name.values()
        if credential.service in API_KEY_SERVICES:
            secret = {"ServiceCredentialSecret": "ABSK" + b64encode(f"{name}:{token_urlsafe(48)}".encode()).decode()}
        else:
            secret = {"ServicePassword": token_urlsafe(33)}
        return {"ServiceSpecificCredential": {**credential_view(credential), **secret}}

    def check_credential_service(self, service):
        if service is not None and service not in PASSWORD_SERVICES + API_KEY_SERVICES:
            raise aws_error("NotSupportedService", f"The service {service} is not supported.")

    def list_service_specific_credentials(self):
        service = self.params.get("ServiceName")
        self.check_credential_service(service)
        if self.params.get("AllUsers"):
            if "UserName" in self.params:
                raise aws_error("ValidationError", "AllUsers cannot be specified together with UserName.")
            users = self.backend.users.values()
        else:
            users = [self.user_or_caller()]
        credentials = [item for user in users for item in user.service_credentials if service in (None, item.service)]
        return self.list_page("ServiceSpecificCredentials", credentials, credential_view, key=lambda item: (item.id,))

    def service_credential(self, user):
        parameter = "ServiceSpecificCredentialId"
        return self.find_by_id(user.service_credentials, "id", parameter, "Service Specific Credential")

    def update_service_specific_credential(self):
        self.service_credential(self.user_or_caller()).status = self.new_status()

    def reset_service_specific_credential(self):
        return self.credential_with_secret(self.service_credential(self.user_or_caller()))

    def delete_service_specific_credential(self):
        user = self.user_or_caller()
        user.service_credentials.remove(self.service_credential(user))
