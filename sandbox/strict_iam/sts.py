"""AWS STS. AssumeRole gives a session in the account of the role, whether or not the role exists."""

from moto.core.utils import utcnow
from moto.iam.models import iam_backends
from moto.sts.responses import TokenResponse

from .access import SESSIONS
from .request import QueryRequest


class StrictSts(QueryRequest, TokenResponse):
    def assume_role(self):
        result = super().assume_role()
        role = result.result["Credentials"]
        SESSIONS[role.access_key_id] = {
            "UserId": role.user_id,
            "Account": role.account_id,
            "Arn": role.arn,
            "At": utcnow().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "SourceIdentity": self.params.get("SourceIdentity"),
        }
        return result

    def get_caller_identity(self):
        if self.access_key in SESSIONS:
            session = SESSIONS[self.access_key]
            return {key: session[key] for key in ("UserId", "Account", "Arn")}
        backend = iam_backends[self.current_account][self.partition]
        user = backend.get_user_from_access_key_id(self.access_key)
        arn = user.arn if user else f"arn:{self.partition}:iam::{self.current_account}:user/sandbox"
        return {"UserId": user.id if user else "AIDASANDBOX", "Account": self.current_account, "Arn": arn}
