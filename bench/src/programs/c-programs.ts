import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const sources = fileURLToPath(new URL('../../c/', import.meta.url));
/** Samples of the longest run: far below. */
const MAX_OUTPUT_BYTES = 2 ** 26;

/** Our C programs, compiled when they are first needed. */
export class CPrograms {
  readonly #folder: string;
  readonly #compiled = new Map<string, Promise<string>>();

  /** `folder` takes what is compiled; it is the caller's to remove. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The path of the program made of `c/<name>.c`. */
  path(name: string): Promise<string> {
    let path = this.#compiled.get(name);
    if (path === undefined) {
      path = this.#compile(name);
      this.#compiled.set(name, path);
    }
    return path;
  }

  /** Run a program that prints samples. @returns nanoseconds. */
  async samples(name: string, ...args: readonly (string | number)[]): Promise<Uint32Array> {
    const { stdout } = await run(await this.path(name), args.map(String), {
      encoding: 'buffer',
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    // Copied, because a buffer of the pool need not be aligned.
    return new Uint32Array(new Uint8Array(stdout).buffer);
  }

  async #compile(name: string): Promise<string> {
    const output = join(this.#folder, name);
    const source = join(sources, `${name}.c`);
    try {
      await run('gcc', ['-O2', '-Wall', '-std=gnu11', '-o', output, source]);
    } catch (error) {
      throw new Error(`cannot compile ${source}: install gcc and the C library's headers`, {
        cause: error,
      });
    }
    return output;
  }
}
