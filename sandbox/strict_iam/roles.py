"""Roles and instance profiles.

UpdateRole keeps the fields that are not sent
AcquireRole makes a role from a template, which has no content here: the role has the name of the template
a role with policies, or in an instance profile, is not deleted             409 DeleteConflict
"""

import json

from moto.iam import models

from .attachments import Attachments
from .errors import delete_conflict, limit_exceeded, no_such_entity
from .tagging import Tagging
from .views import profile_full, profile_listed, role_full, role_listed


class Roles(Tagging, Attachments):
    def create_role(self):
        p, backend = self.params, self.backend
        name, document, arn = p["RoleName"], p["AssumeRolePolicyDocument"], p.get("PermissionsBoundary")
        backend.check_name_is_free("Role", name)
        tags = self.new_tags("Role")
        backend.check_trust(document)
        if arn:
            backend.attachable_policy(arn)
        role = models.Role(
            account_id=backend.account_id,
            partition=self.partition,
            role_id=models.random_role_id(backend.account_id),
            name=name,
            assume_role_policy_document=document,
            path=p.get("Path"),
            permissions_boundary=None,
            description=p.get("Description"),
            tags=[],
            max_session_duration=p.get("MaxSessionDuration", 3600),
        )
        self.add_role(role, tags)
        self.set_boundary(role, arn)
        return {"Role": role_full(role)}

    def acquire_role(self):
        template = self.params["TemplateArn"]
        trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        self.params = {"RoleName": template.split("/")[-1], "AssumeRolePolicyDocument": document}
        self.create_role()
        role = self.requested("Role")
        role.template = template
        return {"Role": role_full(role)}

    def add_role(self, role, tags):
        role.in_profiles = []
        self.backend.roles[self.backend.add("Role", role, tags).id] = role

    def get_role(self):
        return {"Role": role_full(self.requested("Role"))}

    def list_roles(self):
        return self.list_page("Roles", self.backend.roles.values(), role_listed)

    def update_role(self):
        """Updates a role. A service-linked role allows a new description only."""
        role = self.requested("Role", for_write="MaxSessionDuration" in self.params)
        role.description = self.params.get("Description", role.description)
        role.max_session_duration = self.params.get("MaxSessionDuration", role.max_session_duration)

    def update_role_description(self):
        role = self.requested("Role")
        role.description = self.params["Description"]
        return {"Role": role_full(role)}

    def update_assume_role_policy(self):
        role = self.requested("Role", for_write=True)
        self.backend.check_trust(self.params["PolicyDocument"])
        role.assume_role_policy_document = self.params["PolicyDocument"]

    def delete_role(self):
        role = self.requested("Role", for_write=True)
        if role.in_profiles:
            raise delete_conflict("remove roles from instance profile")
        if role.managed_policies:
            raise delete_conflict("detach all policies")
        if role.policies:
            raise delete_conflict("delete policies")
        self.remove_role(role)

    def remove_role(self, role):
        self.set_boundary(role, None)
        del self.backend.roles[role.id]
        self.backend.forget("Role", role)
        self.backend.forget_principal(role)


class InstanceProfiles(Tagging):
    def create_instance_profile(self):
        backend, name = self.backend, self.params["InstanceProfileName"]
        backend.check_name_is_free("InstanceProfile", name)
        tags = self.new_tags("InstanceProfile")
        profile = models.InstanceProfile(backend.account_id, self.region, "", name, self.params.get("Path"), [])
        backend.instance_profiles[backend.add("InstanceProfile", profile, tags).name] = profile
        return {"InstanceProfile": profile_full(profile)}

    def get_instance_profile(self):
        return {"InstanceProfile": profile_full(self.requested("InstanceProfile"))}

    def list_instance_profiles(self):
        return self.list_page("InstanceProfiles", self.backend.instance_profiles.values(), profile_listed)

    def list_instance_profiles_for_role(self):
        return self.list_page("InstanceProfiles", self.requested("Role").in_profiles, profile_listed)

    def add_role_to_instance_profile(self):
        profile, role = self.requested("InstanceProfile"), self.requested("Role", for_write=True)
        # Adding the same role again is refused too.
        if profile.roles:
            raise limit_exceeded("InstanceSessionsPerInstanceProfile", 1)
        profile.roles.append(role)
        role.in_profiles.append(profile)

    def remove_role_from_instance_profile(self):
        profile, role = self.requested("InstanceProfile"), self.requested("Role", for_write=True)
        if role not in profile.roles:
            raise no_such_entity(f"The role with name {role.name} is not in the instance profile {profile.name}.")
        profile.roles.remove(role)
        role.in_profiles.remove(profile)

    def delete_instance_profile(self):
        profile = self.requested("InstanceProfile")
        if profile.roles:
            raise delete_conflict("remove roles from instance profile")
        del self.backend.instance_profiles[profile.name]
        self.backend.forget("InstanceProfile", profile)
