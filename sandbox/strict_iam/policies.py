"""Managed policies and their versions.

a policy with attachments or other versions is not deleted                  409 DeleteConflict
"""

from moto.core.utils import utcnow
from moto.iam import models
from moto.iam.policy_validation import IAMPolicyDocumentValidator

from .documents import check_document, document_size
from .errors import aws_error
from .store import aws_managed_policies
from .tagging import Tagging
from .views import policy_full, policy_listed, version_full, version_listed


class Policies(Tagging):
    def create_policy(self):
        p, backend = self.params, self.backend
        name, document = p["PolicyName"], p["PolicyDocument"]
        backend.check_name_is_free("Policy", name)
        tags = self.new_tags("Policy")
        self.check_managed(document)
        policy = models.ManagedPolicy(
            name,
            account_id=backend.account_id,
            region=self.region,
            description=p.get("Description"),
            document=document,
            path=p.get("Path"),
        )
        policy.boundary_count = 0
        backend.managed_policies[backend.add("Policy", policy, tags).arn] = policy
        return {"Policy": {**policy_listed(policy), "Tags": tags or None}}

    def check_managed(self, document):
        check_document(IAMPolicyDocumentValidator, document)
        self.backend.check_quota("PolicySizeQuota", 0, document_size(document))

    def get_policy(self):
        return {"Policy": policy_full(self.backend.get_policy(self.params["PolicyArn"]))}

    def list_policies(self):
        backend, scope = self.backend, self.params.get("Scope", "All")
        policies = [] if scope == "AWS" else list(backend.managed_policies.values())
        if scope != "Local":
            for suffix in aws_managed_policies():
                policies.append(backend.get_policy(f"arn:{self.partition}:iam::aws:policy{suffix}"))
        if self.params.get("OnlyAttached"):
            policies = [policy for policy in policies if policy.attachment_count > 0]
        if self.params.get("PolicyUsageFilter") == "PermissionsBoundary":
            policies = [policy for policy in policies if getattr(policy, "boundary_count", 0) > 0]
        return self.list_page("Policies", policies, policy_listed, key=lambda policy: (policy.name, policy.arn))

    def list_entities_for_policy(self):
        policy = self.backend.get_policy(self.params["PolicyArn"])
        usage, wanted = self.params.get("PolicyUsageFilter"), self.params.get("EntityFilter")
        prefix = self.params.get("PathPrefix") or "/"
        found = []
        for rank, kind in enumerate(("Group", "Role", "User")):
            if wanted in (None, kind):
                for entity in self.backend.by_name[kind].values():
                    attached = usage != "PermissionsBoundary" and policy.arn in entity.managed_policies
                    arn = getattr(entity, "permissions_boundary_arn", None)
                    bounds = usage != "PermissionsPolicy" and arn == policy.arn
                    if (attached or bounds) and entity.path.startswith(prefix):
                        found.append((rank, entity.name, kind, entity.id))
        part, rest = self.paginate(found, key=lambda row: row[:2])
        shown = {f"Policy{kind}s": [] for kind in ("Group", "User", "Role")}
        for _, name, kind, unique in part:
            shown[f"Policy{kind}s"].append({f"{kind}Name": name, f"{kind}Id": unique})
        return {**shown, **rest}

    def delete_policy(self):
        policy = self.backend.own_policy(self.params["PolicyArn"])
        if policy.attachment_count or policy.boundary_count:
            raise aws_error("DeleteConflict", "Cannot delete a policy attached to entities.")
        if len(policy.versions) > 1:
            raise aws_error(
                "DeleteConflict",
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy.",
            )
        del self.backend.managed_policies[policy.arn]
        self.backend.forget("Policy", policy)

    def create_policy_version(self):
        policy = self.backend.own_policy(self.params["PolicyArn"])
        self.check_managed(self.params["PolicyDocument"])
        if len(policy.versions) >= (maximum := self.backend.quota("VersionsPerPolicyQuota")):
            raise aws_error(
                "LimitExceeded",
                f"A managed policy can have up to {maximum} versions. Before you create a new version, you must delete "
                "an existing version.",
            )
        default = self.params.get("SetAsDefault", False)
        version = self.backend.create_policy_version(policy.arn, self.params["PolicyDocument"], default)
        policy.update_date = utcnow()
        return {"PolicyVersion": version_listed(version)}

    def get_policy_version(self):
        version = self.backend.get_policy_version(self.params["PolicyArn"], self.params["VersionId"])
        return {"PolicyVersion": version_full(version)}

    def list_policy_versions(self):
        versions = self.backend.get_policy(self.params["PolicyArn"]).versions
        # Newest first.
        part, rest = self.paginate(versions, key=lambda version: (-int(version.version_id[1:]),))
        return {"Versions": [version_listed(version) for version in part], **rest}

    def delete_policy_version(self):
        self.backend.own_policy(self.params["PolicyArn"])
        return super().delete_policy_version()

    def set_default_policy_version(self):
        """Sets the default version. moto would remove the default if it is set to the present one."""
        policy = self.backend.own_policy(self.params["PolicyArn"])
        if self.params["VersionId"] == policy.default_version_id:
            return None
        policy.update_date = utcnow()
        return super().set_default_policy_version()
