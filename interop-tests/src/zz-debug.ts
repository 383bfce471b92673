import { spawn } from 'node:child_process';
import { prepareGuest } from './setup.js';
import { Guest } from './guest.js';
import { SocketFolder } from './socket-folder.js';
import { DeviceServer } from './device-server.js';
const files = await prepareGuest();
const folder = await SocketFolder.create(files);
const srv = folder.socket('srv'); const dev = folder.socket('dev');
const server = await DeviceServer.start('nvme', (srv as any).hostPath ?? srv, { size: '128M' });
const proxy = spawn('python3', ['/work/shared/reference/rig/vfuproxy.py', (dev as any), (srv as any), '/tmp/trace.txt'], { stdio: 'inherit' });
await new Promise((r) => setTimeout(r, 1500));
try {
  const guest = await Guest.start(files, { memory: (process.argv[2] ?? 'anonymous') as any, devices: [{ socketPath: dev as any, id: 'dev0', rootPort: 'rp0' as any }], end: 'commands', onLine: (l: string) => console.log('G', l) } as any);
  console.log(JSON.stringify((await guest.run('nvme-io')).results));
  if (process.argv[3]) { const b = await guest.begin('nvme-unplug'); console.log(await guest.unplug('dev0').catch((e) => String(e))); await new Promise(r => setTimeout(r, 3000)); console.log((guest as any).exited, await Promise.race([guest.exited, 5])); }
  await guest.poweroff();
} catch (e) { console.log(String(e).slice(0, 1500)); }
console.log('SERVER LOG', String((server as any).log).slice(-3000));
proxy.kill(); await server.stop(); await folder.remove(); process.exit(0);
