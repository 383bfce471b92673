// The client in python/, on this host and on an emulated big-endian machine.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { runSetupScript } from './setup.js';

/** A machine that runs Python. */
export interface PythonMachine {
  readonly name: string;
  readonly byteOrder: 'little' | 'big';
  /** What runs a script there. */
  readonly command: readonly [file: string, ...args: string[]];
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
  const [file, ...before] = command;
  const path = fileURLToPath(new URL(`../python/${script}`, import.meta.url));
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', file, ...before, path, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, lines: output.trimEnd().split('\n') };
}
