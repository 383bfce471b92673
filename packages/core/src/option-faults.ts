import type * as z from 'zod';

/** The result of {@link checkOptions}. */
export type CheckedOptions<Options> =
  | { readonly options: Options; readonly faults?: undefined }
  /** What is wrong, one sentence each, with the names of the options. */
  | { readonly options?: undefined; readonly faults: readonly string[] };

/** Check options against a schema; general faults are put into plain words. */
export function checkOptions<Options>(
  schema: z.ZodType<Options>,
  given: Readonly<Record<string, unknown>>,
): CheckedOptions<Options> {
  // An empty value would become 0 or an empty text: whoever writes `inputs=` has forgotten the
  // rest.
  const empty = Object.keys(given).filter((key) => /^\s*$/.test(String(given[key])));
  const parsed = schema.safeParse(given, { error: wordsFor });
  const issues = parsed.error?.issues ?? [];
  const faults = issues
    .filter(({ path: [key] }) => !empty.includes(String(key)))
    .map(({ path: [key], message }) => {
      if (key === undefined) return message;
      const value = given[String(key)];
      return `${String(key)}${value === undefined ? '' : `=${value}`}: ${message}`;
    });
  // An unknown option has been reported already.
  const known = empty.filter((key) => !issues.some((issue) => isUnknown(issue, key)));
  faults.push(...known.map((key) => `${key}=: must not be empty`));
  return parsed.success && faults.length === 0 ? { options: parsed.data } : { faults };
}

function isUnknown(issue: z.core.$ZodIssue, key: string): boolean {
  return issue.code === 'unrecognized_keys' && issue.keys.includes(key);
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
