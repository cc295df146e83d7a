import { assertEquals } from "@std/assert";
import {
  CertificateError,
  checkIdentity,
  splitCertificates,
} from "../../lib/transport/certificates.ts";
import { identity, pem } from "./tls_peer.ts";

const NOW = Date.UTC(2030, 0, 1);

const REFUSED: [
  name: string,
  certificate: string,
  key: string,
  problem: string,
][] = [
  [
    "no certificate",
    "ca.pm",
    "localhost.key",
    "it holds no certificate in PEM",
  ],
  [
    "another's key",
    "localhost.pem",
    "other.key",
    "the key belongs to another certificate",
  ],
  [
    "no key",
    "localhost.pem",
    "localhost.pem",
    "there is no private key in PEM",
  ],
  [
    "an encrypted key",
    "localhost.pem",
    "encrypted.key",
    "its key is encrypted: expected a key without a passphrase",
  ],
  [
    "an encrypted key in the older form",
    "localhost.pem",
    "encrypted_ec.key",
    "its key is encrypted: expected a key without a passphrase",
  ],
  [
    "a certificate whose time is over",
    "expired.pem",
    "expired.key",
    "its certificate has expired on Jan  1 00:00:00 2021 GMT",
  ],
  [
    "a certificate whose time is to come",
    "future.pem",
    "future.key",
    "its certificate is not valid before Jan  1 00:00:00 2100 GMT",
  ],
  [
    "a key of a kind that the runtime lacks",
    "ed448.pem",
    "ed448.key",
    "unexpected error: failed to parse private key as RSA, ECDSA, or EdDSA",
  ],
];
for (const [name, certificate, key, problem] of REFUSED) {
  Deno.test(`checkIdentity() refuses ${name}, and names the file`, () => {
    const identity = {
      certificate: certificate === "ca.pm" ? "nothing" : pem(certificate),
      key: pem(key),
      name: "/etc/mail.pem",
    };
    const checked = checkIdentity(identity, NOW);
    assertEquals(checked.problems, [`Cannot use "/etc/mail.pem": ${problem}`]);
  });
}

Deno.test("checkIdentity() refuses broken PEM, and says which block", () => {
  const certificate = pem("localhost.pem") +
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  const broken = { ...identity("localhost"), certificate, name: "a.pem" };
  assertEquals(checkIdentity(broken, NOW).problems, [
    'Cannot use "a.pem": its second certificate cannot be read',
  ]);
  const key = pem("localhost.key").replace(/\n[^-]{8}/, "\n");
  assertEquals(
    checkIdentity({ ...identity("localhost"), key }, NOW).problems,
    ['Cannot use "localhost.pem": its key cannot be read'],
  );
});

Deno.test("checkIdentity() wants the server's own certificate first", () => {
  const [own, signer] = splitCertificates(pem("chain.pem"));
  const turned = { ...identity("chain"), certificate: `${signer}\n${own}` };
  assertEquals(checkIdentity(turned, NOW).problems, [
    'Cannot use "chain.pem": the key belongs to its second certificate: ' +
    "expected that one first, then those that signed it",
  ]);
});

Deno.test("checkIdentity() warns of a chain that does not hold together", () => {
  const { warnings: none } = checkIdentity(identity("chain"), NOW);
  assertEquals(none, []);
  const certificate = pem("localhost.pem") + pem("expired.pem") + pem("ca.pem");
  const mixed = { ...identity("localhost"), certificate };
  assertEquals(checkIdentity(mixed, NOW).warnings, [
    "localhost.pem: its second certificate did not sign the one before it",
    "localhost.pem: its second certificate has expired on Jan  1 00:00:00 2021 GMT",
  ]);
});

Deno.test("checkIdentity() warns of a certificate two weeks before its end", () => {
  const end = Date.UTC(2021, 0, 1);
  const days = 24 * 60 * 60 * 1_000;
  const at = (now: number) => checkIdentity(identity("expired"), now).warnings;
  assertEquals(at(end - 15 * days), []);
  assertEquals(at(end - 13 * days), [
    "expired.pem: its certificate expires on Jan  1 00:00:00 2021 GMT",
  ]);
});

const NAMES: [name: string, names: string[]][] = [
  ["localhost", ["localhost"]],
  ["chain", ["chain.test", "*.wild.test"]],
  ["common_name", ["cn.test"]],
];
for (const [name, names] of NAMES) {
  Deno.test(`checkIdentity() finds the names of "${name}"`, () => {
    assertEquals(checkIdentity(identity(name), NOW).names, names);
  });
}

Deno.test("CertificateError says all that is wrong", () => {
  const error = new CertificateError(["Cannot this", "Cannot that"]);
  assertEquals(error.message, "Cannot this; Cannot that");
  assertEquals(error.problems.length, 2);
});
