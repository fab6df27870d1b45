"""MFA devices.

a virtual device whose name is taken, a device that any user has            409 EntityAlreadyExists
codes that do not follow each other, or are not the device's                403 InvalidAuthenticationCode
a virtual device that a user has is not deleted                             409 DeleteConflict
"""

import functools
import hmac
import struct
import time
import zlib
from base64 import b32decode, b64encode

from moto.iam import models

from .errors import already_exists, aws_error, no_such_entity
from .tagging import Tagging
from .views import mfa_device_view, virtual_mfa_view


# Seconds for which a code is valid, and the periods by which a device may be off.
PERIOD, MAX_DRIFT = 30, 10
# Codes that are valid for every device, for tests that do not know its seed.
STAND_IN_CODES = ("123456", "654321")


def totp(seed, step):
    """Returns the code of a period, by RFC 6238."""
    digest = hmac.digest(seed, struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 15
    return f"{(struct.unpack_from('>I', digest, offset)[0] & 0x7FFFFFFF) % 1_000_000:06}"


class MfaDevices(Tagging):
    def create_virtual_mfa_device(self):
        p, backend = self.params, self.backend
        name = p["VirtualMFADeviceName"]
        device = models.VirtualMfaDevice(backend.account_id, self.region, p.get("Path", "/") + name)
        serial = device.serial_number
        if any(other.lower() == serial.lower() for other in backend.virtual_mfa_devices):
            raise already_exists("MFADevice entity at the same path and name already exists.")
        device.strict_tags = self.new_tags("MFADevice")
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
        self.check_codes(virtual)
        device = user.mfa_devices[serial] = models.MFADevice(serial, "", "")
        if virtual:
            virtual.user, virtual.enable_date = user, device.enable_date

    def check_codes(self, virtual):
        """Two codes of a virtual device follow each other, and are of the last or the next minutes. Seeds of hardware
        devices are not known: two codes differ."""
        codes = self.params["AuthenticationCode1"], self.params["AuthenticationCode2"]
        if virtual and codes != STAND_IN_CODES:
            now = int(time.time()) // PERIOD
            steps = range(now - MAX_DRIFT, now + MAX_DRIFT)
            seed = b32decode(virtual.base32_string_seed)
            is_valid = any(codes == (totp(seed, step), totp(seed, step + 1)) for step in steps)
        else:
            is_valid = codes[0] != codes[1]
        if not is_valid:
            raise aws_error("InvalidAuthenticationCode", "The authentication codes are not two consecutive ones.")

    def requested_device(self, user):
        serial = self.params["SerialNumber"]
        if serial not in user.mfa_devices:
            raise no_such_entity(f"MFA Device {serial} of user {user.name} cannot be found.")
        return user.mfa_devices[serial]

    def resync_mfa_device(self):
        serial = self.requested_device(self.requested("User")).serial_number
        self.check_codes(self.backend.virtual_mfa_devices.get(serial))

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
