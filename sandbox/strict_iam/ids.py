"""Unique IDs in the form that IAM gives them."""

from random import choices

# Prefixes of IDs. moto knows the one of roles.
ID_PREFIX = {"User": "AIDA", "Group": "AGPA", "Policy": "ANPA", "InstanceProfile": "AIPA"}
ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def unique_id(prefix, length=21):
    return prefix + "".join(choices(ID_ALPHABET, k=length - len(prefix)))
