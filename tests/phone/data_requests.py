# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a phone may request from its restore tool, one row each, and which packaged idevicerestore answers it.

Sources: restore.c of idevicerestore 1.0.0, 1.0.0+git20240709 and 1.0.0+git20251002, and the lists of data and
message types that the last one sends to a phone. A request that no version answers is one that a later phone may make.
"""

from dataclasses import dataclass, field

# The Debians by the age of the idevicerestore that they package: 2020, July 2024, October 2025.
DEBIANS = ("bookworm", "trixie", "forky")
FILE = "FileDataDone"
CPIO = "cpio"
BYTES = bytes(range(16))
NUMBER = 0x1234567890AB


@dataclass(frozen=True)
class DataRequest:
    """One request.

    `first` is the first Debian whose tool answers it. `answer` names the key that each message of the answer must hold: FILE
    ends a file that comes in pieces, CPIO is a bare archive on the data port, "a/b" is a key of the dictionary at a.
    `otherwise` is what an older tool does: "ignores" it with or without a word in its log, or "fails".
    `port`: the answer goes to a port that the phone opens. `signed`: the tool asks the signing server first."""

    type: str
    first: str | None = "bookworm"
    answer: tuple = ()
    arguments: dict = field(default_factory=dict)
    message: str = "DataRequestMsg"
    port: bool = False
    signed: bool = False
    otherwise: str = "ignores"

    def answered_by(self, debian):
        """True where the tool of that Debian has an answer."""
        return self.first is not None and DEBIANS.index(debian) >= DEBIANS.index(self.first)


def updater(name, info, ticket, first="bookworm", fields=None, **more):
    """The request of the firmware updater of one part, whose answer holds a ticket for that part."""
    arguments = {
        "MessageArgType": "FirmwareResponseData",
        "MessageArgUpdaterName": name,
        "MessageArgInfo": info,
        "DeviceGeneratedTags": {"ResponseTags": [ticket], "BuildIdentityTags": ["ApChipID", "ApBoardID"]},
        "DeviceGeneratedRequest": {f"@{ticket}": True, **(fields or {})},
    }
    answer = (f"FirmwareResponseData/{ticket}",)
    return DataRequest("FirmwareUpdaterData", first, answer, arguments, signed=True, otherwise="fails", **more)


SAVAGE = {
    "Savage,UID": BYTES, "Savage,PatchEpoch": 1, "Savage,ChipID": 0x10, "Savage,AllowOfflineBoot": False,
    "Savage,ReadFWKey": False, "Savage,ProductionMode": True, "Savage,Revision": b"\x30", "Savage,Nonce": BYTES,
    "Savage,ReadECKey": False,
}
YONKERS = {
    "YonkersDeviceInfo": {
        "Yonkers,AllowOfflineBoot": False, "Yonkers,BoardID": 1, "Yonkers,ChipID": 0x20, "Yonkers,ECID": NUMBER,
        "Yonkers,Nonce": BYTES, "Yonkers,PatchEpoch": 1, "Yonkers,ProductionMode": True, "Yonkers,ReadECKey": False,
        "Yonkers,ReadFWKey": False, "Yonkers,FabRevision": 1,
    }
}
SE = {"SE,ChipID": 0x37, "SE,ID": BYTES, "SE,Nonce": BYTES, "SE,RootKeyIdentifier": BYTES, "SE,IsDev": False}
ROSE = {
    "Rap,BoardID": 1, "Rap,ChipID": 2, "Rap,ECID": NUMBER, "Rap,Nonce": BYTES, "Rap,ProductionMode": True,
    "Rap,SecurityDomain": 1, "Rap,SecurityMode": True, "Rap,FdrRootCaDigest": BYTES,
}
VERIDIAN = {"BMU,BoardID": 1, "ChipID": 2, "Nonce": BYTES, "ProductionMode": True, "UniqueID": NUMBER}
BAOBAB = {
    "Baobab,BoardID": 1, "Baobab,ChipID": 2, "Baobab,ECID": BYTES, "Baobab,Life": 1, "Baobab,ManifestEpoch": 1,
    "Baobab,ProductionMode": True, "Baobab,SecurityDomain": 1, "Baobab,UpdateNonce": BYTES,
}
TIMER = {
    "InfoArray": [
        {
            "TagNumber": 1, "TicketName": "Timer,Ticket,1",
            "HardwareID": {
                "ChipID": 1, "BoardID": 2, "ECID": NUMBER, "Nonce": BYTES, "SecurityMode": True, "SecurityDomain": 1,
                "ProductionStatus": True,
            },
        }
    ],
    "APInfo": {"ApChipID": 1},
}
LOCAL_POLICY = {"Ap,LocalBoot": False, "Ap,NextStageIM4MHash": BYTES, "Ap,RecoveryOSPolicyNonceHash": BYTES}
MODEM = {"ChipID": 0x68, "CertID": 2315222105, "ChipSerialNo": BYTES[:4], "Nonce": BYTES}
# The server that signs the tickets is on the tool's loopback, and serves this too.
URL = {"RequestURL": "http://127.0.0.1:8080/asset", "RequestMethod": "GET"}
KEY = {**URL, "RequestMethod": "POST", "RequestAdditionalHeaders": {"X": "y"}, "RequestBody": BYTES}

DATA_REQUESTS = {
    "RootTicket": DataRequest("RootTicket", answer=("RootTicketData",)),
    "KernelCache": DataRequest("KernelCache", answer=("KernelCacheFile",)),
    "DeviceTree": DataRequest("DeviceTree", answer=("DeviceTreeFile",)),
    "NORData": DataRequest("NORData", answer=("NorImageData",)),
    "FDRTrustData": DataRequest("FDRTrustData", answer=("",)),
    "FUDData list": DataRequest("FUDData", answer=("FUDImageList",), arguments={"FUDImageList": True}),
    "FUDData": DataRequest("FUDData", answer=("FUDImageData",), arguments={"ImageName": "AOP"}),
    "BasebandData": DataRequest("BasebandData", answer=("BasebandData",), arguments=MODEM, signed=True, otherwise="fails"),
    "SE": updater("SE", SE, "SE,Ticket"),
    "Savage": updater("Savage", SAVAGE, "Savage,Ticket"),
    "Yonkers": updater("Savage", YONKERS, "Yonkers,Ticket"),
    "Rose": updater("Rose", ROSE, "Rap,Ticket", fields=ROSE),
    "Veridian": updater("T200", VERIDIAN, "BMU,Ticket"),
    "Baobab": updater("AppleTCON", BAOBAB, "Baobab,Ticket", "trixie"),
    "PS190": updater("PS190", {"a": 1}, "PCON1,Ticket", "trixie"),
    "Timer": updater("AppleTypeCRetimer", TIMER, "Timer,Ticket,1", "trixie"),
    "Cryptex1": updater("Cryptex1", {"Cryptex1,Type": 1}, "Cryptex1,Ticket", "trixie"),
    "Cryptex1LocalPolicy": updater(
        "Cryptex1LocalPolicy", {"Ap,LocalPolicy": {"Digest": BYTES}, **LOCAL_POLICY}, "ApImg4Ticket", "trixie"
    ),
    "Ace3": updater("Ace3", {"a": 1}, "USBPortController1,Ticket", "trixie"),
    # Not in the list of 2024: that tool asks the server what the phone says.
    "Centauri": updater("Centauri", {"a": 1}, "Centauri,Ticket", "trixie"),
    "Vinyl": updater("Vinyl", {"a": 1}, "Vinyl,Ticket", "trixie"),
    "a later updater": updater("NoSuchPart", {"a": 1}, "NoSuchPart,Ticket", "trixie"),
    "FirmwareUpdaterPreflight": DataRequest("FirmwareUpdaterPreflight", "trixie", ("",)),
    "PersonalizedData": DataRequest(
        "PersonalizedData", "trixie", ("ImageData",), {"ImageName": "AOP", "ImageType": "IsFUDFirmware"}
    ),
    "EANData": DataRequest("EANData", "trixie", ("EANData",), {"ImageName": "EarlyAccess"}),
    "BuildIdentityDict": DataRequest("BuildIdentityDict", "trixie", ("BuildIdentityDict",)),
    "PersonalizedBootObjectV3": DataRequest("PersonalizedBootObjectV3", "trixie", (FILE,), {"ImageName": "iBEC"}),
    "SourceBootObjectV4": DataRequest("SourceBootObjectV4", "trixie", (FILE,), {"ImageName": "iBoot"}),
    "GlobalManifest": DataRequest(
        "SourceBootObjectV4", "trixie", (FILE,), {"ImageName": "__GlobalManifest__", "Variant": "customer"}
    ),
    "RestoreVersion": DataRequest("SourceBootObjectV4", "trixie", (FILE,), {"ImageName": "__RestoreVersion__"}),
    "SystemVersion": DataRequest("PersonalizedBootObjectV3", "trixie", (FILE,), {"ImageName": "__SystemVersion__"}),
    "SystemImageRootHash": DataRequest("SystemImageRootHash", "trixie", ("SystemImageRootHashFile",)),
    "SystemImageCanonicalMetadata": DataRequest(
        "SystemImageCanonicalMetadata", "trixie", ("SystemImageCanonicalMetadataFile",)
    ),
    "ReceiptManifest": DataRequest("ReceiptManifest", "trixie", ("ReceiptManifest",)),
    "BootabilityBundle": DataRequest("BootabilityBundle", "trixie", (CPIO,), port=True),
    "URLAsset": DataRequest("URLAsset", "trixie", ("ResponseBody",), URL, signed=True),
    "StreamedImageDecryptionKey": DataRequest("StreamedImageDecryptionKey", "trixie", ("ResponseBody",), KEY, signed=True),
    "RestoreAttestation": DataRequest("", "trixie", ("RestoreShouldAttest",), message="RestoreAttestation"),
    "URLAsset, asynchronous": DataRequest(
        "URLAsset", "trixie", ("ResponseBody",), URL, "AsyncDataRequestMsg", port=True, signed=True
    ),
    "RootTicket at a port": DataRequest("RootTicket", "trixie", ("RootTicketData",), port=True),
    "KernelCache at a port": DataRequest("KernelCache", "trixie", ("KernelCacheFile",), port=True),
    "SourceBootObjectV4 at a port": DataRequest("SourceBootObjectV4", "trixie", (FILE,), {"ImageName": "OS"}, port=True),
    # The phone only reports these: no tool has to answer them.
    "AsyncWait": DataRequest("", message="AsyncWait"),
    "ProvisioningInfo": DataRequest("", message="ProvisioningInfo"),
    # No version answers these.
    "FirmwareUpdaterDataV2": DataRequest("FirmwareUpdaterDataV2", None, ("FirmwareResponseData",)),
    "FirmwareUpdaterDataV3": DataRequest("FirmwareUpdaterDataV3", None, ("FirmwareResponseData",)),
    "BasebandBootData": DataRequest("BasebandBootData", None, ("BasebandBootData",)),
    "BasebandStackData": DataRequest("BasebandStackData", None, ("BasebandStackData",)),
    "BuildIdentityDictV2": DataRequest("BuildIdentityDictV2", None, ("BuildIdentityDict",)),
    "HostSystemTime": DataRequest("HostSystemTime", None, ("HostSystemTime",)),
    "RestoreLocalPolicy": DataRequest("RestoreLocalPolicy", None, ("Ap,LocalPolicy",)),
    "ProvisioningData": DataRequest("ProvisioningData", None, ("ProvisioningData",)),
    "FDRMemoryCommit": DataRequest("FDRMemoryCommit", None, ("FDRMemoryCommit",)),
    "a later request": DataRequest("NoSuchData", None, ("NoSuchData",)),
}
