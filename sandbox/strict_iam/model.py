"""Checks a request against the AWS service model.

lengths, ranges, patterns, required parameters                              400 ValidationError
"""

import functools
import re

from .errors import aws_error


def validate(shape, value, name, problems):
    """Adds a problem for each constraint of the model that the value violates."""
    shown = "***" if shape.metadata.get("sensitive") else value

    def problem(constraint):
        problems.append(f"Value '{shown}' at '{name}' failed to satisfy constraint: Member must {constraint}")

    if shape.type_name == "structure":
        for member in shape.required_members:
            if member not in value:
                field = f"{name}.{first_lower(member)}" if name else first_lower(member)
                problems.append(f"Value null at '{field}' failed to satisfy constraint: Member must not be null")
        for member, part in value.items():
            field = f"{name}.{first_lower(member)}" if name else first_lower(member)
            validate(shape.members[member], part, field, problems)
        return
    minimum, maximum = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name in ("integer", "long"):
        if minimum is not None and value < minimum:
            problem(f"have value greater than or equal to {minimum}")
        if maximum is not None and value > maximum:
            problem(f"have value less than or equal to {maximum}")
    elif shape.type_name in ("string", "list"):
        if minimum is not None and len(value) < minimum:
            problem(f"have length greater than or equal to {minimum}")
        if maximum is not None and len(value) > maximum:
            problem(f"have length less than or equal to {maximum}")
    if shape.type_name == "list":
        for index, part in enumerate(value, 1):
            validate(shape.member, part, f"{name}.{index}.member", problems)
    if shape.type_name == "map":
        for key, part in value.items():
            validate(shape.key, key, f"{name}.key", problems)
            validate(shape.value, part, f"{name}.{key}", problems)
    if shape.type_name == "string":
        pattern = shape.metadata.get("pattern")
        if pattern and value and not compile_pattern(pattern).fullmatch(value):
            problem(f"satisfy regular expression pattern: {pattern}")
        if getattr(shape, "enum", None) and value not in shape.enum:
            problem(f"satisfy enum value set: [{', '.join(shape.enum)}]")


def check_input(operation, params):
    problems = []
    if operation.input_shape is not None:
        validate(operation.input_shape, params, "", problems)
    if problems:
        many = "s" if len(problems) > 1 else ""
        raise aws_error("ValidationError", f"{len(problems)} validation error{many} detected: {'; '.join(problems)}")


@functools.cache
def compile_pattern(pattern):
    # Names are ASCII. Tags have \p{L}\p{Z}\p{N}, any letter, space and digit, which Python lacks.
    if "\\p{L}" in pattern:
        return re.compile(pattern.replace("\\p{L}\\p{Z}\\p{N}", "\\w\\s"))
    return re.compile(pattern, re.ASCII)


def first_lower(text):
    return text[:1].lower() + text[1:]


def keep_modelled(shape, value):
    """Returns the value without members that the model lacks, as AWS ignores them."""
    if not isinstance(value, JSON_TYPES.get(shape.type_name, object)):
        raise aws_error("SerializationException", f"A {shape.type_name} is expected.")
    if shape.type_name == "structure":
        members = shape.members
        return {
            name: keep_modelled(members[name], part)
            for name, part in value.items()
            if name in members and part is not None
        }
    if shape.type_name == "list":
        return [keep_modelled(shape.member, part) for part in value]
    return value


JSON_TYPES = {"structure": dict, "map": dict, "list": list, "string": str, "blob": str, "boolean": bool}
JSON_TYPES |= {"integer": int, "long": int, "timestamp": (int, float)}
