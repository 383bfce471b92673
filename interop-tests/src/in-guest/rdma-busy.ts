// rdma-busy URI: lets the bench device read and write memory without end, and prints BUSY once it does.

import { connectDevice } from '@vfio-user/core';
import { TestDeviceDriver } from '@vfio-user/drivers';
import { CountedRdma } from './counted-rdma.js';
import { keepBusy, PATIENT } from './rdma-dma.js';

const [uri = ''] = process.argv.slice(2);
const client = await connectDevice(uri, { registry: new CountedRdma().registry, ...PATIENT });
await keepBusy(new TestDeviceDriver(client));
process.stdout.write('BUSY\n');
