import { MAX_DATA_BYTES } from '../packet.js';

/**
 * The file: pcap with times in nanoseconds (https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/).
 * Header: magic u32, version u16 u16, two reserved u32, snapshot length u32, link type u32. Each
 * packet: seconds u32, nanoseconds u32, bytes held u32, bytes there were u32, then the bytes.
 */
export const FILE_HEADER_BYTES = 24;
export const RECORD_HEADER_BYTES = 16;
export const MAGIC_NANOSECONDS = 0xa1b23c4d;
export const MAGIC_MICROSECONDS = 0xa1b2c3d4;
export const MAGIC_PCAPNG = 0x0a0d0d0a;
export const VERSION_MAJOR = 2;
export const VERSION_MINOR = 4;

/** LINKTYPE_USER0, for private use: vfio-user has no link type of its own. */
export const LINK_TYPE = 147;

/** Most bytes of a packet that a file holds. Wireshark refuses a file that holds more. */
export const SNAPSHOT_BYTES = 262_144;

/**
 * In front of each message, big-endian: version of this header u8, direction u8, encoding u8, kind
 * u8, session u16, descriptors u16.
 */
export const PSEUDO_HEADER_BYTES = 8;
export const PSEUDO_HEADER_VERSION = 1;
export const DIRECTIONS = ['client', 'server'] as const;
export const ENCODINGS = ['native', 'portable'] as const;
export const KINDS = ['message', 'preface'] as const;

/** Largest length of a message in a capture: its data, and ample room for what is around it. */
export const MAX_PACKET_BYTES = MAX_DATA_BYTES + 2 ** 20;
