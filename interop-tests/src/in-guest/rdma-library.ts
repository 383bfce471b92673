// Whether a program in Node can call libibverbs: prints the names of the devices that it finds.

import { listDevices } from 'node-rdma-ffi';

const names = listDevices().map(({ name }) => name);
process.stdout.write(`RESULT devices=${names.join()}\n`);
