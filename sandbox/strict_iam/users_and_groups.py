"""Users and groups.

a user or group that still holds something is not deleted                   409 DeleteConflict
UpdateGroup can change the path alone
"""

from moto.iam import models

from .attachments import Attachments
from .errors import delete_conflict, no_such_entity
from .request import IamRequest
from .tagging import Tagging
from .views import group_view, user_full, user_listed


class Users(Tagging, Attachments):
    def create_user(self):
        p, backend = self.params, self.backend
        backend.check_name_is_free("User", p["UserName"])
        tags, arn = self.new_tags("User"), p.get("PermissionsBoundary")
        if arn:
            backend.attachable_policy(arn)
        user = models.User(backend.account_id, self.region, p["UserName"], p.get("Path"))
        user.member_of, user.service_credentials = [], []
        backend.users[backend.add("User", user, tags).name] = user
        self.set_boundary(user, arn)
        return {"User": user_full(user)}

    def get_user(self):
        return {"User": user_full(self.user_or_caller())}

    def list_users(self):
        return self.list_page("Users", self.backend.users.values(), user_listed)

    def update_user(self):
        user, name = self.requested("User"), self.params.get("NewUserName")
        if name:
            old = user.name
            self.backend.rename("User", user, name)
            self.backend.users[name] = self.backend.users.pop(old)
            certificates, keys = user.signing_certificates.values(), [*user.access_keys, *user.ssh_public_keys]
            for credential in [*keys, *certificates, *user.service_credentials]:
                credential.user_name = name
        user.path = self.params.get("NewPath", user.path)

    def delete_user(self):
        user = self.requested("User")
        for remaining, message in (
            (user.member_of, "remove users from group"),
            (user.managed_policies, "detach all policies"),
            (user.policies, "delete policies"),
            (user.access_keys, "delete access keys"),
            (user.password, "delete login profile"),
            (user.mfa_devices, "delete MFA device"),
            (user.signing_certificates, "delete signing certificates"),
            (user.ssh_public_keys, "delete SSH public keys"),
            (user.service_credentials, "delete service-specific credentials"),
        ):
            if remaining:
                raise delete_conflict(message)
        self.set_boundary(user, None)
        del self.backend.users[user.name]
        self.backend.forget("User", user)
        self.backend.forget_principal(user)


class Groups(IamRequest):
    def create_group(self):
        backend, name = self.backend, self.params["GroupName"]
        backend.check_name_is_free("Group", name)
        group = models.Group(backend.account_id, self.region, name, self.params.get("Path", "/"))
        backend.groups[backend.add("Group", group).name] = group
        return {"Group": group_view(group)}

    def get_group(self):
        group = self.requested("Group")
        return {"Group": group_view(group), **self.list_page("Users", group.users, user_listed)}

    def list_groups(self):
        return self.list_page("Groups", self.backend.groups.values(), group_view)

    def list_groups_for_user(self):
        return self.list_page("Groups", self.requested("User").member_of, group_view)

    def update_group(self):
        group, name = self.requested("Group"), self.params.get("NewGroupName")
        if name:
            old = group.name
            self.backend.rename("Group", group, name)
            self.backend.groups[name] = self.backend.groups.pop(old)
        group.path = self.params.get("NewPath", group.path)

    def delete_group(self):
        group = self.requested("Group")
        if group.users:
            raise delete_conflict("remove users from group")
        if group.managed_policies:
            raise delete_conflict("detach all policies")
        if group.policies:
            raise delete_conflict("delete policies")
        del self.backend.groups[group.name]
        self.backend.forget("Group", group)

    def add_user_to_group(self):
        group, user = self.requested("Group"), self.requested("User")
        if group in user.member_of:
            return
        self.backend.check_quota("GroupsPerUserQuota", len(user.member_of))
        group.users.append(user)
        user.member_of.append(group)

    def remove_user_from_group(self):
        group, user = self.requested("Group"), self.requested("User")
        if group not in user.member_of:
            raise no_such_entity(f"The user with name {user.name} is not a member of the group {group.name}.")
        group.users.remove(user)
        user.member_of.remove(group)
