#!/usr/bin/env node
import { fail, run } from '../bundle/index.js';

process.on('uncaughtException', (error) => fail(error));
// A reader that has seen enough (`vfio-user info ... | head`) is no error.
process.stdout.on('error', (error) => {
  if (error.code !== 'EPIPE') throw error;
});

process.exitCode = await run(process.argv.slice(2));
