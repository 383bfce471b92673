import * as z from 'zod';
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
  /** Bit mask of page sizes for DMA mappings. */
  readonly pgsizes: number;
  /** Whether it supports REGION_WRITE_MULTI. */
  readonly writeMultiple: boolean;
  /** Whether it supports, or uses, a separate socket for server-to-client commands. */
  readonly twinSocket: boolean;
}

/** Defaults of the specification. */
export const DEFAULT_CAPABILITIES: Capabilities = {
  maxMsgFds: DEFAULT_MAX_MSG_FDS,
  maxDataXferSize: DEFAULT_MAX_DATA_XFER_SIZE,
  maxDmaMaps: DEFAULT_MAX_DMA_MAPS,
  pgsizes: DEFAULT_PGSIZES,
  writeMultiple: false,
  twinSocket: false,
};

/** Capabilities of this implementation. */
export const OWN_CAPABILITIES: Capabilities = {
  ...DEFAULT_CAPABILITIES,
  // The most that QEMU sends; it refuses a server with a larger limit.
  maxMsgFds: 16,
  writeMultiple: true,
};

/** Largest useful max_msg_fds: no implementation receives more at a time. */
const MAX_MSG_FDS = 1024;

/** Counts are u32 in messages, so a larger limit has no effect. */
const MAX_UINT32 = 0xffff_ffff;

const integer = z.number().refine(Number.isInteger, 'expected an integer');
const clampedToUint32 = z.transform((value: number) => Math.min(value, MAX_UINT32));

const capabilitiesSchema = z.object({
  capabilities: z
    .object({
      max_msg_fds: integer.min(0).max(MAX_MSG_FDS).default(DEFAULT_MAX_MSG_FDS),
      // With 0 no transfer would ever end.
      max_data_xfer_size: integer.min(1).pipe(clampedToUint32).default(DEFAULT_MAX_DATA_XFER_SIZE),
      max_dma_maps: integer.min(0).pipe(clampedToUint32).default(DEFAULT_MAX_DMA_MAPS),
      pgsizes: z.int().min(DEFAULT_PGSIZES).multipleOf(DEFAULT_PGSIZES).default(DEFAULT_PGSIZES),
      write_multiple: z.boolean().default(false),
      twin_socket: z.object({ supported: z.boolean().default(false) }).optional(),
      // From earlier versions of the specification; QEMU still sends it.
      migration: z.object({ pgsize: z.literal(DEFAULT_PGSIZES).optional() }).optional(),
    })
    .prefault({}),
});

/**
 * Parse the JSON text of a VERSION message. Unknown keys are ignored, wrong types are not.
 * @returns the capabilities, or a text that says what is wrong.
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
  /** The peer's default for it is not larger. */
  readonly optional: boolean;
}

/**
 * The JSON members of `own`, most useful first. This implementation never sets up a twin socket.
 */
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
