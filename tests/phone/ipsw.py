#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds a tiny firmware file that the real idevicerestore 1.0.0 accepts.

It holds dummy components only and boots nothing. Its manifest is named BuildManifesto.plist, with
which idevicerestore asks no signing server (a BuildManifest.plist would switch signing on).
"""

import argparse
import hashlib
import io
import plistlib
import struct
import zipfile

import models

DEFAULT_IMAGE_BYTES = 4 * 1024 * 1024
PRODUCT_VERSION = "14.8.1"
PRODUCT_BUILD = "18H107"

# Component name, path in the archive, what the manifest says of it.
NOR = {"IsFirmwarePayload": True}
COMPONENTS = (
    ("OS", "018-00001-001.dmg", {}),
    ("KernelCache", "kernelcache.release.{board}", {}),
    ("DeviceTree", "Firmware/all_flash/DeviceTree.{board}.im4p", NOR),
    ("LLB", "Firmware/all_flash/LLB.{board}.RELEASE.im4p", NOR),
    ("iBoot", "Firmware/all_flash/iBoot.{board}.RELEASE.im4p", NOR),
    ("SEP", "Firmware/all_flash/sep-firmware.{board}.RELEASE.im4p", NOR),
    ("iBSS", "Firmware/dfu/iBSS.{board}.RELEASE.im4p", {}),
    ("iBEC", "Firmware/dfu/iBEC.{board}.RELEASE.im4p", {}),
    ("RestoreRamDisk", "018-00002-001.dmg", {}),
    ("RestoreDeviceTree", "Firmware/all_flash/DeviceTree.{board}.im4p", {}),
    ("RestoreKernelCache", "kernelcache.release.{board}", {}),
    ("RestoreSEP", "Firmware/all_flash/sep-firmware.{board}.RELEASE.im4p", NOR),
    # What a phone requests for its parts and volumes (data_requests.py).
    ("AOP", "Firmware/AOP/aopfw.im4p", {"IsFUDFirmware": True}),
    ("EarlyAccess", "Firmware/early.im4p", {"IsEarlyAccessFirmware": True}),
    ("SystemVolume", "Firmware/018-00001-001.dmg.root_hash", {}),
    ("Ap,SystemVolumeCanonicalMetadata", "Firmware/018-00001-001.dmg.mtree", {}),
    ("BasebandFirmware", "Firmware/modem.bbfw", {}),
    ("SE,UpdatePayload", "Firmware/SE/payload.sefw", {}),
    ("Savage,B2-Prod-Patch", "Firmware/Savage/patch.fw", {}),
    ("Yonkers,SysTopPatch0", "Firmware/Yonkers/patch.fw", {}),
    ("Rap,RTKitOS", "Firmware/Rose/rtkit.bin", {}),
    ("BMU,FirmwareMap", "Firmware/T200/map.plist", {}),
    ("Baobab,TCON", "Firmware/TCON/tcon.fw", {}),
    ("Timer,RTKitOS,1", "Firmware/Timer/rtkit.bin", {}),
)
# Files that no component names.
FILES = {
    "RestoreVersion.plist": plistlib.dumps({"RestoreLongVersion": "18.8.107.0.0,0"}),
    "SystemVersion.plist": plistlib.dumps({"ProductVersion": PRODUCT_VERSION}),
    "Firmware/Manifests/restore/customer/apticket.{board}.im4m": b"manifest",
    "BootabilityBundle/Restore/Bootability/check": b"#!/bin/sh\n",
    "BootabilityBundle/Restore/Firmware/Bootability.dmg.trustcache": b"trust cache",
}


def element(tag, content):
    """One ASN.1 element in DER."""
    length = bytes([len(content)]) if len(content) < 0x80 else b"\x82" + struct.pack(">H", len(content))
    return bytes([tag]) + length + content


def payload(kind):
    """An unsigned Image4 file. The tool writes the component's type into it and puts the ticket beside it."""
    return element(0x30, element(0x16, b"IM4P") + element(0x16, b"none") + element(0x16, b"1") + element(4, kind.encode()))


def rtkit():
    """A firmware table with one entry, as the chips for ultra-wideband and for the connector have it."""
    data = b"dummy"
    header = struct.pack("<II24x4s4sII", 1, 0xFFFFFFFF, b"rkos", b"ftab", 1, 0)
    return header + struct.pack("<4sIII", b"rrko", len(header) + 16, len(data), 0) + data


def modem():
    """The modem's archive, without a file that needs a signature."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("bbcfg.mbn", b"dummy")
    return archive.getvalue()


def content(name):
    """The file of a component."""
    if name == "BasebandFirmware":
        return modem()
    if "RTKitOS" in name:
        return rtkit()
    if name == "BMU,FirmwareMap":
        return plistlib.dumps({"map": b"dummy"})
    return payload(f"dummy {name}")


def first_name(path):
    """The component whose file is at the path: it may serve others too."""
    return next(name for name, at, _ in COMPONENTS if at == path)


def digest(path):
    """What the manifest says of a file. Of some kinds, Apple hashes only a part; the tools do not compare any."""
    name = first_name(path)
    return bytes(48) if name == "OS" else hashlib.sha384(content(name)).digest()


def manifest(model):
    """The build manifest for one board, with an erase and an update identity."""
    components = {
        name: {"Info": {"Path": path.format(board=model.board), **info}, "Digest": digest(path)}
        for name, path, info in COMPONENTS
    }
    components["Yonkers,SysTopPatch0"].update(EPRO=True, FabRevision=1)
    identities = []
    for behavior, variant in (
        ("Erase", "Customer Erase Install (IPSW)"),
        ("Update", "Customer Upgrade Install (IPSW)"),
    ):
        identities.append(
            {
                "ApBoardID": f"0x{model.board_id:02X}",
                "ApChipID": f"0x{model.chip_id:04X}",
                "ApSecurityDomain": "0x01",
                "UniqueBuildID": b"\0" * 20,
                "Info": {"DeviceClass": model.board, "RestoreBehavior": behavior, "Variant": variant},
                "Manifest": components,
            }
        )
    return {
        "BuildIdentities": identities,
        "ProductBuildVersion": PRODUCT_BUILD,
        "ProductVersion": PRODUCT_VERSION,
        "SupportedProductTypes": [model.product_type],
    }


def build(path, board=models.DEFAULT_MODEL, image_bytes=DEFAULT_IMAGE_BYTES, signed=False):
    """Writes the firmware file for `board` to `path`; its system image has `image_bytes` bytes. For a `signed` one the tool
    asks its signing server."""
    model = models.MODELS[board]
    image = bytes(range(256)) * (image_bytes // 256 + 1)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        # A tool that finds only the second name does without signatures.
        archive.writestr("BuildManifest.plist" if signed else "BuildManifesto.plist", plistlib.dumps(manifest(model)))
        written = set()
        for name, component_path, _ in COMPONENTS:
            member = component_path.format(board=model.board)
            if member in written:
                continue
            written.add(member)
            archive.writestr(member, image[:image_bytes] if name == "OS" else content(name))
        for path_in_archive, data in FILES.items():
            archive.writestr(path_in_archive.format(board=model.board), data)
    return path


def main():
    parser = argparse.ArgumentParser(description="Build a tiny firmware file for the simulated phone.")
    parser.add_argument("path", help="file to write, such as mini.ipsw")
    parser.add_argument("--model", default=models.DEFAULT_MODEL, choices=sorted(models.MODELS))
    parser.add_argument("--image-bytes", type=int, default=DEFAULT_IMAGE_BYTES)
    parser.add_argument("--signed", action="store_true", help="the tool asks its signing server")
    arguments = parser.parse_args()
    build(arguments.path, arguments.model, arguments.image_bytes, arguments.signed)


if __name__ == "__main__":
    main()
