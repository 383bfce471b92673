import { z } from 'zod';

const units: Readonly<Record<string, number>> = {
  '': 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
};

/** Bytes, written as `4096`, `4K`, `64M`, `1G` or `2T` (powers of 1024). */
export const sizeOption: z.ZodType<number> = z
  .union([z.string(), z.number()])
  .transform((value, context) => {
    const [, digits, unit] = /^(\d+)([KMGT]?)$/i.exec(String(value)) ?? [];
    const bytes = Number(digits) * (units[unit?.toUpperCase() ?? ''] as number);
    if (Number.isSafeInteger(bytes)) return bytes;
    context.addIssue({
      code: 'custom',
      message: `not a size: ${value}; write 4096, 4K, 64M or 1G`,
    });
    return z.NEVER;
  });
