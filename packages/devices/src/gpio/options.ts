import * as z from 'zod';
import { flagOption } from '../settings.js';
import { LINES } from './card.js';

/** An input that toggles periodically. */
export interface InputToggle {
  readonly line: number;
  readonly periodMs: number;
}

/** What `--set` accepts. */
export interface GpioOptions {
  /** Input levels at the start, bit 0 is input 0. */
  readonly inputs: number;
  /** Each output is wired to the input of the same number. */
  readonly loopback: boolean;
  readonly toggle?: InputToggle | undefined;
  /** A text file with the input levels, read again whenever it changes. */
  readonly file?: string | undefined;
}

/** Levels of all lines in one number: `42480`, `0xA5F0` or `0b1010`. */
export const levels = z.coerce
  .number()
  .int()
  .min(0)
  .max(2 ** LINES - 1);

const toggle = z
  .string()
  .regex(/^\d+:\d+$/, 'expected line:period_ms, for example 3:500')
  .transform((text) => {
    const [line, periodMs] = text.split(':').map(Number);
    return { line, periodMs };
  })
  .pipe(
    z.object({
      line: z.number().max(LINES - 1),
      periodMs: z
        .number()
        .min(1)
        .max(2 ** 31 - 1),
    }),
  );

/** Parses `--set inputs=0xA5F0 --set loopback=true --set toggle=3:500 --set file=inputs.txt`. */
export const gpioOptions: z.ZodType<GpioOptions> = z.strictObject({
  inputs: levels.default(0).describe('input levels at the start, for example 0xA5F0'),
  loopback: flagOption.default(false).describe('wire each output to its input'),
  toggle: toggle
    .optional()
    .describe('an input that changes by itself, line:period_ms, for example 3:500'),
  file: z.string().min(1).optional().describe('a text file with the input levels, watched'),
});
