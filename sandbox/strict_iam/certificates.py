"""Server certificates and signing certificates.

a server certificate whose name is taken                                    409 EntityAlreadyExists
a signing certificate that any user has                                     409 DuplicateCertificate
a signing certificate that has expired                                      400 InvalidCertificate
a server certificate in use                                                 409 DeleteConflict
"""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from moto.core.utils import utcnow
from moto.iam import models

from .errors import already_exists, aws_error
from .ids import unique_id
from .pem import check_server_certificate, is_valid_today
from .request import IamRequest
from .tagging import Tagging
from .views import certificate_metadata, signing_certificate_view


class SigningCertificates(IamRequest):
    def upload_signing_certificate(self):
        user, body = self.user_or_caller(), self.params["CertificateBody"]
        try:
            [certificate] = x509.load_pem_x509_certificates(body.encode())
        except ValueError:
            raise aws_error("MalformedCertificate", "Certificate body is not one certificate in PEM format.") from None
        if not is_valid_today(certificate):
            raise aws_error("InvalidCertificate", "The certificate has expired, or is not valid yet.")
        fingerprint = certificate.fingerprint(hashes.SHA256())
        for other in self.backend.users.values():
            if any(item.fingerprint == fingerprint for item in other.signing_certificates.values()):
                raise aws_error("DuplicateCertificate", "The certificate already exists in this account.")
        self.backend.check_quota("SigningCertificatesPerUserQuota", len(user.signing_certificates))
        uploaded = models.SigningCertificate(unique_id("", 32), user.name, body)
        uploaded.fingerprint = fingerprint
        user.signing_certificates[uploaded.id] = uploaded
        return {"Certificate": signing_certificate_view(uploaded)}

    def list_signing_certificates(self):
        certificates = self.user_or_caller().signing_certificates.values()
        return self.list_page("Certificates", certificates, signing_certificate_view, key=lambda item: (item.id,))

    def signing_certificate(self, user):
        return self.find_by_id(user.signing_certificates.values(), "id", "CertificateId", "Certificate")

    def update_signing_certificate(self):
        self.signing_certificate(self.user_or_caller()).status = self.new_status()

    def delete_signing_certificate(self):
        user = self.user_or_caller()
        del user.signing_certificates[self.signing_certificate(user).id]


class ServerCertificates(Tagging):
    def requested_certificate(self):
        return self.backend.get_server_certificate(self.params["ServerCertificateName"])

    def check_certificate_name_is_free(self, name):
        if any(item.cert_name.lower() == name.lower() for item in self.backend.certificates.values()):
            raise already_exists(f"The Server Certificate with name {name} already exists.")

    def upload_server_certificate(self):
        p, backend = self.params, self.backend
        self.check_certificate_name_is_free(p["ServerCertificateName"])
        backend.check_quota("ServerCertificatesQuota", len(backend.certificates))
        tags = self.new_tags("ServerCertificate")
        expires = check_server_certificate(p["CertificateBody"], p["PrivateKey"], p.get("CertificateChain"))
        certificate = backend.upload_server_certificate(
            p["ServerCertificateName"], p["CertificateBody"], "", p.get("CertificateChain"), p.get("Path")
        )
        certificate.upload_date, certificate.expires = utcnow(), expires
        certificate.certificate_id = unique_id("ASCA")
        certificate.strict_tags = tags
        return {"ServerCertificateMetadata": certificate_metadata(certificate), "Tags": tags or None}

    def get_server_certificate(self):
        certificate = self.requested_certificate()
        return {
            "ServerCertificate": {
                "ServerCertificateMetadata": certificate_metadata(certificate),
                "CertificateBody": certificate.cert_body,
                "CertificateChain": certificate.cert_chain,
                "Tags": certificate.strict_tags or None,
            }
        }

    def list_server_certificates(self):
        certificates = self.backend.certificates.values()
        member = "ServerCertificateMetadataList"
        return self.list_page(member, certificates, certificate_metadata, key=lambda item: (item.cert_name,))

    def update_server_certificate(self):
        certificate, name = self.requested_certificate(), self.params.get("NewServerCertificateName")
        if name and name.lower() != certificate.cert_name.lower():
            self.check_certificate_name_is_free(name)
        certificate.cert_name = name or certificate.cert_name
        certificate.path = self.params.get("NewPath", certificate.path)

    def delete_server_certificate(self):
        certificate = self.requested_certificate()
        if user := getattr(certificate, "used_by", None):
            raise aws_error(
                "DeleteConflict",
                f"Certificate: {certificate.certificate_id} is currently in use by {user}. "
                "Please remove it first before deleting it from IAM.",
            )
        self.backend.delete_server_certificate(certificate.cert_name)
