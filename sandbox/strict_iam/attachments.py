"""Inline policies, attached managed policies and permissions boundaries of roles, users and groups."""

from .documents import InlineValidator, check_document, document_size
from .errors import aws_error, no_such_entity
from .request import IamRequest
from .views import attached_view, encode_document


class Attachments(IamRequest):
    def put_inline(self, kind):
        entity = self.requested(kind, for_write=True)
        name, document = self.params["PolicyName"], self.params["PolicyDocument"]
        check_document(InlineValidator, document)
        # The quota counts all inline policies of an entity together.
        total = document_size(document) + sum(
            document_size(text) for other, text in entity.policies.items() if other != name
        )
        if total > (maximum := self.backend.quota(f"{kind}PolicySizeQuota")):
            message = f"Maximum policy size of {maximum} bytes exceeded for {kind.lower()} {entity.name}"
            raise aws_error("LimitExceeded", message)
        entity.policies[name] = document

    def requested_inline_policy(self, kind, for_write=False):
        entity, name = self.requested(kind, for_write), self.params["PolicyName"]
        if name not in entity.policies:
            raise no_such_entity(f"The {kind.lower()} policy with name {name} cannot be found.")
        return entity, name

    def get_inline(self, kind):
        entity, name = self.requested_inline_policy(kind)
        return {
            f"{kind}Name": entity.name,
            "PolicyName": name,
            "PolicyDocument": encode_document(entity.policies[name]),
        }

    def delete_inline(self, kind):
        entity, name = self.requested_inline_policy(kind, for_write=True)
        del entity.policies[name]

    def list_inline(self, kind):
        part, rest = self.paginate(self.requested(kind).policies, key=lambda name: (name,))
        return {"PolicyNames": part, **rest}

    def attach(self, kind):
        entity = self.requested(kind, for_write=True)
        policy = self.backend.attachable_policy(self.params["PolicyArn"])
        if policy.arn in entity.managed_policies:
            return
        self.backend.check_quota(f"AttachedPoliciesPer{kind}Quota", len(entity.managed_policies))
        policy.attach_to(entity)

    def detach(self, kind):
        entity, arn = self.requested(kind, for_write=True), self.params["PolicyArn"]
        if arn not in entity.managed_policies:
            raise no_such_entity(f"Policy {arn} was not found.")
        entity.managed_policies[arn].detach_from(entity)

    def list_attached(self, kind):
        prefix = self.params.get("PathPrefix") or "/"
        policies = [
            policy for policy in self.requested(kind).managed_policies.values() if policy.path.startswith(prefix)
        ]
        part, rest = self.paginate(policies, key=lambda policy: (policy.name, policy.arn))
        return {"AttachedPolicies": attached_view(part), **rest}

    def set_boundary(self, entity, arn):
        policy = self.backend.attachable_policy(arn) if arn else None
        if old := getattr(entity, "permissions_boundary_arn", None):
            self.backend.get_policy(old).boundary_count -= 1
        if policy:
            policy.boundary_count = getattr(policy, "boundary_count", 0) + 1
        entity.permissions_boundary_arn = arn

    def put_boundary(self, kind):
        self.set_boundary(self.requested(kind, for_write=True), self.params["PermissionsBoundary"])

    def delete_boundary(self, kind):
        self.set_boundary(self.requested(kind, for_write=True), None)
