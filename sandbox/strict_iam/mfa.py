"""MFA devices.

a virtual device whose name is taken, a device that any user has            409 EntityAlreadyExists
two equal codes                                                             403 InvalidAuthenticationCode
a virtual device that a user has is not deleted                             409 DeleteConflict
"""

import functools
import struct
import zlib
from base64 import b64encode

from moto.iam import models

from .errors import already_exists, aws_error, no_such_entity
from .tagging import Tagging
from .views import mfa_device_view, virtual_mfa_view


class MfaDevices(Tagging):
    def create_virtual_mfa_device(self):
        p, backend = self.params, self.backend
        name = p["VirtualMFADeviceName"]
        device = models.VirtualMfaDevice(backend.account_id, self.region, p.get("Path", "/") + name)
        serial = device.serial_number
        if any(other.lower() == serial.lower() for other in backend.virtual_mfa_devices):
            raise already_exists("MFADevice entity at the same path and name already exists.")
        device.strict_tags = self.new_tags()
        backend.virtual_mfa_devices[serial] = device
        seed, owner = device.base32_string_seed, f"{name}@{backend.account_id}"
        return {
            "VirtualMFADevice": {
                "SerialNumber": serial,
                "Base32StringSeed": b64encode(seed.encode()).decode(),
                "QRCodePNG": b64encode(png_with_text(f"otpauth://totp/{owner}?secret={seed}")).decode(),
                "Tags": device.strict_tags or None,
            }
        }

    def list_virtual_mfa_devices(self):
        wanted = self.params.get("AssignmentStatus", "Any")
        devices = self.backend.virtual_mfa_devices.values()
        if wanted != "Any":
            devices = [item for item in devices if (item.user is not None) == (wanted == "Assigned")]
        return self.list_page("VirtualMFADevices", devices, virtual_mfa_view, key=lambda item: (item.serial_number,))

    def delete_virtual_mfa_device(self):
        if self.backend.virtual_mfa_device(self.params["SerialNumber"]).user:
            raise aws_error("DeleteConflict", "Cannot delete entity, must deactivate the MFA device first.")
        del self.backend.virtual_mfa_devices[self.params["SerialNumber"]]

    def enable_mfa_device(self):
        user, serial = self.requested("User"), self.params["SerialNumber"]
        # Virtual devices have an ARN. Serial numbers of hardware devices are not checked.
        virtual = self.backend.virtual_mfa_device(serial) if serial.startswith("arn:") else None
        if any(serial in other.mfa_devices for other in self.backend.users.values()):
            raise already_exists(f"MFA Device {serial} is already in use.")
        self.backend.check_quota("MFADevicesPerUserQuota", len(user.mfa_devices))
        self.check_codes()
        device = user.mfa_devices[serial] = models.MFADevice(serial, "", "")
        if virtual:
            virtual.user, virtual.enable_date = user, device.enable_date

    def check_codes(self):
        # The sandbox does not compute the codes of the device: a test would have to wait for the next one.
        if self.params["AuthenticationCode1"] == self.params["AuthenticationCode2"]:
            raise aws_error("InvalidAuthenticationCode", "The authentication codes are not two consecutive ones.")

    def requested_device(self, user):
        serial = self.params["SerialNumber"]
        if serial not in user.mfa_devices:
            raise no_such_entity(f"MFA Device {serial} of user {user.name} cannot be found.")
        return user.mfa_devices[serial]

    def resync_mfa_device(self):
        self.requested_device(self.requested("User"))
        self.check_codes()

    def deactivate_mfa_device(self):
        user = self.user_or_caller()
        serial = self.requested_device(user).serial_number
        del user.mfa_devices[serial]
        if virtual := self.backend.virtual_mfa_devices.get(serial):
            virtual.user = virtual.enable_date = None

    def get_mfa_device(self):
        serial = self.params["SerialNumber"]
        users = [self.requested("User")] if "UserName" in self.params else list(self.backend.users.values())
        user = next((item for item in users if serial in item.mfa_devices), None)
        if user:
            return mfa_device_view(user.mfa_devices[serial], user)
        if "UserName" in self.params:
            self.requested_device(users[0])
        return {"SerialNumber": self.backend.virtual_mfa_device(serial).serial_number}

    def list_mfa_devices(self):
        user = self.user_or_caller()
        view = functools.partial(mfa_device_view, user=user)
        return self.list_page("MFADevices", user.mfa_devices.values(), view, key=lambda item: (item.serial_number,))


def png_with_text(text):
    """Returns an image with the text as a comment. It shows no QR code, which no test scans."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    comment, pixel = chunk(b"tEXt", b"Comment\0" + text.encode()), chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + comment + pixel + chunk(b"IEND", b"")
