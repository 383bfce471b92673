// Certificates for the TLS part of the demonstration: one authority that lives as long as its folder.

import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Without openssl the TLS part is left out. */
export function canMakeCertificates() {
  const found = spawnSync('openssl', ['version']).status === 0;
  if (!found) process.stderr.write('demo: openssl is not installed, so tls: is left out\n');
  return found;
}

/** Makes them in `folder`; returns the query of a URI that names the files. */
export function certificates(folder) {
  const file = (name) => join(folder, name);
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'ignore' });
  openssl(
    'req',
    '-x509',
    ...KEY,
    '-days',
    '1',
    '-subj',
    '/CN=demo authority',
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
  );
  openssl(
    'req',
    ...KEY,
    '-subj',
    '/CN=demo',
    '-keyout',
    file('demo.key'),
    '-out',
    file('demo.csr'),
  );
  writeFileSync(file('demo.ext'), 'subjectAltName=IP:127.0.0.1\n');
  openssl(
    'x509',
    '-req',
    '-in',
    file('demo.csr'),
    '-CA',
    file('ca.pem'),
    '-CAkey',
    file('ca.key'),
    '-CAcreateserial',
    '-days',
    '1',
    '-extfile',
    file('demo.ext'),
    '-out',
    file('demo.pem'),
  );
  return query(folder);
}

/** A server's URI as its client needs it. */
export function addCertificates(uri, folder) {
  return `${uri.split('?')[0]}?${query(folder)}`;
}

function query(folder) {
  return new URLSearchParams({
    ca: join(folder, 'ca.pem'),
    cert: join(folder, 'demo.pem'),
    key: join(folder, 'demo.key'),
  });
}
