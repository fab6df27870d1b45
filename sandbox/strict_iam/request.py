"""A request of the query protocol, and what the actions of IAM share.

MaxItems, Marker and IsTruncated page through results in a stable order
service-linked roles cannot be changed, except for description and tags     400 UnmodifiableEntity
"""

import functools
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores, get_service_model
from moto.utilities.utils import get_partition

from .errors import aws_error, no_such_entity
from .model import check_input
from .views import xml


class QueryRequest:
    """A request without moto's web framework, which takes the largest part of moto's time."""

    GENERIC = {}

    def prepare(self, service, form, authorization, access_key, account, region):
        self.automated_parameter_parsing = True
        self.allow_request_decompression = False
        self.headers = {"Authorization": authorization}
        self.querystring = self.data = {key: [value] for key, value in form.items()}
        self.uri_match, self.response_headers, self.body = {}, {}, ""
        self.region, self.partition = region, get_partition(region)
        self.access_key, self.current_account = access_key, account
        operation = get_service_model(service).operation_model(form["Action"])
        parser = PROTOCOL_PARSERS["query"](operation, map_type=dict)
        self.params = parser.parse({"values": form}) or {}
        check_input(operation, self.params)

    def get_access_key(self):
        return self.access_key

    def get_current_account(self):
        return self.current_account

    def answer(self, namespace, request_id):
        action = self._get_action()
        result = self.method(action)()
        if isinstance(result, ActionResult):
            _, _, body = self.serialized(result)
            text = body if isinstance(body, str) else body.decode()
            return re.sub(r"(?<=<RequestId>)[^<]*(?=</RequestId>)", request_id, text)
        return (
            f'<{action}Response xmlns="{namespace}"><{action}Result>{xml(result or {})}</{action}Result>'
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
        )

    @classmethod
    def implements(cls, action):
        return action in cls.GENERIC or callable(getattr(cls, camelcase_to_underscores(action), None))

    def method(self, action):
        if action in self.GENERIC:
            return functools.partial(self.GENERIC[action], self)
        return getattr(self, camelcase_to_underscores(action))


class IamRequest(QueryRequest):
    """Finds the entity of a request, and pages through results."""

    def requested(self, kind, for_write=False):
        """Returns the entity that the request names. Service-linked roles are protected from writes."""
        entity = self.backend.find(kind, self.params[f"{kind}Name"])
        if for_write and getattr(entity, "_linked_service", None):
            raise aws_error(
                "UnmodifiableEntity",
                f"Cannot perform the operation on the protected role '{entity.name}' - "
                "this role is only modifiable by AWS",
            )
        return entity

    def find_by_id(self, items, attribute, parameter, what):
        """Returns the credential with the ID that the request names."""
        for item in items:
            if getattr(item, attribute) == self.params[parameter]:
                return item
        raise no_such_entity(f"The {what} with id {self.params[parameter]} cannot be found.")

    def new_status(self):
        # The model lists Expired, which credentials become by themselves.
        if self.params["Status"] == "Expired":
            raise aws_error("InvalidInput", "The status Expired cannot be set.")
        return self.params["Status"]

    def user_or_caller(self):
        if "UserName" in self.params:
            return self.requested("User")
        user = self.backend.get_user_from_access_key_id(self.access_key)
        if user is None:
            raise aws_error("ValidationError", "Must specify userName when calling with non-User credentials")
        return user

    def paginate(self, items, key):
        """Returns a page and its markers. A marker names the last item shown, so that changes between two pages
        neither hide nor repeat other items."""
        ordered = sorted(items, key=key)
        start = 0
        if marker := self.params.get("Marker"):
            try:
                start = bisect_right(ordered, tuple(json.loads(urlsafe_b64decode(marker))), key=key)
            except (ValueError, TypeError):
                raise aws_error("ValidationError", "Invalid Marker.") from None
        part = ordered[start : start + (self.params.get("MaxItems") or 100)]
        if start + len(part) == len(ordered):
            return part, {"IsTruncated": False}
        marker = urlsafe_b64encode(json.dumps(key(part[-1])).encode()).decode()
        return part, {"IsTruncated": True, "Marker": marker}

    def list_page(self, member, items, view, key=lambda item: (item.name,)):
        prefix = self.params.get("PathPrefix")
        if prefix:
            items = [item for item in items if item.path.startswith(prefix)]
        part, rest = self.paginate(items, key)
        return {member: [view(item) for item in part], **rest}
