import { assert, assertEquals } from "@std/assert";
import { parseRelayUrl } from "../lib/config/address.ts";
import { checkConfig, defaultConfig } from "../lib/config/load.ts";
import { relaySettings } from "../lib/relays.ts";

const DEFAULT = "plain://joe@submit.example";

const TLS: [tls: "required" | undefined, relay: string, want: string][] = [
  [undefined, DEFAULT, "verified"],
  [undefined, "plain://ann:sesame@other.example", "verified"],
  [undefined, "mx.example", "opportunistic"],
  [undefined, "unix:/run/relay.sock", "opportunistic"],
  ["required", DEFAULT, "required"],
  ["required", "mx.example", "required"],
];

for (const [tls, relay, want] of TLS) {
  Deno.test(`relaySettings() has TLS ${want} for ${relay} where relay.tls is ${tls}`, () => {
    const { config } = checkConfig({
      relay: {
        url: DEFAULT,
        password_file: "password",
        ...tls === undefined ? {} : { tls },
      },
    }, { hostname: "", env: () => undefined, readTextFile: () => "sesame\n" });
    const address = parseRelayUrl(relay);
    assert(config !== undefined && address.ok);
    assertEquals(relaySettings(config, address.value, []).tls, want);
  });
}

const REACHED: [relay: string, want: Record<string, unknown>][] = [
  ["mx.example", {}],
  ["smtp://mx.example:587", {}],
  ["smtps://mx.example", { implicitTls: true }],
  ["lmtp://mx.example:24", { protocol: "lmtp" }],
  ["lmtp:unix:/run/lmtp", { protocol: "lmtp" }],
  ["smtp://ann:x@mx.example", { user: "ann", kind: "password" }],
  ["smtps://ann:x@mx.example", {
    implicitTls: true,
    user: "ann",
    kind: "password",
  }],
  ["login://ann:x@mx.example", {
    user: "ann",
    kind: "password",
    mechanism: "LOGIN",
  }],
  ["scram-sha-256://ann:x@mx.example:465", {
    implicitTls: true,
    user: "ann",
    kind: "password",
    mechanism: "SCRAM-SHA-256",
  }],
  ["xoauth2://ann:x@mx.example", {
    user: "ann",
    kind: "token",
    mechanism: "XOAUTH2",
  }],
];

for (const [relay, want] of REACHED) {
  Deno.test(`relaySettings() reads protocol, TLS and login from ${relay}`, async () => {
    const address = parseRelayUrl(relay);
    assert(address.ok);
    const config = defaultConfig({ hostname: "mx.test" });
    const settings = relaySettings(config, address.value, []);
    const { credentials } = settings;
    assertEquals({
      protocol: settings.protocol,
      implicitTls: settings.implicitTls,
      user: credentials?.user,
      kind: credentials?.secret.kind,
      mechanism: credentials?.mechanism,
    }, {
      ...{ protocol: "smtp", implicitTls: false },
      ...{ user: undefined, kind: undefined, mechanism: undefined },
      ...want,
    });
    const { signal } = new AbortController();
    const secret = await credentials?.secret.get(signal);
    assertEquals(
      secret?.reveal(),
      want["user"] === undefined ? undefined : "x",
    );
  });
}
