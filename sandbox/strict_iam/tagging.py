"""Tags.

tag keys of roles and users are unique in any case, those of other entities as they are written
the prefix aws: is reserved                                                 400 InvalidInput
"""

from .access import SERVICE_KEYS
from .errors import aws_error
from .quotas import MAX_TAGS
from .request import IamRequest
from .store import StrictBackend, refuse_aws_managed


class Tagging(IamRequest):
    def new_tags(self, kind):
        return self.merged_tags(kind, [], self.params.get("Tags") or [])

    def merged_tags(self, kind, tags, more):
        keys = [tag_key(kind, tag["Key"]) for tag in more]
        if len(set(keys)) < len(keys):
            raise aws_error("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        self.check_not_reserved(keys)
        merged = {tag_key(kind, tag["Key"]): tag for tag in tags}
        merged.update({tag_key(kind, tag["Key"]): {"Key": tag["Key"], "Value": tag["Value"]} for tag in more})
        if len(merged) > MAX_TAGS:
            raise aws_error("LimitExceeded", f"The number of tags has reached the maximum limit of {MAX_TAGS}.")
        return list(merged.values())

    def check_not_reserved(self, keys):
        if any(key.lower().startswith("aws:") for key in keys) and not self.access_key.startswith(SERVICE_KEYS):
            raise aws_error("InvalidInput", "aws: prefixed tag key names are not allowed for external use.")

    def taggable(self, kind):
        parameter, find = TAGGABLE[kind]
        entity = find(self.backend, self.params[parameter])
        if not hasattr(entity, "strict_tags"):
            entity.strict_tags = []
        return entity

    def tag(self, kind):
        entity = refuse_aws_managed(self.taggable(kind))
        entity.strict_tags = self.merged_tags(kind, entity.strict_tags, self.params["Tags"])

    def untag(self, kind):
        entity = refuse_aws_managed(self.taggable(kind))
        keys = {tag_key(kind, key) for key in self.params["TagKeys"]}
        self.check_not_reserved(keys)
        entity.strict_tags = [tag for tag in entity.strict_tags if tag_key(kind, tag["Key"]) not in keys]

    def list_tags(self, kind):
        part, rest = self.paginate(self.taggable(kind).strict_tags, key=lambda tag: (tag["Key"],))
        return {"Tags": part, **rest}


def tag_key(kind, key):
    """Returns a tag key as AWS compares it: those of roles and users without case."""
    return key.lower() if kind in ("Role", "User") else key


TAGGABLE = {
    "Role": ("RoleName", StrictBackend.get_role),
    "User": ("UserName", StrictBackend.get_user),
    "Policy": ("PolicyArn", StrictBackend.get_policy),
    "InstanceProfile": ("InstanceProfileName", StrictBackend.get_instance_profile),
    "OpenIDConnectProvider": ("OpenIDConnectProviderArn", StrictBackend.get_open_id_connect_provider),
    "SAMLProvider": ("SAMLProviderArn", StrictBackend.get_saml_provider),
    "ServerCertificate": ("ServerCertificateName", StrictBackend.get_server_certificate),
    "MFADevice": ("SerialNumber", StrictBackend.virtual_mfa_device),
}
