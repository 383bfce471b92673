import { parseSize } from '@vfio-user/core/internal';
import * as z from 'zod';

/** A setting that {@link parseSize} reads. */
export const sizeOption: z.ZodType<number> = z
  .union([z.string(), z.number()])
  .transform((value, context) => {
    const bytes = parseSize(String(value));
    if (bytes !== undefined) return bytes;
    context.addIssue({
      code: 'custom',
      message: 'expected a size such as 4096, 4K, 64M, 1G or 2T',
    });
    return z.NEVER;
  });

/** A setting that is on or off: `true`, `false`, and what else people write for it. */
export const flagOption: z.ZodType<boolean> = z.union([z.boolean(), z.stringbool()], {
  error: 'expected true or false',
});
