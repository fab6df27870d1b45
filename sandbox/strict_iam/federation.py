"""OIDC and SAML identity providers.

a provider that exists                                                      409 EntityAlreadyExists
invalid private keys, required encryption without a key                     400 InvalidInput
OIDC client IDs can be added and removed; a missing thumbprint is filled in
"""

import hashlib
import re
from urllib.parse import urlsplit

from moto.core.utils import utcnow
from moto.iam import models

from .errors import already_exists, aws_error, no_such_entity
from .ids import unique_id
from .pem import check_metadata, load_private_key
from .tagging import Tagging


class OidcProviders(Tagging):
    def create_open_id_connect_provider(self):
        p, backend = self.params, self.backend
        url = urlsplit(p["Url"])
        if url.scheme != "https" or not url.netloc or url.query or url.fragment:
            raise aws_error("ValidationError", "Invalid Open ID Connect Provider URL")
        # Host names ignore case; paths do not. A trailing slash is kept, and distinguishes two providers.
        host = url.netloc.lower() + url.path
        arn = f"arn:{self.partition}:iam::{backend.account_id}:oidc-provider/{host}"
        if arn in backend.open_id_providers:
            raise already_exists(f"Provider with url https://{host} already exists.")
        backend.check_quota("OpenIDConnectProvidersQuota", len(backend.open_id_providers))
        tags, thumbprints = self.new_tags("OpenIDConnectProvider"), p.get("ThumbprintList")
        # AWS would fetch the thumbprint from the provider.
        thumbprints = thumbprints or [hashlib.sha1(host.encode()).hexdigest()]
        clients = list(dict.fromkeys(p.get("ClientIDList") or []))
        provider = models.OpenIDConnectProvider(
            backend.account_id, self.region, f"https://{host}", thumbprints, clients, {}
        )
        provider.strict_tags = tags
        backend.open_id_providers[arn] = provider
        return {"OpenIDConnectProviderArn": arn, "Tags": tags or None}

    def requested_oidc_provider(self):
        return self.backend.get_open_id_connect_provider(self.params["OpenIDConnectProviderArn"])

    def get_open_id_connect_provider(self):
        provider = self.requested_oidc_provider()
        return {
            "Url": provider.url,
            "CreateDate": provider.create_date,
            "ThumbprintList": provider.thumbprint_list,
            "ClientIDList": provider.client_id_list,
            "Tags": provider.strict_tags,
        }

    def add_client_id_to_open_id_connect_provider(self):
        provider, client = self.requested_oidc_provider(), self.params["ClientID"]
        if client in provider.client_id_list:
            return
        self.backend.check_quota("ClientIdsPerOpenIDConnectProviderQuota", len(provider.client_id_list))
        provider.client_id_list.append(client)

    def remove_client_id_from_open_id_connect_provider(self):
        clients = self.requested_oidc_provider().client_id_list
        if self.params["ClientID"] in clients:
            clients.remove(self.params["ClientID"])

    def update_open_id_connect_provider_thumbprint(self):
        thumbprints = self.params["ThumbprintList"]
        if len(thumbprints) > 5:
            raise aws_error("InvalidInput", "Thumbprint list must contain fewer than 5 entries.")
        self.requested_oidc_provider().thumbprint_list = thumbprints


class SamlProviders(Tagging):
    def create_saml_provider(self):
        p, backend = self.params, self.backend
        if p["Name"] in backend.saml_providers:
            raise already_exists(f"SAML Provider with name {p['Name']} already exists.")
        backend.check_quota("SAMLProvidersQuota", len(backend.saml_providers))
        tags = self.new_tags("SAMLProvider")
        provider = models.SAMLProvider(backend.account_id, self.region, p["Name"])
        provider.strict_tags, provider.uuid = tags, unique_id("", 32)
        provider.private_keys, provider.encryption_mode = {}, None
        self.set_saml(provider)
        backend.saml_providers[p["Name"]] = provider
        return {"SAMLProviderArn": provider.arn, "Tags": tags or None}

    def set_saml(self, provider):
        """Applies all settings of the request, or none."""
        p, keys = self.params, dict(provider.private_keys)
        metadata = p.get("SAMLMetadataDocument")
        valid_until = check_metadata(metadata) if metadata else provider.valid_until
        if "AddPrivateKey" in p and "RemovePrivateKey" in p:
            raise aws_error("InvalidInput", "Add the new private key, then remove the old one in another request.")
        if "AddPrivateKey" in p:
            self.backend.check_quota("PrivateKeysPerSAMLProviderQuota", len(keys))
            if load_private_key(p["AddPrivateKey"]) is None:
                raise aws_error("InvalidInput", "The private key is not a private key in PEM format.")
            keys[unique_id("", 32)] = utcnow()
        if "RemovePrivateKey" in p and keys.pop(p["RemovePrivateKey"], None) is None:
            raise no_such_entity(f"The private key with id {p['RemovePrivateKey']} cannot be found.")
        mode = p.get("AssertionEncryptionMode", provider.encryption_mode)
        # AWS does not document this case. Without a key no encrypted assertion could be read.
        if mode == "Required" and not keys:
            raise aws_error("InvalidInput", "Encryption of assertions needs a private key.")
        provider.private_keys, provider.encryption_mode = keys, mode
        provider.saml_metadata_document = metadata or provider.saml_metadata_document
        provider.valid_until = valid_until

    def requested_saml_provider(self):
        arn = self.params["SAMLProviderArn"]
        if not re.fullmatch(r"arn:[\w-]+:iam::\d{12}:saml-provider/[\w.-]+", arn):
            raise aws_error("InvalidInput", f"Invalid ARN: {arn}")
        return self.backend.get_saml_provider(arn)

    def get_saml_provider(self):
        provider = self.requested_saml_provider()
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
        providers = sorted(self.backend.saml_providers.values(), key=lambda item: item.name)
        return {
            "SAMLProviderList": [
                {"Arn": item.arn, "ValidUntil": item.valid_until, "CreateDate": item.create_date} for item in providers
            ]
        }

    def update_saml_provider(self):
        provider = self.requested_saml_provider()
        self.set_saml(provider)
        return {"SAMLProviderArn": provider.arn}

    def delete_saml_provider(self):
        del self.backend.saml_providers[self.requested_saml_provider().name]
