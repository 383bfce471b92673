"""Memory of the client that the device may reach, by the addresses the device uses."""

from dataclasses import dataclass

from .constants import DMA_READABLE, DMA_WRITABLE, EFAULT
from .errors import RefusedRequest


@dataclass(frozen=True)
class Mapping:
    address: int
    flags: int
    content: bytearray


class Memory:
    def __init__(self) -> None:
        self._mappings: list[Mapping] = []

    def add(self, mapping: Mapping) -> None:
        self._mappings.append(mapping)

    def remove(self, mapping: Mapping) -> None:
        self._mappings.remove(mapping)

    def read(self, address: int, count: int) -> bytes:
        """What a DMA_READ asks for."""
        mapping = self._find(address, count, DMA_READABLE)
        start = address - mapping.address
        return bytes(mapping.content[start : start + count])

    def write(self, address: int, data: bytes) -> None:
        """What a DMA_WRITE brings."""
        mapping = self._find(address, len(data), DMA_WRITABLE)
        start = address - mapping.address
        mapping.content[start : start + len(data)] = data

    def _find(self, address: int, count: int, flag: int) -> Mapping:
        for mapping in self._mappings:
            end = mapping.address + len(mapping.content)
            if mapping.address <= address and address + count <= end and mapping.flags & flag:
                return mapping
        raise RefusedRequest(EFAULT, f"{count} bytes at {address:#x} are not mapped for this access")
