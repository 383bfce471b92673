import { serve, TransportRegistry } from '@vfio-user/core';
import { bench } from '@vfio-user/devices';
import { unixTransport } from '@vfio-user/transport-unix';

/** A program: `many-devices BASE COUNT` serves devices at `BASE-0.sock` and so on until it is ended. */
const [, , base = '', count = '1'] = process.argv;
const registry = new TransportRegistry([unixTransport()]);
for (let i = 0; i < Number(count); i++) {
  const options = { memory: 2 ** 20, vectors: 1 };
  await serve({ definition: bench, options, registry, listen: `unix://${base}-${i}.sock` });
}
process.stdout.write(`listening ${base}\n`);
