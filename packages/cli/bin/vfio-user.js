#!/usr/bin/env node
import { fail, run } from '../bundle/index.js';

process.on('uncaughtException', (error) => fail(error));
// A reader that has seen enough (`vfio-user info ... | head`) is no error.
process.stdout.on('error', (error) => {
  if (error.code !== 'EPIPE') throw error;
});

// Node.js says nothing of a promise that is waited for and that nothing is left to settle.
const UNSETTLED = 13;
process.once('exit', () => {
  if (process.exitCode !== UNSETTLED) return;
  process.stderr.write(
    'vfio-user: it waits for a promise that never settles, such as one of a device\n',
  );
  process.exitCode = 1;
});

process.exitCode = await run(process.argv.slice(2));
