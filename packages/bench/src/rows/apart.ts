import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

const CLIENT_PROCESSOR = 0;
/** The processor for servers that are kept apart from their clients. */
export const SERVER_PROCESSOR = 1;

/** Bind this process, and the programs that it starts from now on, to the processor of clients. */
export async function bindClients(): Promise<void> {
  const args = ['--all-tasks', '--cpu-list', '--pid', String(CLIENT_PROCESSOR)];
  try {
    await run('taskset', [...args, String(process.pid)]);
  } catch (error) {
    throw new Error('--apart needs two processors and taskset (util-linux)', { cause: error });
  }
}
