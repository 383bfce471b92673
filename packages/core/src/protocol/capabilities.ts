import { z } from 'zod';
import {
  DEFAULT_MAX_DATA_XFER_SIZE,
  DEFAULT_MAX_DMA_MAPS,
  DEFAULT_MAX_MSG_FDS,
  DEFAULT_PGSIZES,
} from './constants.js';

/** "Capabilities" of one side of a session. */
export interface Capabilities {
  /** Most descriptors it can receive in one message. */
  readonly maxMsgFds: number;
  /** Largest `count` of a data transfer it takes, bytes. */
  readonly maxDataXferSize: number;
  /** Most DMA mappings at a time. */
  readonly maxDmaMaps: number;
  /** Page sizes for DMA mappings, or'ed together. */
  readonly pgsizes: number;
  /** Whether it takes or sends REGION_WRITE_MULTI. */
  readonly writeMultiple: boolean;
  /** Whether it can do, or does, server-to-client commands on a socket of their own. */
  readonly twinSocket: boolean;
}

/** What the specification assumes of a side that says nothing. */
export const DEFAULT_CAPABILITIES: Capabilities = {
  maxMsgFds: DEFAULT_MAX_MSG_FDS,
  maxDataXferSize: DEFAULT_MAX_DATA_XFER_SIZE,
  maxDmaMaps: DEFAULT_MAX_DMA_MAPS,
  pgsizes: DEFAULT_PGSIZES,
  writeMultiple: false,
  twinSocket: false,
};

/** What this implementation can do. */
export const OWN_CAPABILITIES: Capabilities = {
  ...DEFAULT_CAPABILITIES,
  // As many as QEMU sends at most; it refuses a server that claims more.
  maxMsgFds: 16,
  writeMultiple: true,
};

/** The largest max_msg_fds that means anything: no implementation receives more at a time. */
const MAX_MSG_FDS = 1024;

/** Counts are u32 on the wire, so a larger limit is none. */
const MAX_UINT32 = 0xffff_ffff;

const integer = z.number().refine(Number.isInteger, 'expected an integer');
const clampedToUint32 = z.transform((value: number) => Math.min(value, MAX_UINT32));

const capabilitiesSchema = z.object({
  capabilities: z
    .object({
      max_msg_fds: integer.min(0).max(MAX_MSG_FDS).default(DEFAULT_MAX_MSG_FDS),
      // 0 would be a transfer that never ends.
      max_data_xfer_size: integer.min(1).pipe(clampedToUint32).default(DEFAULT_MAX_DATA_XFER_SIZE),
      max_dma_maps: integer.min(0).pipe(clampedToUint32).default(DEFAULT_MAX_DMA_MAPS),
      pgsizes: z.int().min(DEFAULT_PGSIZES).multipleOf(DEFAULT_PGSIZES).default(DEFAULT_PGSIZES),
      write_multiple: z.boolean().default(false),
      twin_socket: z.object({ supported: z.boolean().default(false) }).optional(),
      // Of former texts of the specification; QEMU still sends it.
      migration: z.object({ pgsize: z.literal(DEFAULT_PGSIZES).optional() }).optional(),
    })
    .prefault({}),
});

/**
 * Parse the JSON text of a VERSION message. Unknown keys are ignored, wrong types are not.
 * @returns in words what is wrong with the text, if it cannot be accepted.
 */
export function parseCapabilities(text: string | undefined): Capabilities | string {
  if (text === undefined) return DEFAULT_CAPABILITIES;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    return `the version data is no JSON: ${String(cause)}`;
  }
  const parsed = capabilitiesSchema.safeParse(json);
  if (!parsed.success) {
    return parsed.error.issues
      .map(({ path, message }) => `${path.join('.') || 'version data'}: ${message}`)
      .join('; ');
  }
  const { capabilities } = parsed.data;
  return {
    maxMsgFds: capabilities.max_msg_fds,
    maxDataXferSize: capabilities.max_data_xfer_size,
    maxDmaMaps: capabilities.max_dma_maps,
    pgsizes: capabilities.pgsizes,
    writeMultiple: capabilities.write_multiple,
    twinSocket: capabilities.twin_socket?.supported ?? false,
  };
}

/** One name/value pair of the JSON text. */
export interface CapabilityMember {
  readonly key: string;
  readonly value: number | boolean;
  /** Without it the peer assumes no more than is true. */
  readonly optional: boolean;
}

/** The JSON members that state `own`, most useful first. A twin socket is never set up by us. */
export function capabilityMembers(own: Capabilities): readonly CapabilityMember[] {
  const members: readonly CapabilityMember[] = [
    {
      key: 'max_data_xfer_size',
      value: own.maxDataXferSize,
      optional: own.maxDataXferSize >= DEFAULT_MAX_DATA_XFER_SIZE,
    },
    {
      key: 'max_msg_fds',
      value: own.maxMsgFds,
      optional: own.maxMsgFds >= DEFAULT_MAX_MSG_FDS,
    },
    { key: 'write_multiple', value: own.writeMultiple, optional: true },
    {
      key: 'max_dma_maps',
      value: own.maxDmaMaps,
      optional: own.maxDmaMaps >= DEFAULT_MAX_DMA_MAPS,
    },
    { key: 'pgsizes', value: own.pgsizes, optional: own.pgsizes === DEFAULT_PGSIZES },
  ];
  return members.filter(({ value }) => value !== false);
}
