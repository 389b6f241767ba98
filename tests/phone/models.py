# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which phones can be simulated, and the identity that each shows to the host.

Knows names and numbers only; how a phone behaves is in scenarios.json and device.py.
Board and chip numbers are those that libirecovery 1.0.0 lists for the same boards.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """One board. `udid_style` tells how its UDID is formed: from the ECID (A12 and newer), or at random."""

    board: str
    product_type: str
    name: str
    chip_id: int
    board_id: int
    udid_style: str
    protocol_version: int


MODELS = {
    model.board: model
    for model in (
        Model("d421ap", "iPhone12,3", "iPhone 11 Pro", 0x8030, 0x06, "ecid", 14),
        Model("n104ap", "iPhone12,1", "iPhone 11", 0x8030, 0x04, "ecid", 14),
        Model("d22ap", "iPhone10,3", "iPhone X", 0x8015, 0x06, "hash", 14),
        Model("n61ap", "iPhone7,2", "iPhone 6", 0x7000, 0x06, "hash", 13),
    )
}

DEFAULT_MODEL = "d421ap"
DEFAULT_ECID = 0x001C2D6A3C8A802E
DEFAULT_SERIAL_NUMBER = "F2LZT3A1N6XW"

# USB product ids by mode; normal and restore mode share one.
USB_PRODUCT = {"normal": 0x12A8, "restore": 0x12A8, "recovery": 0x1281, "dfu": 0x1227}


@dataclass(frozen=True)
class Identity:
    """One phone: a model with its own ECID, UDID and serial number."""

    model: Model
    ecid: int
    udid: str
    serial_number: str

    def usb_serial(self, mode):
        """The USB serial string in `mode`: iBoot's list of tags, or the UDID without its dash."""
        if mode in ("recovery", "dfu"):
            tags = (
                f"CPID:{self.model.chip_id:04X} CPRV:11 CPFM:03 SCEP:01 BDID:{self.model.board_id:02X} "
                f"ECID:{self.ecid:016X} IBFL:{'3D' if mode == 'recovery' else '3C'}"
            )
            return f"{tags} SRNM:[{self.serial_number}]" if mode == "recovery" else tags
        return self.udid.replace("-", "")


def make_identity(board=DEFAULT_MODEL, ecid=DEFAULT_ECID, udid=None, serial_number=DEFAULT_SERIAL_NUMBER):
    """Builds the identity of one phone of `board`; without `udid` it is derived from the ECID."""
    model = MODELS[board]
    if udid is None:
        if model.udid_style == "ecid":
            udid = f"{model.chip_id:08X}-{ecid:016X}"
        else:
            udid = f"{ecid:016x}" + "d22a5e01b00b1e5c0ffee123"
    return Identity(model, ecid, udid, serial_number)
