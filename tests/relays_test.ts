import { assert, assertEquals } from "@std/assert";
import { parseRelayUrl } from "../lib/config/address.ts";
import { checkConfig } from "../lib/config/load.ts";
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
