import type { z } from 'zod';

/** What a schema makes of options that a person wrote. */
export type CheckedOptions<Options> =
  | { readonly options: Options; readonly faults?: undefined }
  /** `faults` says what is wrong, one sentence each, with the names of the options. */
  | { readonly options?: undefined; readonly faults: readonly string[] };

/** Check options; faults that the schema has no words of its own for are put into plain ones. */
export function checkOptions<Options>(
  schema: z.ZodType<Options>,
  given: Readonly<Record<string, unknown>>,
): CheckedOptions<Options> {
  const parsed = schema.safeParse(given, { error: wordsFor });
  if (parsed.success) return { options: parsed.data };
  return {
    faults: parsed.error.issues.map(({ path: [key], message }) => {
      if (key === undefined) return message;
      const value = given[String(key)];
      return `${String(key)}${value === undefined ? '' : `=${value}`}: ${message}`;
    }),
  };
}

function wordsFor(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is missing';
      if (issue.expected === 'int') return 'expected a whole number';
      return `expected ${issue.expected === 'number' ? 'a number' : issue.expected}`;
    case 'too_small':
      if (issue.origin === 'string') {
        return issue.minimum === 1
          ? 'must not be empty'
          : `expected at least ${issue.minimum} characters`;
      }
      return `expected at least ${issue.minimum}`;
    case 'too_big':
      return issue.origin === 'string'
        ? `expected at most ${issue.maximum} characters`
        : `expected at most ${issue.maximum}`;
    case 'not_multiple_of':
      return `expected a multiple of ${issue.divisor}`;
    case 'invalid_value':
      return `expected ${issue.values.join(' or ')}`;
    case 'unrecognized_keys':
      return `there is no ${issue.keys.join(', no ')}`;
    default:
      return undefined;
  }
}
