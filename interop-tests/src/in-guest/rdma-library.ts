// Whether a program in Node can call libibverbs: prints the names of the devices that it finds.

import koffi from 'koffi';

const library = koffi.load('libibverbs.so.1');
const getDeviceList = library.func('void **ibv_get_device_list(_Out_ int *count)');
const getDeviceName = library.func('const char *ibv_get_device_name(void *device)');

const count: [number] = [0];
const devices = koffi.decode(getDeviceList(count), 'void *', count[0]) as unknown[];
process.stdout.write(`RESULT devices=${devices.map((device) => getDeviceName(device)).join()}\n`);
