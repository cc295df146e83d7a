import { assertEquals, assertMatch } from "@std/assert";
import { RelayTrack } from "../../lib/record/relay_track.ts";
import type { RelaySettings } from "../../lib/relay/settings.ts";
import { fixedSecret } from "../../lib/sasl/secret_source.ts";
import { Secret } from "../../lib/secret.ts";
import { rcpts, Relaying } from "../support/relaying.ts";
import { type Behaviour, ScriptedRelay } from "../support/scripted_relay.ts";

/** What a session's recording hears of one message to a relay. */
async function heardOf(
  behaviour: Behaviour,
  settings: Partial<RelaySettings>,
  body: "7BIT" | "BINARYMIME",
  asksFirst = false,
): Promise<string> {
  let heard = "";
  let speaker = "";
  const said = (from: string, bytes: Uint8Array) => {
    if (from !== speaker) heard += from === "client" ? "\n> " : "\n< ";
    speaker = from;
    heard += new TextDecoder().decode(bytes).replaceAll("\r\n", "|");
  };
  const note = (what: string) => {
    heard += `\n(${what})`;
    speaker = "";
  };
  const track = new RelayTrack({
    said,
    ended: note,
    secured: () => note("TLS"),
  }, Date.now);
  await using relay = new ScriptedRelay([{ offers: [], ...behaviour }]);
  await using relaying = new Relaying(relay, settings);
  if (asksFirst) await relaying.pool.capabilities(undefined, track);
  const hop = relaying.hop({ body }, undefined, track);
  await hop.rcpt(rcpts("b@c"));
  await hop.data("X: y\r\n");
  await hop.write(new TextEncoder().encode("z\r\n"));
  await hop.finish();
  assertEquals(relay.peers.length, 1);
  return heard;
}

const LOGIN: Partial<RelaySettings> = {
  credentials: { user: "me", secret: fixedSecret(new Secret("sesame")) },
};

const GREETED =
  "\n< 220 relay.test ESMTP|\n> EHLO mx.test|\n< 250-relay.test|250 AUTH PLAIN|";

const LOGGED_IN = "\n> AUTH PLAIN AG1lAHNlc2FtZQ==|\n< 235 2.7.0 Welcome|";

const ENVELOPE = "\n> MAIL FROM:<a@example.org>|\n< 250 2.1.0 Sender fine|" +
  "\n> RCPT TO:<b@c>|\n< 250 2.1.5 Recipient fine|";

const DATA =
  "\n> DATA|\n< 354 Send it|\n> X: y|z|.|\n< 250 2.0.0 Queued as 42|";

Deno.test("a recording hears what is said in TLS from the start, and AUTH", async () => {
  const heard = await heardOf(
    { certificate: "localhost", implicitTls: true, offers: ["AUTH PLAIN"] },
    { ...LOGIN, implicitTls: true, tls: "required" },
    "7BIT",
  );
  assertEquals(heard, `\n(TLS)${GREETED}${LOGGED_IN}${ENVELOPE}${DATA}`);
});

Deno.test("a recording hears once what was said for the sake of the relay's offer", async () => {
  const heard = await heardOf(
    { offers: ["AUTH PLAIN"] },
    LOGIN,
    "7BIT",
    true,
  );
  assertEquals(heard, `${GREETED}${LOGGED_IN}${ENVELOPE}${DATA}`);
});

Deno.test("a recording hears all, so a kept connection that nobody heard is left alone", async () => {
  let heard = "";
  const said = (_: string, bytes: Uint8Array) =>
    heard += new TextDecoder().decode(bytes);
  const track = new RelayTrack(
    { said, ended: () => {}, secured: () => {} },
    Date.now,
  );
  await using relay = new ScriptedRelay();
  await using relaying = new Relaying(relay);
  await relaying.pool.capabilities();
  const hop = relaying.hop({}, undefined, track);
  await hop.rcpt(rcpts("b@c"));
  await hop.abort();
  assertMatch(heard, /^220 [^]*EHLO [^]*MAIL [^]*RCPT /);
  assertEquals(relay.peers.length, 2);
  assertEquals(relaying.pool.kept, 2);
});

Deno.test("a recording hears chunks, and LMTP", async () => {
  const heard = await heardOf(
    { offers: ["CHUNKING", "BINARYMIME"] },
    { protocol: "lmtp" },
    "BINARYMIME",
  );
  assertEquals(
    heard,
    "\n< 220 relay.test ESMTP|\n> LHLO mx.test|" +
      "\n< 250-relay.test|250-CHUNKING|250 BINARYMIME|" +
      "\n> MAIL FROM:<a@example.org> BODY=BINARYMIME|\n< 250 2.1.0 Sender fine|" +
      "\n> RCPT TO:<b@c>|\n< 250 2.1.5 Recipient fine|" +
      "\n> BDAT 9 LAST|X: y|z|\n< 250 2.0.0 Queued as 42|",
  );
});
