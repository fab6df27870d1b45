"""Errors as AWS returns them, with the HTTP status that the service model gives each code."""

from moto.core.exceptions import ServiceException
from moto.core.utils import get_service_model

# Status by code. The model lacks the ones that are listed here.
STATUS = {"ServiceFailure": 500}


for _name in ("AccessDenied", "ExpiredToken", "InvalidClientTokenId", "MissingAuthenticationToken"):
    STATUS[_name] = 403


for _name in get_service_model("iam").shape_names:
    _error = get_service_model("iam").shape_for(_name).metadata.get("error", {})
    if "code" in _error:
        STATUS[_error["code"]] = _error["httpStatusCode"]


def aws_error(code, message):
    return ServiceException(code, message)


def already_exists(message):
    return aws_error("EntityAlreadyExists", message)


def no_such_entity(message):
    return aws_error("NoSuchEntity", message)


def delete_conflict(message):
    return aws_error("DeleteConflict", f"Cannot delete entity, must {message} first.")


def limit_exceeded(name, maximum):
    return aws_error("LimitExceeded", f"Cannot exceed quota for {name}: {maximum}")
