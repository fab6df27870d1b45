"""Service-linked roles, with the names and suffixes that their services give them.

a role that exists, an invalid service, a suffix that is not allowed        400 InvalidInput
deletion is a task with a status; it fails while a service uses the role
"""

import time
import uuid
from dataclasses import dataclass, field

from moto.iam import models

from .errors import aws_error, no_such_entity
from .roles import Roles
from .views import role_full

# Role names that do not follow from the name of the service.
LINKED_NAMES = {
    "access-analyzer": "AccessAnalyzer",
    "batch": "Batch",
    "cloudtrail": "CloudTrail",
    "config": "Config",
    "connect": "AmazonConnect",
    "ecs": "ECS",
    "eks": "AmazonEKS",
    "eks-nodegroup": "AmazonEKSNodegroup",
    "elasticache": "ElastiCache",
    "elasticloadbalancing": "ElasticLoadBalancing",
    "es": "AmazonElasticsearchService",
    "guardduty": "AmazonGuardDuty",
    "lex": "LexBots",
    "lexv2": "LexV2Bots",
    "opensearchservice": "AmazonOpenSearchService",
    "organizations": "Organizations",
    "rds": "RDS",
    "redshift": "Redshift",
    "replication.dynamodb": "DynamoDBReplication",
    "securityhub": "SecurityHub",
    "spot": "EC2Spot",
    "spotfleet": "EC2SpotFleet",
    "ssm": "AmazonSSM",
    "support": "Support",
    "transitgateway": "VPCTransitGateway",
    "trustedadvisor": "TrustedAdvisor",
    "dynamodb.application-autoscaling": "ApplicationAutoScaling_DynamoDBTable",
    "ecs.application-autoscaling": "ApplicationAutoScaling_ECSService",
    "lambda.application-autoscaling": "ApplicationAutoScaling_LambdaConcurrency",
    "rds.application-autoscaling": "ApplicationAutoScaling_RDSCluster",
}
SUFFIXED_SERVICES = {f"{service}.amazonaws.com" for service in ("autoscaling", "connect", "lex", "lexv2")}
# A deletion finishes after this time, or after its status was read once per step.
DELETION_SECONDS = 5


@dataclass
class Deletion:
    """The task that deletes a service-linked role."""

    role: models.Role
    began: float = field(default_factory=time.monotonic)
    steps: list = field(default_factory=lambda: ["NOT_STARTED", "IN_PROGRESS"])
    status: str | None = None
    reason: dict | None = None


class ServiceLinkedRoles(Roles):
    def create_service_linked_role(self):
        service, suffix = self.params["AWSServiceName"], self.params.get("CustomSuffix")
        if service.count(".") < 2:
            raise aws_error("InvalidInput", f"Invalid service name: {service}")
        if suffix and service not in SUFFIXED_SERVICES:
            raise aws_error("InvalidInput", f"Custom suffix is not allowed for {service}")
        role = service_linked_role(self.backend, service, self.params.get("Description"), suffix)
        if len(role.name) > 64:
            raise aws_error("InvalidInput", f"The role name {role.name} is longer than 64 characters.")
        if role.name.lower() in self.backend.by_name["Role"]:
            raise aws_error(
                "InvalidInput",
                f"Service role name {role.name} has been taken in this account, please try a different suffix.",
            )
        self.add_role(role, [])
        return {"Role": role_full(role)}

    def delete_service_linked_role(self):
        role = self.requested("Role")
        if not role._linked_service:
            raise aws_error("InvalidInput", f"The role {role.name} is not a service-linked role.")
        for task, deletion in self.backend.deletions.items():
            if deletion.role is role and deletion.status is None:
                return {"DeletionTaskId": task}
        task = f"task{role.path}{role.name}/{uuid.uuid4()}"
        self.backend.deletions[task] = Deletion(role)
        return {"DeletionTaskId": task}

    def get_service_linked_role_deletion_status(self):
        task = self.params["DeletionTaskId"]
        if not task.startswith("task/aws-service-role/"):
            raise aws_error("InvalidInput", f"The deletion task ID {task} is not valid.")
        deletion = self.backend.deletions.get(task)
        if deletion is None:
            raise no_such_entity(f"The deletion task {task} cannot be found.")
        if deletion.status is None and deletion.steps:
            return {"Status": deletion.steps.pop(0)}
        self.finish_deletion(deletion)
        return {"Status": deletion.status, "Reason": deletion.reason}

    def finish_deletion(self, deletion):
        if deletion.status is None:
            if user := getattr(deletion.role, "used_by", None):
                deletion.status = "FAILED"
                deletion.reason = {
                    "Reason": "A service-linked role that its service still uses cannot be deleted.",
                    "RoleUsageList": [{"Region": "us-east-1", "Resources": [user]}],
                }
            else:
                deletion.status = "SUCCEEDED"
                self.remove_role(deletion.role)

    def finish_deletions(self):
        """Finishes deletions whose status nobody reads."""
        for deletion in self.backend.deletions.values():
            if time.monotonic() - deletion.began > DELETION_SECONDS:
                self.finish_deletion(deletion)


def service_linked_role(backend, service, description, suffix):
    """Returns the role that moto would create, without storing it."""
    created = []
    backend.create_role = lambda name, document, path, **rest: created.append((name, document, path))
    try:
        backend.create_service_linked_role(service, description, suffix)
    finally:
        del backend.create_role
    name, document, path = created[0]
    if known := LINKED_NAMES.get(service.partition(".amazonaws.")[0]):
        name = f"AWSServiceRoleFor{known}" + (f"_{suffix}" if suffix else "")
    return models.Role(
        account_id=backend.account_id,
        partition=backend.partition,
        role_id=models.random_role_id(backend.account_id),
        name=name,
        assume_role_policy_document=document,
        path=path,
        permissions_boundary=None,
        description=description,
        tags=[],
        max_session_duration=3600,
        linked_service=service,
    )
