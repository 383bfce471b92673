import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectDevice, serve, TransportRegistry } from '@vfio-user/core';
import { counter } from '@vfio-user/devices';
import t from 'tap';
import { unixTransport } from '../src/index.js';

const registry = new TransportRegistry([unixTransport()]);
const options = counter.options.parse({});

/** For each path: why it cannot be listened on, and why it cannot be connected to. */
const obstacles: readonly (readonly [path: string, listen: RegExp, connect: RegExp])[] = [
  ['none/dev.sock', /its folder does not exist.*Create the folder/, /no such socket.*Start the se/],
  ['folder', /it is a folder.*Name a socket in it/, /it is a folder.*Name the socket in it/],
  ['file', /a file that is no socket.*Remove it/, /a file and no socket.*Check the path/],
  ['link', /a symbolic link that leads nowhere.*Remove it/, /a symbolic link that leads nowhere/],
  ['file/x', /a part of the path is a file/, /a part of the path is a file/],
  ['loop/x', /links lead in a circle/, /links lead in a circle/],
];

t.test('what is in the way of a socket is named, with what to do', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vfu-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'folder'));
  writeFileSync(join(folder, 'file'), 'contents');
  symlinkSync('nowhere', join(folder, 'link'));
  symlinkSync('loop', join(folder, 'loop'));
  for (const [path, listening, connecting] of obstacles) {
    const uri = `unix://${folder}/${path}`;
    const listen = serve({ definition: counter, options, registry, listen: uri });
    t.match(textOf(await failureOf(listen)), listening);
    t.match(textOf(await failureOf(connectDevice(uri, { registry }))), connecting);
  }
});

t.test('a socket that is served is not taken away', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vfu-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const listen = `unix://${folder}/dev.sock`;
  const server = await serve({ definition: counter, options, registry, listen });
  t.teardown(() => server.close());
  const second = await failureOf(serve({ definition: counter, options, registry, listen }));
  t.match(textOf(second), /another process listens there already.*Stop it/);
});

async function failureOf(attempt: Promise<unknown>): Promise<Error> {
  try {
    await attempt;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it worked');
}

/** As the command prints it. */
function textOf(error: Error): string {
  return `${error.message} ${'advice' in error ? error.advice : ''}`;
}
