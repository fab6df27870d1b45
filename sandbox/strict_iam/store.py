"""The entities of one account. One lock per account makes each call atomic: of concurrent creates one wins.

Role, User, Group, Policy, InstanceProfile: names are unique in any case and under any path
                                                                            409 EntityAlreadyExists
a lookup is exact: a name in another case is not found                      404 NoSuchEntity
a policy or boundary that does not exist                                    404 NoSuchEntity
AWS managed policies exist, and cannot be changed                           403 AccessDenied
"""

import functools
import itertools
import json
import re
import threading

from moto.core.exceptions import ServiceException
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend, iam_backends

from .access import ACCOUNT_OF_KEY
from .errors import already_exists, aws_error, limit_exceeded, no_such_entity
from .ids import ID_PREFIX, unique_id
from .principals import Principals
from .quotas import QUOTAS, lowered_quotas

POLICY_ARN = re.compile(r"arn:[\w-]+:iam::(\d{12}|aws):policy/.+")
NOT_FOUND = {
    "Role": "The role with name {} cannot be found.",
    "User": "The user with name {} cannot be found.",
    "Group": "The group with name {} cannot be found.",
    "InstanceProfile": "Instance Profile {} cannot be found.",
}
TAKEN = {
    "Role": "Role with name {} already exists.",
    "User": "User with name {} already exists.",
    "Group": "Group with name {} already exists.",
    "Policy": "A policy called {} already exists. Duplicate names are not allowed.",
    "InstanceProfile": "Instance Profile {} already exists.",
}


@functools.cache
def aws_managed_policies():
    """Returns AWS's own policies by path and name. moto would parse all of them for each account and partition."""
    data = json.loads(aws_managed_policies_data)
    return {(policy.get("Path") or "/") + name: (name, policy) for name, policy in data.items()}


def refuse_aws_managed(entity):
    """Returns the policy unless it belongs to AWS."""
    if isinstance(entity, AWSManagedPolicy):
        raise aws_error("AccessDenied", f"Policy {entity.arn} is outside your own account.")
    return entity


def is_in_use(policy):
    return policy.attachment_count > 0 or getattr(policy, "boundary_count", 0) > 0


class StrictBackend(Principals, IAMBackend):
    """moto's store of one account, with indexes: moto finds names by walking through all entities."""

    def __init__(self, region_name, account_id):
        super().__init__(region_name, account_id)
        self.lock = threading.RLock()
        self.by_name = {kind: {} for kind in TAKEN}
        self.aws_policies = {}
        # Deletions of service-linked roles, by task ID.
        self.deletions = {}
        self.properties = {}
        self.token_version = 1
        self.web_identity_federation = False
        self.organization_features = set()

    def _init_aws_policies(self):
        return []

    def quota(self, name):
        return lowered_quotas.get((self.account_id, name), QUOTAS[name][0])

    def check_quota(self, name, count, more=1):
        """Refuses more entities than the quota allows."""
        if count + more > self.quota(name):
            raise limit_exceeded(QUOTAS[name][1], self.quota(name))

    def policies_in_use(self):
        """Returns the policies in use. A policy in use has one version in use: its default."""
        policies = itertools.chain(self.managed_policies.values(), self.aws_policies.values())
        return [policy for policy in policies if is_in_use(policy)]

    def find(self, kind, name):
        """Returns an entity by its exact name.

        AWS documents that names are unique in any case, and not whether a lookup ignores case. The sandbox takes the
        stricter reading, so that code which relies on the other one fails here and not in an account.
        """
        entity = self.by_name[kind].get(name.lower())
        if entity is None or entity.name != name:
            raise no_such_entity(NOT_FOUND[kind].format(name))
        return entity

    def check_name_is_free(self, kind, name, but=None):
        if self.by_name[kind].get(name.lower(), but) is not but:
            raise already_exists(TAKEN[kind].format(name))

    def add(self, kind, entity, tags=()):
        index = self.by_name[kind]
        # Service-linked roles do not count against the quota.
        if not getattr(entity, "_linked_service", None):
            self.check_quota(f"{kind}sQuota".replace("ys", "ies"), len(index))
        if kind in ID_PREFIX:
            entity.id = unique_id(ID_PREFIX[kind])
        entity.strict_tags = list(tags)
        index[entity.name.lower()] = entity
        return entity

    def forget(self, kind, entity):
        del self.by_name[kind][entity.name.lower()]

    def rename(self, kind, entity, name):
        self.check_name_is_free(kind, name, but=entity)
        self.forget(kind, entity)
        entity.name = name
        self.by_name[kind][name.lower()] = entity

    # moto calls the following methods by these names.

    def get_role(self, role_name):
        return self.find("Role", role_name)

    def get_role_by_arn(self, arn):
        role = self.by_name["Role"].get(arn.rsplit("/", 1)[-1].lower())
        if role is None or role.arn != arn:
            raise no_such_entity(f"The role with ARN {arn} cannot be found.")
        return role

    def get_user(self, name):
        return self.find("User", name)

    def get_group(self, group_name):
        return self.find("Group", group_name)

    def get_instance_profile(self, profile_name):
        return self.find("InstanceProfile", profile_name)

    def get_policy(self, policy_arn):
        policy = self.managed_policies.get(policy_arn) or self.aws_policies.get(policy_arn)
        if policy is None:
            prefix = f"arn:{self.partition}:iam::aws:policy"
            name, data = aws_managed_policies().get(policy_arn.removeprefix(prefix), (None, None))
            if name is None or not policy_arn.startswith(prefix):
                raise no_such_entity(f"Policy {policy_arn} was not found.")
            policy = AWSManagedPolicy.from_data(name, self.account_id, self.region_name, data)
            policy.strict_tags = []
            self.aws_policies[policy_arn] = policy
        return policy

    def own_policy(self, policy_arn):
        return refuse_aws_managed(self.get_policy(policy_arn))

    def attachable_policy(self, policy_arn):
        """Returns a policy that can be attached or set as a boundary."""
        if not POLICY_ARN.fullmatch(policy_arn):
            raise aws_error("InvalidInput", f"ARN {policy_arn} is not valid.")
        try:
            policy = self.get_policy(policy_arn)
        except ServiceException:
            raise no_such_entity(f"Policy {policy_arn} does not exist or is not attachable.") from None
        # Counting takes time, so it is done only if there are enough policies.
        if len(self.managed_policies) + len(self.aws_policies) > self.quota("PolicyVersionsInUseQuota"):
            if not is_in_use(policy):
                self.check_quota("PolicyVersionsInUseQuota", len(self.policies_in_use()))
        return policy

    def get_user_from_access_key_id(self, access_key_id):
        key = self.access_keys.get(access_key_id)
        return self.users.get(key.user_name) if key else None

    def create_temp_access_key(self):
        key = super().create_temp_access_key()
        ACCOUNT_OF_KEY[key.access_key_id] = self.account_id
        return key

    def virtual_mfa_device(self, serial):
        if serial not in self.virtual_mfa_devices:
            raise no_such_entity(f"VirtualMFADevice with serial number {serial} doesn't exist.")
        return self.virtual_mfa_devices[serial]


iam_backends.backend = StrictBackend
