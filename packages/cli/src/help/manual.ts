import { type CommandUnknownOpts, Help } from '@commander-js/extra-typings';

/** A word and what it means, a line of a list. */
export type Entry = readonly [term: string, meaning: string];

/** What stands below a command's options in its `--help`, as on a page of a manual. */
export interface Manual {
  /** Lines, where the command itself brings none. */
  readonly examples?: readonly string[];
  /** Beside 0, 1 and 2, or in other words. */
  readonly exitStatus?: readonly Entry[];
  readonly environment?: readonly Entry[];
  readonly seeAlso: readonly string[];
}

const EXIT_STATUS: readonly Entry[] = [
  ['0', 'all is well'],
  ['1', 'something failed; stderr says what'],
  ['2', 'the command line or a setting is wrong; nothing was started'],
];

const TERM_WIDTH = 18;

/** A list with its words in one column, wrapped like the options above it. */
export function listOf(entries: readonly Entry[], termWidth = TERM_WIDTH): string {
  const help = new Help();
  return entries
    .map(([term, meaning]) => help.formatItem(term, termWidth, meaning, help))
    .join('\n');
}

/** Add the sections to a command's help. */
export function addManual(command: CommandUnknownOpts, manual: Manual): void {
  const { examples = [], exitStatus = [], environment = [], seeAlso } = manual;
  const status = new Map([...EXIT_STATUS, ...exitStatus]);
  const sections = [
    ...(examples.length > 0
      ? [`Examples:\n${examples.map((line) => `  ${line}`).join('\n')}`]
      : []),
    `Exit status:\n${listOf([...status])}`,
    ...(environment.length > 0 ? [`Environment:\n${listOf(environment)}`] : []),
    `See also:\n${seeAlso.map((line) => `  ${line}`).join('\n')}`,
  ];
  command.addHelpText('after', `\n${sections.join('\n\n')}`);
}
