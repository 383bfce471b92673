import * as z from 'zod';
import { sizeOption } from '../settings.js';

/** What `--set` accepts. */
export interface BenchOptions {
  /** Bytes of device memory behind BAR2, a power of two. */
  readonly memory: number;
  /** MSI-X vectors. */
  readonly vectors: number;
}

// Quarters of it are mapped, so that each must be whole pages on any host.
const MEMORY_MIN = 2 ** 18;
const MEMORY_MAX = 2 ** 30;

/** Parses `--set memory=16M --set vectors=64`. */
export const benchOptions: z.ZodType<BenchOptions> = z.strictObject({
  memory: sizeOption
    .refine(
      (bytes) => bytes >= MEMORY_MIN && bytes <= MEMORY_MAX && Number.isInteger(Math.log2(bytes)),
      {
        message: 'expected a power of two from 256K to 1G',
      },
    )
    .default(2 ** 20)
    .describe('bytes of device memory, a power of two from 256K to 1G'),
  vectors: z.coerce.number().int().min(1).max(2048).default(32).describe('MSI-X vectors'),
});
