"""Principals in trust policies.

a role or user that the account does not have, the role itself at its creation, a group, a wildcard in an ARN, a
canonical user                                                              400 MalformedPolicyDocument
a trusted role or user that is deleted shows as its unique ID from then on
"""

import re

from .documents import TrustValidator, as_list, check_document, document_size
from .errors import aws_error

PRINCIPALS = {("iam", "root"), ("iam", "role"), ("iam", "user"), ("sts", "assumed-role"), ("sts", "federated-user")}


class Principals:
    """The part of the store that knows principals."""

    def forget_principal(self, entity):
        """Replaces a deleted entity by its unique ID: a new entity of the same name is not trusted."""
        for role in self.roles.values():
            if entity.arn in role.assume_role_policy_document:
                role.assume_role_policy_document = role.assume_role_policy_document.replace(
                    f'"{entity.arn}"', f'"{entity.id}"'
                )

    def check_trust(self, document):
        parsed = check_document(TrustValidator, document)
        self.check_quota("AssumeRolePolicySizeQuota", 0, document_size(document))
        for statement in as_list(parsed["Statement"]):
            principal = statement.get("Principal", statement.get("NotPrincipal"))
            if principal == "*":
                continue
            if not isinstance(principal, dict):
                raise aws_error("MalformedPolicyDocument", f'Invalid principal in policy: "{principal}"')
            for kind, values in principal.items():
                for value in as_list(values):
                    if not self.is_principal(kind, value):
                        shown = kind.upper()
                        raise aws_error("MalformedPolicyDocument", f'Invalid principal in policy: "{shown}":"{value}"')

    def is_principal(self, kind, value):
        if not isinstance(value, str):
            return False
        if kind == "Service":
            return re.fullmatch(r"[\w.-]+\.[\w.-]+", value) is not None
        if kind == "Federated":
            provider = rf"arn:{self.partition}:iam::\d{{12}}:(oidc|saml)-provider/[^*?]+"
            return re.fullmatch(rf"{provider}|[\w-]+(\.[\w-]+)+", value) is not None
        if kind != "AWS":
            return False
        if value == "*" or re.fullmatch(r"\d{12}", value):
            return True
        if re.fullmatch(r"(AROA|AIDA)[A-Z0-9]{16,}", value):
            return any(entity.id == value for kind in ("Role", "User") for entity in self.by_name[kind].values())
        arn = re.fullmatch(r"arn:([\w-]+):(iam|sts)::(\d{12}):([^/]+)(?:/(.+))?", value)
        if arn is None:
            return False
        partition, service, account, what, name = arn.groups()
        if partition != self.partition or re.search("[*?]", value):
            return False
        # The sandbox cannot check the principals of other accounts.
        if account != self.account_id or (service, what) == ("iam", "root"):
            return (service, what) in PRINCIPALS
        if (service, what) == ("sts", "assumed-role"):
            return (name or "").split("/")[0].lower() in self.by_name["Role"]
        if (service, what) == ("sts", "federated-user"):
            return True
        index = self.by_name.get({"role": "Role", "user": "User"}.get(what), {})
        entity = index.get((name or "").rsplit("/", 1)[-1].lower())
        return entity is not None and entity.arn == value
