import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Certificate, ListeningProcess } from '@vfio-user/support';

const run = promisify(execFile);
const sources = fileURLToPath(new URL('../../src/floors/c/', import.meta.url));
/** Samples of the longest run: far below. */
const MAX_OUTPUT_BYTES = 2 ** 26;

/** One of our C programs, and what it is given. */
export interface Command {
  /** It is made of `c/<name>.c`. */
  readonly name: string;
  readonly args: readonly (string | number)[];
  /** It speaks TLS, with this. */
  readonly certificate?: Certificate | undefined;
}

/** Our C programs, compiled when they are first needed. */
export class CPrograms {
  readonly #folder: string;
  readonly #serverPrefix: readonly string[];
  readonly #compiled = new Map<string, Promise<string>>();

  /** `folder` takes the executables and is the caller's to remove; `serverPrefix` stands before the command of a server. */
  constructor(folder: string, serverPrefix: readonly string[]) {
    this.#folder = folder;
    this.#serverPrefix = serverPrefix;
  }

  /** Run a program that prints samples. @returns nanoseconds. */
  async samples(command: Command): Promise<Uint32Array> {
    const { stdout } = await run(await this.#path(command), command.args.map(String), {
      encoding: 'buffer',
      maxBuffer: MAX_OUTPUT_BYTES,
      env: environment(command),
    });
    // Copied, because a buffer of the pool need not be aligned.
    return new Uint32Array(new Uint8Array(stdout).buffer);
  }

  /** Start a program that is a server. */
  async server(command: Command): Promise<ListeningProcess> {
    const env = environment(command);
    const program = [await this.#path(command), ...command.args.map(String)];
    return ListeningProcess.start(program, { env, prefix: this.#serverPrefix });
  }

  #path({ name, certificate }: Command): Promise<string> {
    const output = certificate === undefined ? name : `${name}-tls`;
    let path = this.#compiled.get(output);
    if (path === undefined) {
      path = this.#compile(name, output);
      this.#compiled.set(output, path);
    }
    return path;
  }

  async #compile(name: string, output: string): Promise<string> {
    const path = join(this.#folder, output);
    const source = join(sources, `${name}.c`);
    const isTls = name !== output;
    const args = ['-O2', '-Wall', '-std=gnu11', '-o', path, source];
    if (isTls) args.push('-DWITH_TLS', '-lssl', '-lcrypto');
    try {
      await run('gcc', args);
    } catch (error) {
      const missing = `gcc and the C library's headers${isTls ? ', and libssl-dev' : ''}`;
      throw new Error(`cannot compile ${source}: install ${missing}`, { cause: error });
    }
    return path;
  }
}

function environment({ certificate }: Command): NodeJS.ProcessEnv {
  if (certificate === undefined) return process.env;
  return { ...process.env, TLS_CERTIFICATE: certificate.cert, TLS_KEY: certificate.key };
}
