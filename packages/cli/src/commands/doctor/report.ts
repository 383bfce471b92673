import type { Finding } from './finding.js';

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
