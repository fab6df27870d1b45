"""Checks policy documents.

a document that is not a policy, the operator NullIfExists                  400 MalformedPolicyDocument
"""

import json
import re

from moto.iam.policy_validation import BaseIAMPolicyValidator, IAMPolicyDocumentValidator

from .errors import aws_error


class TrustValidator(BaseIAMPolicyValidator):
    """Checks trust policies. moto does so only in UpdateAssumeRolePolicy, and refuses Version 2008-10-17."""

    def _validate_version(self):
        pass

    def validate(self):
        super().validate()
        for statement in self._statements:
            if "Resource" in statement or "NotResource" in statement:
                raise aws_error("MalformedPolicyDocument", "Has prohibited field Resource")
            if "Principal" not in statement and "NotPrincipal" not in statement:
                raise aws_error("MalformedPolicyDocument", "Missing required field Principal")
            for action in as_list(statement.get("Action", statement.get("NotAction"))):
                if not action.lower().startswith("sts:"):
                    raise aws_error(
                        "MalformedPolicyDocument", "AssumeRole policy may only specify STS AssumeRole actions."
                    )


class InlineValidator(IAMPolicyDocumentValidator):
    """Checks inline policies, which do not need Version 2012-10-17."""

    def _validate_version(self):
        pass


def check_document(validator, document):
    """Checks and parses a document. Numbers in conditions count as strings, which moto's validator does not know."""
    try:
        parsed = json.loads(document)
        for statement in as_list(parsed.get("Statement", [])):
            for operator, keys in (statement.get("Condition") or {}).items():
                if operator.endswith("NullIfExists"):
                    raise aws_error("MalformedPolicyDocument", "Syntax errors in policy.")
                statement["Condition"][operator] = {key: quote_numbers(value) for key, value in keys.items()}
            if validator is not TrustValidator and ("Principal" in statement or "NotPrincipal" in statement):
                raise aws_error("MalformedPolicyDocument", "Policy document should not specify a principal.")
        document = json.dumps(parsed)
    except (ValueError, AttributeError, TypeError):
        raise aws_error("MalformedPolicyDocument", "This policy contains invalid Json") from None
    validator(document).validate()
    return parsed


def quote_numbers(value):
    if isinstance(value, list):
        return [quote_numbers(item) for item in value]
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def as_list(value):
    return value if isinstance(value, list) else [value]


def document_size(document):
    """Returns the size that AWS counts: without white space, inside of strings as between them."""
    return len(re.sub(r"[ \t\r\n]", "", document))
