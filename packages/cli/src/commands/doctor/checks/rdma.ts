import { type Finding, found, missing } from '../finding.js';
import { listFolder, outputOf, readText } from '../read-system.js';

const DEVICES = '/sys/class/infiniband';

/** rdma-core's library, and the RDMA devices with their ports. */
export async function checkRdma(): Promise<Finding[]> {
  return [await checkLibrary(), ...checkDevices()];
}

async function checkLibrary(): Promise<Finding> {
  const name = 'rdma-core';
  const line = (await outputOf('ldconfig', '-p'))
    ?.split('\n')
    .find((one) => one.includes('libibverbs.so.1'));
  if (line === undefined) {
    return missing(
      name,
      'no libibverbs.so.1',
      'apt install libibverbs1 ibverbs-providers (Debian, Ubuntu)',
    );
  }
  return found(name, line.trim().split(' => ').at(-1) ?? line.trim());
}

function checkDevices(): Finding[] {
  const devices = listFolder(DEVICES);
  if (devices.length === 0) {
    const advice =
      'without an RDMA adapter, software can stand in: modprobe rdma_rxe && rdma link add rxe0 type rxe netdev eth0';
    return [missing('rdma device', `none in ${DEVICES}`, advice)];
  }
  return devices.flatMap((device) =>
    listFolder(`${DEVICES}/${device}/ports`).map((port) => checkPort(device, port)),
  );
}

function checkPort(device: string, port: string): Finding {
  const name = `rdma ${device}/${port}`;
  const folder = `${DEVICES}/${device}/ports/${port}`;
  // The file reads for example "4: ACTIVE".
  const state = readText(`${folder}/state`) ?? 'unknown state';
  const detail = `${state}, ${readText(`${folder}/link_layer`) ?? 'unknown link layer'}`;
  if (state.endsWith('ACTIVE')) return found(name, detail);
  return missing(
    name,
    detail,
    'bring the port up: ip link set <its interface> up, and check the cable',
  );
}
