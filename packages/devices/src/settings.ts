import { z } from 'zod';

const units: Readonly<Record<string, number>> = {
  '': 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
};

/** Bytes, written as `4096`, `4K`, `64M`, `1G` or `2T` (powers of 1024); `undefined` for anything else. */
export function parseSize(text: string): number | undefined {
  const [, digits, unit] = /^(\d+)([KMGT]?)$/i.exec(text) ?? [];
  const bytes = Number(digits) * (units[unit?.toUpperCase() ?? ''] as number);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Bytes as {@link parseSize} reads them, in the largest unit that leaves no rest: `64M`. */
export function sizeText(bytes: number): string {
  for (const unit of ['T', 'G', 'M', 'K']) {
    const factor = units[unit] as number; // one of them
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return String(bytes);
}

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
