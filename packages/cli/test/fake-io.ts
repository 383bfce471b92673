import { Writable } from 'node:stream';
import { type Io, run } from '../src/index.js';

/** What a run of the command printed and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Run the command in this process with everything it prints caught. */
export async function runCaught(args: readonly string[], env: Io['env'] = {}): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  const stdoutStream = new Writable({
    decodeStrings: false,
    write(chunk: string | Uint8Array, _encoding, done) {
      out.push(Buffer.from(chunk).toString());
      done();
    },
  });
  const io: Io = {
    stdout: (text) => out.push(text),
    stdoutStream,
    stderr: (text) => err.push(text),
    env,
    exit: (code) => err.push(`exit ${code}\n`),
  };
  const code = await run(args, io);
  return { code, stdout: out.join(''), stderr: err.join('') };
}
