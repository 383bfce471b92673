// rdma-serve [--no-hold] URI...: serves the bench device at each, for other programs to drive. Prints what the device's log
// says and, once all of them listen, SERVING. With --no-hold no session survives its link.

import { type Logger, serve, TransportRegistry } from '@vfio-user/core';
import { bench } from '@vfio-user/devices';
import { rdmaTransport } from '@vfio-user/transport-rdma';
import { tcpTransport } from '@vfio-user/transport-tcp';

const tcp = tcpTransport({ insecure: true });
const registry = new TransportRegistry([tcp, rdmaTransport({ bootstrap: tcp })]);
const options = bench.options.parse({ memory: '16M' });

const logger: Logger = {
  debug() {},
  info: (fields, text) => log(fields, text),
  warn: (fields, text) => log(fields, text),
  error: (fields, text) => log(fields, text),
  child: () => logger,
};

function log(fields: object, text?: string): void {
  const { err, reason } = fields as { readonly err?: Error; readonly reason?: string };
  const cause = reason ?? err?.message;
  process.stdout.write(`${text}${cause === undefined ? '' : `: ${cause}`}\n`);
}

const [first = '', ...others] = process.argv.slice(2);
const holds = first !== '--no-hold';
const limits = holds ? {} : { holdMs: 0 };
for (const listen of holds ? [first, ...others] : others) {
  await serve({ definition: bench, options, registry, listen, logger, limits });
}
process.stdout.write('SERVING\n');
