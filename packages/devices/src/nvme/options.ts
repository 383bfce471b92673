import { totalmem } from 'node:os';
import { sizeText } from '@vfio-user/core/internal';
import * as z from 'zod';
import { flagOption, sizeOption } from '../settings.js';
import { isQualifiedName, parseUuid } from './identity.js';
import { DEFAULT_BLOCK_BYTES } from './storage/image.js';

/** Printable ASCII, as identify strings are. */
const text = (maxLength: number) =>
  z
    .string()
    .regex(/^[ -~]+$/, 'expected printable ASCII characters')
    .max(maxLength);

/** What `--set` accepts. */
export interface NvmeOptions {
  /** Bytes of storage in memory, or of a file to create or to grow. */
  readonly size?: number | undefined;
  /** Store the blocks in this file, or on this block device. */
  readonly file?: string | undefined;
  readonly readonly: boolean;
  /** Bytes of a logical block; left out, 512 or what the block device has. */
  readonly lba?: number | undefined;
  /** I/O queue pairs at most. */
  readonly queues: number;
  /**
   * `trapped`: each doorbell is a message; nothing is polled and writes may be posted, the best
   * for a driver under QEMU. `mapped`: the client may map the doorbells, which are then polled: for
   * clients that poll themselves (SPDK). `auto`: `mapped` for a client that names no capabilities in
   * VERSION, as SPDK's, until a doorbell comes by message; `trapped` for all others.
   */
  readonly doorbells: 'trapped' | 'mapped' | 'auto';
  /** How the driver can be interrupted; `intx` leaves just the line, which all have besides. */
  readonly interrupts: 'msix' | 'msi' | 'intx';
  /** Serial number; follows from the UUID when left out. */
  readonly serial?: string | undefined;
  /** Of the namespace; left out, what the image carries, or at random. */
  readonly uuid?: string | undefined;
  /** Name of the subsystem; follows from the UUID when left out. */
  readonly nqn?: string | undefined;
  readonly model: string;
}

export const nvmeOptions: z.ZodType<NvmeOptions> = z
  .strictObject({
    size: sizeOption
      .optional()
      .describe('bytes of storage, for example 64M: a multiple of the block'),
    file: z.string().min(1).optional().describe('keep the blocks in this file or block device'),
    readonly: flagOption.default(false).describe('refuse writes'),
    lba: sizeOption
      .refine((bytes) => bytes === 512 || bytes === 4096, 'expected 512 or 4096')
      .optional()
      .describe('bytes of a logical block, 512 or 4096 (default: 512, or as the block device)'),
    // A doorbell page and a page of MSI-X vectors hold more, but no client asks for them.
    queues: z.coerce.number().int().min(1).max(127).default(16).describe('I/O queue pairs at most'),
    doorbells: z
      .enum(['trapped', 'mapped', 'auto'])
      .default('auto')
      .describe('auto (mapped for SPDK, trapped for others), trapped or mapped'),
    interrupts: z.enum(['msix', 'msi', 'intx']).default('msix').describe('msix, msi or intx'),
    serial: text(20).optional().describe('serial number (default: made of the UUID)'),
    uuid: z
      .string()
      .refine((uuid) => parseUuid(uuid) !== undefined, 'expected a UUID such as uuidgen prints')
      .optional()
      .describe('UUID and NGUID of the blocks (default: what the file carries, else random)'),
    nqn: z
      .string()
      .refine(
        isQualifiedName,
        'expected a qualified name: nqn.YYYY-MM.DOMAIN:NAME, at most 223 bytes',
      )
      .optional()
      .describe('name of the NVM subsystem (default: made of the UUID)'),
    model: text(40).default('vfio-user NVMe').describe('model name'),
  })
  .refine(({ size, file }) => size !== undefined || file !== undefined, {
    error: 'say where the blocks are: size=64M (memory) or file=path',
  })
  .superRefine(({ size, lba = DEFAULT_BLOCK_BYTES, file }, context) => {
    const fault = size === undefined ? undefined : sizeFault(size, lba, file === undefined);
    if (fault !== undefined) {
      context.addIssue({ code: 'custom', message: fault, path: ['size'] });
    }
  });

function sizeFault(size: number, lba: number, isInMemory: boolean): string | undefined {
  if (size < lba) return 'smaller than one block';
  if (size % lba !== 0) {
    const fitting = Math.floor(size / lba) * lba;
    return `expected a multiple of the block, ${lba} bytes: ${sizeText(fitting)} or ${sizeText(fitting + lba)}`;
  }
  const memory = machineMemory();
  if (!isInMemory || size <= memory) return undefined;
  const gibibytes = (memory / 2 ** 30).toFixed(1);
  return `this machine has ${gibibytes} GiB of memory; give file=path as well to keep the blocks on a disk`;
}

/** Bytes that all processes together may use here. */
function machineMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(totalmem(), limit) : totalmem();
}
