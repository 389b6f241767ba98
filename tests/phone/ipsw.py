#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds a tiny firmware file that the real idevicerestore 1.0.0 accepts.

It holds dummy components only and boots nothing. Its manifest is named BuildManifesto.plist, with
which idevicerestore asks no signing server (a BuildManifest.plist would switch signing on).
"""

import argparse
import plistlib
import zipfile

import models

DEFAULT_IMAGE_BYTES = 4 * 1024 * 1024
PRODUCT_VERSION = "14.8.1"
PRODUCT_BUILD = "18H107"

# Component name, path in the archive, part of the firmware that NORData carries.
COMPONENTS = (
    ("OS", "018-00001-001.dmg", False),
    ("KernelCache", "kernelcache.release.{board}", False),
    ("DeviceTree", "Firmware/all_flash/DeviceTree.{board}.im4p", True),
    ("LLB", "Firmware/all_flash/LLB.{board}.RELEASE.im4p", True),
    ("iBoot", "Firmware/all_flash/iBoot.{board}.RELEASE.im4p", True),
    ("SEP", "Firmware/all_flash/sep-firmware.{board}.RELEASE.im4p", True),
    ("iBSS", "Firmware/dfu/iBSS.{board}.RELEASE.im4p", False),
    ("iBEC", "Firmware/dfu/iBEC.{board}.RELEASE.im4p", False),
    ("RestoreRamDisk", "018-00002-001.dmg", False),
    ("RestoreDeviceTree", "Firmware/all_flash/DeviceTree.{board}.im4p", False),
    ("RestoreKernelCache", "kernelcache.release.{board}", False),
    ("RestoreSEP", "Firmware/all_flash/sep-firmware.{board}.RELEASE.im4p", True),
)


def manifest(model):
    """The build manifest for one board, with an erase and an update identity."""
    components = {
        name: {"Info": {"Path": path.format(board=model.board), "IsFirmwarePayload": firmware}, "Digest": b"\0" * 48}
        for name, path, firmware in COMPONENTS
    }
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
            archive.writestr(member, image[:image_bytes] if name == "OS" else f"dummy {name}\n".encode())
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
