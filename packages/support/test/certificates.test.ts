import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { Authority, certificateQuery, noOpenssl } from '../src/index.js';

const skip = noOpenssl();

t.test('an authority signs for names, uses and days', { skip }, async (t) => {
  const authority = new Authority(t.testdir(), 'authority');
  const issued = authority.issue('server', {
    names: 'IP:192.0.2.1',
    days: -1,
    usage: 'serverAuth',
  });
  const [signer, certificate] = [authority, issued].map(
    ({ cert }) => new X509Certificate(readFileSync(cert)),
  ) as [X509Certificate, X509Certificate];
  t.ok(certificate.verify(signer.publicKey));
  t.equal(certificate.subjectAltName, 'IP Address:192.0.2.1');
  t.same(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1']);
  t.ok(new Date(certificate.validTo) < new Date());
  const query = new URLSearchParams(certificateQuery(issued, authority));
  t.same(Object.fromEntries(query), { ...issued, ca: authority.cert });
});

t.test('one certificate for both sides of a connection', { skip }, async (t) => {
  const own = new Authority(t.testdir(), 'own', { names: 'IP:127.0.0.1' });
  const certificate = new X509Certificate(readFileSync(own.cert));
  t.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1');
  t.equal(new URLSearchParams(certificateQuery(own)).get('ca'), own.cert);
});
