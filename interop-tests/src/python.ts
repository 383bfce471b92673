// The client in python/, on this host and on an emulated big-endian machine.

import { fileURLToPath } from 'node:url';
import { outputOf, runSetupScript } from './setup.js';

/** A machine that runs Python. */
export interface PythonMachine {
  readonly name: string;
  readonly byteOrder: 'little' | 'big';
  /** What runs a script there. */
  readonly command: readonly string[];
}

/** How a script ended. */
export interface PythonResult {
  readonly code: number | null;
  /** What it printed, line by line. */
  readonly lines: readonly string[];
}

/** Runs setup/python.sh (under a second when everything is cached). Rejects when it fails. */
export async function preparePython(): Promise<readonly PythonMachine[]> {
  const value = await runSetupScript('python');
  const root = value('root');
  return [
    { name: 'this host', byteOrder: 'little', command: [value('native')] },
    {
      name: 'an emulated s390x',
      byteOrder: 'big',
      command: [value('emulator'), '-L', root, `${root}/usr/bin/python3`],
    },
  ];
}

/** Runs a script of python/ to its end. */
export async function runPython(
  { command }: PythonMachine,
  script: string,
  ...args: readonly string[]
): Promise<PythonResult> {
  const path = fileURLToPath(new URL(`../python/${script}`, import.meta.url));
  const { code, output } = await outputOf(
    'setpriv',
    ['--pdeathsig', 'KILL', ...command, path, ...args],
    { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  );
  return { code, lines: output.trimEnd().split('\n') };
}
