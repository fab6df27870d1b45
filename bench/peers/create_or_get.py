"""Roles by boto3, as scripts of that kind are written: create, or get what is there already; then the policies."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

with open(sys.argv[1], encoding="utf-8") as file:
    given = json.load(file)

retries = {"mode": "standard", "max_attempts": 10}
iam = boto3.client(
    "iam",
    region_name="us-east-1",
    config=Config(max_pool_connections=given["concurrency"], retries=retries),
)


def ensure(role):
    name = role["RoleName"]
    try:
        iam.create_role(
            RoleName=name,
            Description=role["Description"],
            MaxSessionDuration=role["MaxSessionDuration"],
            AssumeRolePolicyDocument=role["AssumeRolePolicyDocument"],
            Tags=[{"Key": key, "Value": value} for key, value in role["Tags"].items()],
        )
    except iam.exceptions.EntityAlreadyExistsException:
        iam.get_role(RoleName=name)
    iam.put_role_policy(RoleName=name, **role["inline"])
    iam.attach_role_policy(RoleName=name, PolicyArn=role["PolicyArn"])


with ThreadPoolExecutor(given["concurrency"]) as pool:
    for _ in pool.map(ensure, given["roles"]):
        pass
