"""GetResources of the Resource Groups Tagging API, for customer managed policies.

the resources of IAM are shown in one region of the partition
ARNs together with filters or with pages                                    400 InvalidParameterException
a token that no reply had                                                   400 InvalidParameterException
resources without tags are not shown, nor those that do not exist
pages of 100 at most
"""

from moto.core.utils import get_service_model
from moto.iam.models import iam_backends
from moto.utilities.utils import get_partition

from .errors import aws_error
from .model import check_input, keep_modelled

# The service in the names of its actions: tag:GetResources.
SERVICE = "tag"
PAGE = 100
HOME = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
WITHOUT_ARNS = ("ResourceTypeFilters", "TagFilters", "ResourcesPerPage", "TagsPerPage", "PaginationToken")
# The tags that the index of an account shows in place of the present ones, by partition.
frozen = {}


class StrictTaggingApi:
    """The index of an account's tags, without delay unless it is frozen."""

    ACTIONS = ("GetResources",)

    def perform(self, action, params, account, region):
        operation = get_service_model("resourcegroupstaggingapi").operation_model(action)
        params = keep_modelled(operation.input_shape, params)
        check_input(operation, params)
        partition = get_partition(region)
        shown = shown_tags(account, partition) if region == HOME.get(partition) else {}
        if "ResourceARNList" in params:
            if any(params.get(name) for name in WITHOUT_ARNS):
                raise aws_error("InvalidParameterException", "ResourceARNList allows no other parameter.")
            asked = set(params["ResourceARNList"])
            return {"PaginationToken": "", "ResourceTagMappingList": mappings(shown, lambda arn, _: arn in asked)}
        found = mappings(shown, lambda arn, tags: of_type(arn, params) and all_match(tags, params))
        return page_of(found, params.get("PaginationToken") or "0", params.get("ResourcesPerPage", PAGE))


def of_type(arn, params):
    types = params.get("ResourceTypeFilters") or ["iam"]
    return any(kind in ("iam", "iam:policy") for kind in types) and ":policy/" in arn


def all_match(tags, params):
    values = {tag["Key"]: tag["Value"] for tag in tags}
    return all(
        wanted["Key"] in values and (not wanted.get("Values") or values[wanted["Key"]] in wanted["Values"])
        for wanted in params.get("TagFilters") or []
    )


def mappings(shown, is_wanted):
    return [{"ResourceARN": arn, "Tags": tags} for arn, tags in sorted(shown.items()) if is_wanted(arn, tags)]


def page_of(found, token, size):
    if not (token.isdigit() and (int(token) < len(found) or token == "0")):
        raise aws_error("InvalidParameterException", "The pagination token is not valid.")
    start = int(token)
    following = str(start + size) if start + size < len(found) else ""
    return {"PaginationToken": following, "ResourceTagMappingList": found[start : start + size]}


def shown_tags(account, partition):
    return frozen.get(account, {}).get(partition) if account in frozen else present_tags(account, partition)


def present_tags(account, partition):
    policies = iam_backends[account][partition].managed_policies.items()
    return {arn: list(policy.strict_tags) for arn, policy in policies if getattr(policy, "strict_tags", None)}


def freeze(request):
    """POST /sandbox/tag-index: the index shows the tags of this moment from now on, or again the present ones."""
    account = request["account"]
    frozen.pop(account, None)
    if request["frozen"]:
        frozen[account] = {partition: present_tags(account, partition) for partition in HOME}
