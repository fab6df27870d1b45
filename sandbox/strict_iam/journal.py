"""The journal of calls, without documents and secrets."""

import itertools
import re
from datetime import datetime, timezone

# Parameters that name what a call was about. Documents, passwords, seeds, keys and secret values are left out.
JOURNALLED = re.compile(
    r"(\w+Name|\w*Arn|Url|Name|Path|NewPath|PathPrefix|ClientID|AccountAlias|CustomSuffix|PermissionsBoundary|VersionId"
    r"|SerialNumber|CertificateId|SSHPublicKeyId|AccessKeyId|ServiceSpecificCredentialId|DeletionTaskId|SecretId|Status"
    r"|GlobalEndpointTokenVersion|Scope|MaxItems|Marker)"
)
entries = []
sequence = itertools.count(1)


def record(account, action, params, status, code, request_id):
    entries.append(
        {
            "seq": next(sequence),
            "at": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "account": account,
            "action": action,
            "params": {key: value for key, value in params.items() if JOURNALLED.fullmatch(key)},
            "status": status,
            "code": code,
            "requestId": request_id,
        }
    )


def clear():
    global sequence
    entries.clear()
    sequence = itertools.count(1)
