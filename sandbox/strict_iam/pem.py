"""Parses certificates, private keys and SAML metadata.

server certificates that cannot be parsed or have expired                   400 MalformedCertificate
a private key of another certificate                                        400 KeyPairMismatch
SAML metadata that cannot be parsed                                         400 InvalidInput
"""

import itertools
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
)
from moto.core.utils import utcnow

from .errors import aws_error


def is_valid_today(certificate):
    return certificate.not_valid_before_utc <= datetime.now(timezone.utc) <= certificate.not_valid_after_utc


def load_private_key(pem):
    """Returns the private key, or None if it cannot be parsed or is encrypted."""
    try:
        return load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def check_server_certificate(body, key, chain):
    """Checks certificate, key and chain. Returns when the certificate expires."""

    def malformed(message):
        return aws_error("MalformedCertificate", message)

    try:
        certificate = x509.load_pem_x509_certificate(body.encode())
        issuers = x509.load_pem_x509_certificates(chain.encode()) if chain else []
    except ValueError:
        message = "Unable to parse certificate. Please ensure the certificate is in PEM format."
        raise malformed(message) from None
    if not is_valid_today(certificate):
        raise malformed("The certificate has expired, or is not valid yet.")
    private = load_private_key(key)
    if private is None:
        raise malformed("Unable to parse private key. Please ensure that it is in PEM format and not encrypted.")
    if private.public_key() != certificate.public_key():
        raise aws_error("KeyPairMismatch", "The private key does not match the public key of the certificate.")
    for index, (issued, issuer) in enumerate(itertools.pairwise([certificate, *issuers]), -1):
        try:
            issued.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            raise malformed(
                "Unable to validate certificate chain. The certificate chain must start with the immediate signing "
                "certificate, followed by any intermediaries in order. The index within the chain of the invalid "
                f"certificate is: {index}"
            ) from None
    return certificate.not_valid_after_utc


def check_metadata(document):
    """Returns until when SAML metadata is valid: a hundred years if it does not state an end."""
    try:
        root = ElementTree.fromstring(document)
        stated = root.get("validUntil")
        until = stated and datetime.fromisoformat(stated.replace("Z", "+00:00"))
    except (ElementTree.ParseError, ValueError):
        raise aws_error("InvalidInput", "Could not parse metadata") from None
    if root.tag.rpartition("}")[2] not in ("EntityDescriptor", "EntitiesDescriptor"):
        raise aws_error("InvalidInput", "Could not parse metadata")
    return until.astimezone(timezone.utc) if until else utcnow() + timedelta(days=36_500)
