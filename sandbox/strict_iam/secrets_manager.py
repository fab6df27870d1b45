"""AWS Secrets Manager by its JSON protocol, for some actions.

a secret scheduled for deletion cannot be read, written or created again    400 InvalidRequestException
"""

import json
import uuid

from moto.core.utils import camelcase_to_underscores, get_service_model
from moto.secretsmanager.responses import SecretsManagerResponse

from .errors import aws_error
from .model import check_input, keep_modelled


class StrictSecrets(SecretsManagerResponse):
    """moto's AWS Secrets Manager, with requests and replies checked against the service model."""

    ACTIONS = (
        *("CreateSecret", "PutSecretValue", "UpdateSecret", "GetSecretValue", "DescribeSecret", "ListSecrets"),
        *("DeleteSecret", "RestoreSecret", "TagResource", "UntagResource"),
    )

    def perform(self, action, params, account, region):
        operation = get_service_model("secretsmanager").operation_model(action)
        self.automated_parameter_parsing, self.uri_match = True, {}
        self.current_account, self.region = account, region
        self.params = keep_modelled(operation.input_shape, params)
        check_input(operation, self.params)
        if "ClientRequestToken" in operation.input_shape.members:
            self.params.setdefault("ClientRequestToken", str(uuid.uuid4()))
        secret = self.backend.secrets.get(self.params.get("SecretId") or self.params.get("Name") or "")
        if secret and secret.is_deleted() and action == "CreateSecret":
            scheduled = "a secret with this name is already scheduled for deletion"
            raise aws_error("InvalidRequestException", f"You can't create this secret because {scheduled}.")
        if secret and secret.is_deleted() and action not in ("DescribeSecret", "DeleteSecret", "RestoreSecret"):
            message = "You can't perform this operation on the secret because it was marked for deletion."
            raise aws_error("InvalidRequestException", message)
        result = json.loads(getattr(self, camelcase_to_underscores(action))())
        return keep_modelled(operation.output_shape, result) if operation.output_shape else {}
