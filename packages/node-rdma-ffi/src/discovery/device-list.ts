import { existsSync, readdirSync } from 'node:fs';
import { RdmaError, verbFailed } from '../errors.js';
import { DeviceContext } from '../native/device-context.js';
import { verbs } from '../native/library.js';
import { foreign, foreignPointer, NativeStruct } from '../native/native-struct.js';

const VERBS_CLASS = '/sys/class/infiniband_verbs';
const DEVICE_CLASS = '/sys/class/infiniband';
const POINTER_BYTES = 8;

/** One `struct ibv_device`. Valid until the visit returns. */
export interface ListedDevice {
  readonly name: string;
  readonly pointer: number;
}

/**
 * Calls `visit` with the devices of this machine.
 * @throws {RdmaError} RDMA_UNAVAILABLE when there are none.
 */
export function withDevices<Result>(visit: (devices: readonly ListedDevice[]) => Result): Result {
  const library = verbs();
  const count = new NativeStruct(POINTER_BYTES);
  const list = library.getDeviceList(count.address);
  if (list === 0) throw noDevice();
  try {
    const length = count.view.getInt32(0, true);
    if (length === 0) throw noDevice();
    const pointers = foreign(list, length * POINTER_BYTES);
    return visit(
      Array.from({ length }, (_, index) => {
        const pointer = foreignPointer(pointers, index * POINTER_BYTES);
        return { name: library.getDeviceName(pointer), pointer };
      }),
    );
  } finally {
    library.freeDeviceList(list);
  }
}

/** Opens a device of the list. */
export function openListed({ name, pointer }: ListedDevice): DeviceContext {
  const library = verbs();
  const context = library.openDevice(pointer);
  if (context === 0) throw verbFailed('ibv_open_device', library.errno[0] as number, name);
  return new DeviceContext(name, context);
}

function noDevice(): RdmaError {
  return new RdmaError('RDMA_UNAVAILABLE', noDeviceReason());
}

function noDeviceReason(): string {
  if (!existsSync(VERBS_CLASS)) {
    return `the kernel offers no RDMA (there is no ${VERBS_CLASS}, so no /dev/infiniband): modprobe ib_uverbs, with a kernel that has it`;
  }
  const [name] = existsSync(DEVICE_CLASS) ? readdirSync(DEVICE_CLASS) : [];
  if (name !== undefined) {
    return `the kernel has the RDMA device ${name}, but no library drives it: apt install ibverbs-providers, modprobe ib_uverbs`;
  }
  return 'there is no RDMA device: install an adapter, or to try it out on Ethernet: modprobe rdma_rxe; rdma link add rxe0 type rxe netdev eth0';
}
