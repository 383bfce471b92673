import { spawnSync } from 'node:child_process';

const index = new URL('../src/index.ts', import.meta.url).href;

/** Run a script in a process of its own; `load()` in it imports this package. */
export function runScript(source: string): { status: number | null; stdout: string } {
  const script = `const load = () => import(${JSON.stringify(index)});\n${source}`;
  return spawnSync(process.execPath, [...process.execArgv, '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
}
