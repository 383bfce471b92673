import { hostPortOf, parseUri } from '@vfio-user/core/transport';
import { AF_VSOCK, streamSocket } from '@vfio-user/posix-ffi';
import t from 'tap';
import { join, listen, message } from './support.js';

/** The machine itself, where its kernel can connect to that (module vsock_loopback). */
const LOCAL_CID = 1;

function missing(): string | false {
  try {
    streamSocket(AF_VSOCK).close();
    return false;
  } catch {
    return 'this kernel has no vsock: modprobe vhost_vsock';
  }
}

t.test(
  'without vsock in the kernel, a sentence says so',
  { skip: !missing() && 'it has' },
  async (t) => {
    await t.rejects(listen(t, 'vsock://any:0'), { code: 'VFU_UNSUPPORTED', message: /modprobe/ });
  },
);

t.test('vsock listens on a free port, and on no other machine', { skip: missing() }, async (t) => {
  const { listener } = await listen(t, 'vsock://any:0');
  const { host, port = 0 } = hostPortOf(parseUri(listener.uri));
  t.equal(host, 'any');
  t.ok(port > 1023 && port < 0xffff_ffff, `port ${port}`);
  const last = await listen(t, 'vsock://any:4294967294');
  t.equal(last.listener.uri, 'vsock://any:4294967294');
  await t.rejects(listen(t, 'vsock://77:0'), /that is not the number of this machine/);
});

t.test('frames pass between two ends of one machine', { skip: missing() }, async (t) => {
  const { listener, accepted, sinks } = await listen(t, 'vsock://any:0');
  const local = `vsock://${LOCAL_CID}:${hostPortOf(parseUri(listener.uri)).port}`;
  const client = await join(t, local, { connectTimeoutMs: 500 }).catch((error) => error);
  if (client instanceof Error) {
    t.match(client.message, /cannot connect to vsock:\/\/1:/);
    const skip = 'a machine cannot connect to itself here: modprobe vsock_loopback';
    void t.test('frames pass', { skip }, async () => {});
    return;
  }
  client.connection.send(message(100_000, 5));
  t.match((await accepted(0)).peer, /^vsock 1:\d+$/);
  await sinks[0]!.until(() => sinks[0]!.frames.length === 1);
  await client.connection.close();
  t.equal(await sinks[0]!.closed(), undefined);
});
