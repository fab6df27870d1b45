"""AWS Organizations by its JSON protocol: the actions that make an organization, and those that read one.

the organization is read by its management account only                     400 AWSOrganizationsNotInUse or AccessDenied
pages of 20 at most, and the token of the next one                          400 InvalidInput for any other token
accounts of a unit without those of the units below it
tags of accounts that do not exist                                          400 TargetNotFound
"""

import json

from moto.core.utils import camelcase_to_underscores, get_service_model
from moto.organizations.models import organizations_backends
from moto.organizations.responses import OrganizationsResponse
from moto.utilities.utils import get_partition

from .errors import aws_error
from .model import check_input, keep_modelled

# AWS's default and largest page.
PAGE = 20
LISTS = {
    "ListAccounts": "Accounts",
    "ListAccountsForParent": "Accounts",
    "ListOrganizationalUnitsForParent": "OrganizationalUnits",
}


class StrictOrganizations(OrganizationsResponse):
    """moto's AWS Organizations, with requests and replies checked against the service model, and AWS's pages."""

    ACTIONS = (
        *("CreateOrganization", "CreateOrganizationalUnit", "CreateAccount", "CloseAccount", "MoveAccount"),
        *("ListRoots", "DescribeAccount", "TagResource", "ListTagsForResource", *LISTS),
    )

    def perform(self, action, params, account, region):
        operation = get_service_model("organizations").operation_model(action)
        params = keep_modelled(operation.input_shape, params)
        check_input(operation, params)
        self.current_account, self.region = account, region
        self.partition = get_partition(region)
        if action != "CreateOrganization" and self.organizations_backend.org is None:
            if account in organizations_backends.master_accounts:
                raise aws_error("AccessDeniedException", "You don't have permissions to access this resource.")
            raise aws_error("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
        token = params.pop("NextToken", None)
        size = params.pop("MaxResults", PAGE)
        # moto reads the body, and makes pages of its own: all items are one.
        self.body = json.dumps({**params, "MaxResults": 10**6} if action in LISTS else params)
        result = json.loads(getattr(self, camelcase_to_underscores(action))() or "{}")
        result = keep_modelled(operation.output_shape, result) if operation.output_shape else {}
        return page_of(result, LISTS[action], token, size) if action in LISTS else result


def page_of(result, name, token, size):
    """Returns one page of a list. Its token is the position of the next one."""
    items = result[name]
    if token is not None and not (token.isdigit() and int(token) < len(items)):
        raise aws_error("InvalidInputException", "You provided a next token that is not valid.")
    start = int(token or 0)
    following = {"NextToken": str(start + size)} if start + size < len(items) else {}
    return {name: items[start : start + size], **following}


def set_state(request):
    """POST /sandbox/account-state: gives an account of an organization another state."""
    for backend in list(organizations_backends[request["account"]].values()):
        for account in backend.accounts:
            if account.id == request["id"]:
                account.state = request["state"]
                # AWS's older field knows fewer states.
                account.status = "SUSPENDED" if request["state"] == "CLOSED" else request["state"]
                return
    raise ValueError(f"no account {request['id']} in the organization of {request['account']}")
