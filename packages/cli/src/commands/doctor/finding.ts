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

/** A finding of something present. */
export function found(name: string, detail: string, required = false): Finding {
  return { name, ok: true, required, detail };
}

/** A finding of something missing, with advice. */
export function missing(name: string, detail: string, advice: string, required = false): Finding {
  return { name, ok: false, required, detail, advice };
}

const NAME_COLUMNS = 16;

/** One line for each finding, and below it what to do where something is missing. */
export function doctorText(findings: readonly Finding[]): string {
  return findings
    .flatMap((finding) => {
      const line = `${status(finding).padEnd(9)}${finding.name.padEnd(NAME_COLUMNS)}${finding.detail}`;
      return finding.advice === undefined ? [line] : [line, `${' '.repeat(9)}-> ${finding.advice}`];
    })
    .join('\n');
}

function status({ ok, required }: Finding): string {
  if (ok) return 'ok';
  return required ? 'FAILED' : 'missing';
}
