/**
 * Postern as client of a real Postfix with TLS: what each `relay.tls` makes of a
 * good certificate and of bad ones, and logging in.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Certificates, type LeafName } from "./support/certificates.ts";
import { missing } from "./support/child.ts";
import { SecurePostfix } from "./support/postfix_secure.ts";
import { DIRECT, Postern } from "./support/postern.ts";
import { SASL_MECHANISMS } from "./support/sasl_users.ts";
import { deliver } from "./support/session.ts";

const ignore = DIRECT || Deno.uid() !== 0 ||
  missing("postfix", "openssl", "saslpasswd2").length > 0;

/** Names of users and passwords that need care in a URL. */
const PASSWORDS = { "joe": "pa:ss w@rd/%" };

const LEAVES: readonly LeafName[] = ["server", "other", "expired", "foreign"];

/** How a message goes: in TLS, in clear, or not at all. */
type Way = "TLS" | "clear" | "not at all";

/** For each mode: with a good certificate, and with any other. */
const MODES: [tls: string, trusted: boolean, good: Way, bad: Way][] = [
  ["off", true, "clear", "clear"],
  ["opportunistic", true, "TLS", "TLS"],
  ["required", true, "TLS", "TLS"],
  ["verified", true, "TLS", "not at all"],
  // Nobody has said that the test's authority is to be trusted.
  ["verified", false, "not at all", "not at all"],
];

/** A Postfix for each certificate. */
class Relays implements AsyncDisposable {
  readonly #relays = new Map<LeafName, SecurePostfix>();

  static async start(certificates: Certificates): Promise<Relays> {
    const relays = new Relays();
    try {
      for (const leaf of LEAVES) {
        const relay = await SecurePostfix.start({ certificates, leaf });
        relays.#relays.set(leaf, relay);
      }
    } catch (error) {
      await relays[Symbol.asyncDispose]();
      throw error;
    }
    return relays;
  }

  /** The entries of `relay.domains`: one domain for each relay. */
  get domains(): string[] {
    return [...this.#relays].map(([leaf, { port }]) =>
      `${leaf}.example:127.0.0.1:${port}`
    );
  }

  /** Sends through Postern to one of them; how it went there. */
  async way(port: number, leaf: LeafName): Promise<Way> {
    const relay = this.#relays.get(leaf)!;
    const { code, text } = await deliver(port, `${leaf}.example`, leaf);
    if (code !== 250) {
      assertMatch(text, /^451 4\.7\.5 /);
      assertEquals(await relay.postfix.takeDeliveries(0), []);
      return "not at all";
    }
    const [delivery] = await relay.postfix.takeDeliveries(1);
    const trace = delivery!.trace.join("\n");
    return trace.includes("using TLSv1.3 with cipher") ? "TLS" : "clear";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const relay of this.#relays.values()) {
      await relay[Symbol.asyncDispose]();
    }
  }
}

Deno.test({
  name: "Postern relays to Postfix in TLS as relay.tls says",
  ignore,
  async fn(t) {
    await using certificates = await Certificates.make();
    await using relays = await Relays.start(certificates);
    for (const [tls, trusted, good, bad] of MODES) {
      await using postern = await Postern.start({
        relay: 9,
        toml: `
[relay]
tls = "${tls}"
ca_file = "${trusted ? certificates.authority() : ""}"
domains = ${JSON.stringify(relays.domains)}
`,
      });
      for (const leaf of LEAVES) {
        const way = leaf === "server" ? good : bad;
        const who = `tls = "${tls}"${trusted ? "" : " without ca_file"}`;
        await t.step(`${who}, certificate "${leaf}": ${way}`, async () => {
          assertEquals(await relays.way(postern.port, leaf), way);
        });
      }
      assertEquals(await postern.stop(), 0, postern.output);
    }
  },
});

/** Each with the port it speaks to and what the log of Postfix calls the login. */
const SCHEMES: [scheme: string, isImplicit: boolean, method: RegExp][] = [
  ["plain", false, /sasl_method=PLAIN,/],
  ["login", false, /sasl_method=LOGIN,/],
  ["cram-md5", false, /sasl_method=CRAM-MD5,/],
  ["scram-sha-256", false, /sasl_method=SCRAM-SHA-256,/],
  ["smtp", false, new RegExp(`sasl_method=(?:${SASL_MECHANISMS.join("|")}),`)],
  ["smtps", true, new RegExp(`sasl_method=(?:${SASL_MECHANISMS.join("|")}),`)],
];

for (const [scheme, isImplicit, method] of SCHEMES) {
  Deno.test({
    name:
      `Postern logs in to Postfix as ${scheme}:// says, and keeps the password to itself`,
    ignore,
    async fn() {
      await using certificates = await Certificates.make();
      await using relay = await SecurePostfix.start({
        certificates,
        passwords: PASSWORDS,
      });
      const port = isImplicit ? relay.implicitPort : relay.port;
      for (const isRight of [true, false]) {
        const password = PASSWORDS.joe + (isRight ? "" : "-wrong");
        const login = `joe:${encodeURIComponent(password)}`;
        await using postern = await Postern.start({
          relay: 9,
          toml: `
[relay]
tls = "verified"
ca_file = "${certificates.authority()}"
`,
          args: [
            ...["--relay", `${scheme}://${login}@localhost:${port}`],
            ...["--log-level", "debug"],
          ],
        });
        const { text } = await deliver(postern.port, "example.org", scheme);
        assertMatch(text, isRight ? /^250 / : /^451 4\.7\.0 /);
        const deliveries = await relay.postfix.takeDeliveries(isRight ? 1 : 0);
        assertEquals(deliveries.length, isRight ? 1 : 0);
        assertEquals(await postern.stop(), 0, postern.output);
        for (const secret of [password, encodeURIComponent(password)]) {
          assert(!postern.output.includes(secret), postern.output);
        }
      }
      assertMatch(await relay.postfix.log(), method);
    },
  });
}
