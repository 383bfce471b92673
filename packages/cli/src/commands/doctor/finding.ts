/** What one check found. */
export interface Finding {
  /** What was looked for. */
  readonly name: string;
  readonly ok: boolean;
  /** Whether this project can do nothing useful without it. */
  readonly required: boolean;
  /** What is there, or what is missing. */
  readonly detail: string;
  /** How to get it, when it is missing. */
  readonly advice?: string;
}

/** A check never throws: not finding something out is a finding, too. */
export type Check = () => Finding[] | Promise<Finding[]>;

/** Something that is there. */
export function found(name: string, detail: string, required = false): Finding {
  return { name, ok: true, required, detail };
}

/** Something that is not there, and what to do about it. */
export function missing(name: string, detail: string, advice: string, required = false): Finding {
  return { name, ok: false, required, detail, advice };
}
