"""Login profiles and the password policy of the account.

a second login profile                                                      409 EntityAlreadyExists
a password that the account's policy, or AWS's default, does not allow      400 PasswordPolicyViolation
"""

import re

from moto.core.utils import utcnow

from .errors import already_exists, aws_error, no_such_entity
from .request import IamRequest


class Passwords(IamRequest):
    def create_login_profile(self):
        user = self.user_or_caller()
        if user.password:
            raise already_exists(f"Login Profile for user {user.name} already exists.")
        if "Password" not in self.params:
            message = "Value null at 'password' failed to satisfy constraint: Member must not be null"
            raise aws_error("ValidationError", f"1 validation error detected: {message}")
        self.set_password(user)
        user.password_reset_required = self.params.get("PasswordResetRequired", False)
        user.login_created = utcnow()
        return self.get_login_profile()

    def set_password(self, user):
        """Sets the password if the policy of the account, or AWS's default policy, allows it."""
        password, policy = self.params["Password"], self.backend.account_password_policy
        has = {
            "uppercase letter": re.search(r"[A-Z]", password),
            "lowercase letter": re.search(r"[a-z]", password),
            "number": re.search(r"[0-9]", password),
            "symbol": re.search(r"[!@#$%^&*()_+\-=\[\]{}|']", password),
        }
        if policy:
            minimum = policy.minimum_password_length
            required = {
                "uppercase letter": policy.require_uppercase_characters,
                "lowercase letter": policy.require_lowercase_characters,
                "number": policy.require_numbers,
                "symbol": policy.require_symbols,
            }
            missing = [f"at least one {kind}" for kind in required if required[kind] and not has[kind]]
        else:
            minimum, kinds = 8, sum(1 for found in has.values() if found)
            missing = [] if kinds >= 3 else ["three of uppercase letters, lowercase letters, numbers and symbols"]
        if len(password) < minimum:
            missing.insert(0, f"a minimum length of {minimum}")
        if missing:
            message = f"Password does not conform to the account password policy: it should have {', '.join(missing)}."
            raise aws_error("PasswordPolicyViolation", message)
        user.password = password

    def get_login_profile(self):
        user = self.user_with_login_profile()
        shown = {"UserName": user.name, "CreateDate": user.login_created}
        return {"LoginProfile": {**shown, "PasswordResetRequired": user.password_reset_required}}

    def user_with_login_profile(self):
        user = self.user_or_caller()
        if not user.password:
            raise no_such_entity(f"Login Profile for User {user.name} cannot be found.")
        return user

    def update_login_profile(self):
        user = self.user_with_login_profile()
        if "Password" in self.params:
            self.set_password(user)
        user.password_reset_required = self.params.get("PasswordResetRequired", user.password_reset_required)

    def delete_login_profile(self):
        self.user_with_login_profile().password = None

    def get_account_password_policy(self):
        """Shows the policy. Numbers that are not set are left out."""
        policy = self.backend.get_account_password_policy()
        return {
            "PasswordPolicy": {
                "MinimumPasswordLength": policy.minimum_password_length,
                "RequireSymbols": policy.require_symbols,
                "RequireNumbers": policy.require_numbers,
                "RequireUppercaseCharacters": policy.require_uppercase_characters,
                "RequireLowercaseCharacters": policy.require_lowercase_characters,
                "AllowUsersToChangePassword": policy.allow_users_to_change_password,
                "ExpirePasswords": policy.expire_passwords,
                "MaxPasswordAge": policy.max_password_age or None,
                "PasswordReusePrevention": policy.password_reuse_prevention or None,
                "HardExpiry": policy.hard_expiry,
            }
        }
