// Runs a script of setup/ and hands on the name=value lines that it prints.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Its progress goes to this process's stderr. Resolves with a lookup by name; rejects when the script failed. */
export async function runSetupScript(
  name: string,
  args: readonly string[] = [],
): Promise<(value: string) => string> {
  const script = fileURLToPath(new URL(`../setup/${name}.sh`, import.meta.url));
  const child = spawn('bash', [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0)
    throw new Error(
      `setup/${name}.sh failed (exit code ${String(code)}); its messages on stderr say what to do`,
    );
  const values = new Map(
    output.split('\n').map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  return (value) => {
    const found = values.get(value);
    if (found === undefined) throw new Error(`setup/${name}.sh did not print ${value}`);
    return found;
  };
}
