"""Creates stacks with moto's own CloudFormation, and prints the IAM entities of an account as JSON.

    python moto_stacks.py stacks < STACKS      the entities that moto's CloudFormation makes of these stacks
    python moto_stacks.py account URL          the entities of the account behind an endpoint

STACKS is a list of {name, template, parameters, names}. Resources outside of IAM, dynamic references and AWS::StackId have
the values of `parameters`, as for `iam-bootstrap convert`, and resources without a name have that of `names`.

moto leaves out some of what CloudFormation does. It is done here with the values that moto's parser gives:
groups, the managed policies of a role, and all that a user has beside its name and path. Members of lists that are
AWS::NoValue, which moto leaves as null, are removed from documents.
"""

import copy
import importlib.abc
import importlib.machinery
import json
import re
import sys
import types
import urllib.parse

REGION = "us-east-1"
NAMES = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
}


class Unneeded(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands for a package that moto's CloudFormation imports for services other than IAM."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "openapi_spec_validator":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__path__ = []
        module.__getattr__ = lambda name: type(name, (Exception,), {})
        return module

    def exec_module(self, module):
        pass


def given_value(value, values):
    """Returns a part of a template with the values that are given for what is not in it."""
    if isinstance(value, list):
        return [given_value(item, values) for item in value]
    if isinstance(value, str):
        return re.sub(r"\{\{(resolve:[^{}]*)\}\}", lambda found: values.get(found[1], found[0]), value)
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (name, argument), = value.items()
        key = ".".join(argument) if name == "Fn::GetAtt" and isinstance(argument, list) else argument
        if name in ("Ref", "Fn::GetAtt", "Fn::ImportValue") and isinstance(key, str) and key in values:
            return values[key]
        if name == "Fn::Sub":
            text = argument[0] if isinstance(argument, list) else argument
            text = re.sub(r"\$\{([^!}]*)\}", lambda found: values.get(found[1].strip(), found[0]), given_value(text, values))
            return {name: [text, given_value(argument[1], values)] if isinstance(argument, list) else text}
    return {key: given_value(member, values) for key, member in value.items()}


def prepared(stack):
    """Returns the template, its parameters, and its groups by their logical IDs."""
    template = copy.deepcopy(stack["template"])
    groups = {}
    for logical_id, resource in list(template["Resources"].items()):
        if not resource["Type"].startswith("AWS::IAM::"):
            del template["Resources"][logical_id]
            continue
        if logical_id in stack["names"]:
            resource.setdefault("Properties", {})[NAMES[resource["Type"]]] = stack["names"][logical_id]
        if resource["Type"] == "AWS::IAM::Group":
            groups[logical_id] = resource["Properties"]
            del template["Resources"][logical_id]
    declared = template.get("Parameters", {})
    values = {key: value for key, value in stack["parameters"].items() if key not in declared}
    values.update({logical_id: group["GroupName"] for logical_id, group in groups.items()})
    parameters = {key: value for key, value in stack["parameters"].items() if key in declared}
    return given_value(template, values), parameters, groups


def create(stack, boto3, backends, clean_json):
    iam = boto3.client("iam", region_name=REGION)
    template, parameters, groups = prepared(stack)
    for group in groups.values():
        iam.create_group(GroupName=group["GroupName"], Path=group.get("Path", "/"))
        for arn in group.get("ManagedPolicyArns", []):
            iam.attach_group_policy(GroupName=group["GroupName"], PolicyArn=arn)
    boto3.client("cloudformation", region_name=REGION).create_stack(
        StackName=stack["name"],
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    (created,) = [one for one in backends[REGION].stacks.values() if one.name == stack["name"]]
    resources = created.resource_map
    for logical_id, resource in template["Resources"].items():
        entity = resources.get(logical_id)
        if entity is None:
            continue
        properties = clean_json(resource.get("Properties", {}), resources)
        if resource["Type"] == "AWS::IAM::Role":
            for arn in properties.get("ManagedPolicyArns", []):
                iam.attach_role_policy(RoleName=entity.name, PolicyArn=arn)
            # moto keeps them as they were parsed, and cannot list them then.
            entity.policies.update({name: text_of(document) for name, document in entity.policies.items()})
        if resource["Type"] == "AWS::IAM::User":
            complete_user(iam, entity.name, properties)


def text_of(document):
    return document if isinstance(document, str) else json.dumps(document)


def complete_user(iam, name, properties):
    for arn in properties.get("ManagedPolicyArns", []):
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
    for policy in properties.get("Policies", []):
        document = json.dumps(policy["PolicyDocument"])
        iam.put_user_policy(UserName=name, PolicyName=policy["PolicyName"], PolicyDocument=document)
    for group in properties.get("Groups", []):
        iam.add_user_to_group(GroupName=group, UserName=name)
    if properties.get("Tags"):
        iam.tag_user(UserName=name, Tags=properties["Tags"])


def document_of(value):
    return without_null(json.loads(urllib.parse.unquote(value)) if isinstance(value, str) else value)


def without_null(value):
    if isinstance(value, list):
        return [without_null(member) for member in value if member is not None]
    if isinstance(value, dict):
        return {key: without_null(member) for key, member in value.items()}
    return value


def tags_of(tags):
    return {tag["Key"]: tag["Value"] for tag in tags if not tag["Key"].startswith("iam-bootstrap:")}


def inline_of(policies):
    return {policy["PolicyName"]: document_of(policy["PolicyDocument"]) for policy in policies}


def attached_of(entity):
    return sorted(policy["PolicyArn"] for policy in entity["AttachedManagedPolicies"])


def entities(iam):
    details = {}
    for page in iam.get_paginator("get_account_authorization_details").paginate(
        Filter=["User", "Role", "Group", "LocalManagedPolicy"]
    ):
        for name, members in page.items():
            if isinstance(members, list):
                details.setdefault(name, []).extend(members)
    found = {}
    for role in details["RoleDetailList"]:
        whole = iam.get_role(RoleName=role["RoleName"])["Role"]
        found[role["Arn"]] = {
            "trust": document_of(role["AssumeRolePolicyDocument"]),
            "inline": inline_of(role["RolePolicyList"]),
            "attached": attached_of(role),
            "boundary": whole.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            "description": whole.get("Description", ""),
            "session": whole.get("MaxSessionDuration", 3600),
            "tags": tags_of(whole.get("Tags", [])),
        }
    for user in details["UserDetailList"]:
        found[user["Arn"]] = {
            "inline": inline_of(user.get("UserPolicyList", [])),
            "attached": attached_of(user),
            "groups": sorted(user.get("GroupList", [])),
            "tags": tags_of(user.get("Tags", [])),
        }
    for group in details["GroupDetailList"]:
        found[group["Arn"]] = {"inline": inline_of(group["GroupPolicyList"]), "attached": attached_of(group)}
    for policy in details["Policies"]:
        (default,) = [one for one in policy["PolicyVersionList"] if one["IsDefaultVersion"]]
        whole = iam.get_policy(PolicyArn=policy["Arn"])["Policy"]
        found[policy["Arn"]] = {
            "document": document_of(default["Document"]),
            "description": whole.get("Description", ""),
            "tags": tags_of(whole.get("Tags", [])),
        }
    for page in iam.get_paginator("list_instance_profiles").paginate():
        for profile in page["InstanceProfiles"]:
            found[profile["Arn"]] = {"roles": [role["RoleName"] for role in profile["Roles"]]}
    return found


def stacks():
    sys.meta_path.append(Unneeded())
    import boto3
    from botocore.exceptions import ClientError
    from moto import mock_aws
    from moto.cloudformation.models import cloudformation_backends
    from moto.cloudformation.parsing import clean_json

    given = json.load(sys.stdin)
    with mock_aws(config={"iam": {"load_aws_managed_policies": True}}):
        failures = {}
        for stack in given["stacks"]:
            try:
                create(stack, boto3, cloudformation_backends[given["account"]], clean_json)
            except ClientError as error:
                failures[stack["name"]] = str(error)
        return {"entities": entities(boto3.client("iam", region_name=REGION)), "failures": failures}


def account(url):
    import boto3

    return {"entities": entities(boto3.client("iam", region_name=REGION, endpoint_url=url)), "failures": {}}


if __name__ == "__main__":
    json.dump(stacks() if sys.argv[1] == "stacks" else account(sys.argv[2]), sys.stdout)
