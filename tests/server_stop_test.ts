import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ConfigInput, Hooks, ListenAddress } from "../mod.ts";
import { until, within } from "./real/support/wait.ts";
import { tlsOf } from "./support/certificates.ts";
import { authPlain } from "./support/login_serving.ts";
import { RawClient } from "./support/raw_client.ts";
import { Serving } from "./support/serving.ts";

/** Longer than any test may take. */
const FOREVER = "60s";

const TLS = tlsOf("localhost");

const STRANGERS = { networks: ["10.0.0.0/8"] };

/** A wait that the server's end has to end. */
interface Wait {
  readonly what: string;
  readonly config: ConfigInput;
  readonly hooks?: Hooks;
  /** Brings a client so far. */
  readonly begin: (client: RawClient, serving: Serving) => Promise<unknown>;
  /** Whether a session is under way by then. */
  readonly isSession?: boolean;
  /** What the client still hears where the server drains. */
  readonly heard: RegExp;
}

/** The sessions whose hook was asked. */
const asked = new Set<string>();

const WAITS: readonly Wait[] = [
  {
    what: "for the greeting",
    config: { limits: { greeting_delay: FOREVER }, local: STRANGERS },
    begin: () => Promise.resolve(),
    heard: /^421 4\.3\.2 [^\n]*\r\n$/,
  },
  {
    what: "in the handshake of STARTTLS",
    config: { tls: TLS },
    begin: async (client) => {
      await client.reply();
      await client.ask("STARTTLS");
      await client.send("\x16\x03\x01");
    },
    heard: /^$/,
  },
  {
    what: "in a handshake before SMTP",
    config: { server: { listen: ["smtps://127.0.0.1:0"] }, tls: TLS },
    begin: (client) => client.send("\x16\x03\x01"),
    isSession: false,
    heard: /^$/,
  },
  {
    what: "in the header of a proxy",
    config: {
      server: { listen: [] },
      listener: [{ url: "127.0.0.1:0", proxy_protocol: ["127.0.0.1"] }],
    },
    begin: (client) => client.send("PROXY TCP4 192.0"),
    isSession: false,
    heard: /^$/,
  },
  {
    what: "for the answer to a failed login",
    config: { auth: { failure_delay: "30s" } },
    hooks: { auth: () => false },
    begin: async (client, serving) => {
      await client.reply();
      await client.ask("EHLO x.test");
      await client.send(`${authPlain("ann", "x")}\r\n`);
      await until("it", () => serving.logged("login-failed").length === 1);
    },
    heard: /^535 .*\r\n421 4\.3\.2 .*\r\n$/,
  },
  {
    what: "for a hook that does not answer",
    config: {},
    hooks: {
      auth: ({ id }) => {
        asked.add(id);
        return new Promise<boolean>(() => {});
      },
    },
    begin: async (client, { server }) => {
      await client.reply();
      await client.ask("EHLO x.test");
      await client.send(`${authPlain("ann", "x")}\r\n`);
      await until("the hook", () => asked.has(server.sessions()[0]!.id));
    },
    heard: /^$/,
  },
  {
    what: "for the answer to a bad command",
    config: { limits: { error_delay: FOREVER }, local: STRANGERS },
    begin: async (client, serving) => {
      await client.reply();
      await client.send("XYZZY\r\n");
      await until("it", () => serving.logged("refused").length === 1);
    },
    heard: /^500 .*\r\n421 4\.3\.2 .*\r\n$/,
  },
  {
    what: "in a chunk",
    config: {},
    begin: async (client) => {
      await client.reply();
      await client.ask("EHLO x.test");
      await client.ask("MAIL FROM:<a@example.org>");
      await client.ask("RCPT TO:<b@localhost>");
      await client.send("BDAT 100 LAST\r\nSubject: x\r\n");
    },
    heard: /^$/,
  },
];

/** The address without its scheme, for who speaks no TLS there. */
function clear(address: ListenAddress): ListenAddress {
  const { scheme: _, ...bare } = address;
  return bare;
}

for (const { what, config, hooks, begin, isSession, heard } of WAITS) {
  for (const way of ["close", "abort"] as const) {
    Deno.test(`${way}() ends a wait ${what}, and leaves nothing`, async () => {
      await using serving = await Serving.start({
        ...config,
        limits: { drain: "200ms", ...config.limits },
      }, hooks === undefined ? {} : { hooks });
      const { server } = serving;
      using client = await RawClient.connect(clear(serving.address));
      await begin(client, serving);
      const count = isSession === false ? 0 : 1;
      await until("it to wait", () => server.sessions().length === count);
      if (way === "abort") {
        server.abort();
        await until("no session", () => server.sessions().length === 0);
      }
      const [said] = await Promise.all([
        client.rest().finally(() => client.close()),
        within("an end", server.close(), 3_000),
      ]);
      if (way === "close") assertMatch(said, heard);
      else assert(!said.startsWith("2"), said);
      assertEquals(server.sessions(), []);
      assert(!/ (?:error|warn) /.test(serving.log), serving.log);
    });
  }
}

Deno.test("close() says 421 to a session in TLS that waits, and lets a message in TLS be finished", async () => {
  await using serving = await Serving.start({ tls: TLS });
  using idle = await serving.client();
  await idle.startTls();
  using busy = await serving.client();
  await busy.startTls();
  await busy.ask("MAIL FROM:<a@example.org>");
  await busy.ask("RCPT TO:<b@localhost>");
  await busy.ask("DATA");
  const closed = serving.server.close();
  assertMatch(await idle.rest(), /^421 4\.3\.2 /);
  idle.close();
  await busy.send("Subject: x\r\n\r\n");
  assertMatch(await busy.ask("."), /^250 /);
  assertMatch(await busy.rest(), /^421 4\.3\.2 /);
  busy.close();
  await within("an end", closed, 5_000);
});

Deno.test("a client that ends TCP under TLS without a word does not hold up close()", async () => {
  const serving = await Serving.start({ tls: TLS });
  const clients = await Promise.all(Array.from({ length: 5 }, async () => {
    const client = await serving.client();
    await client.startTls();
    return client;
  }));
  for (const client of clients) client.close();
  await within("an end", serving[Symbol.asyncDispose](), 3_000);
});

Deno.test("a handshake that ends after close() began is no session any more", async () => {
  await using serving = await Serving.start({
    server: { listen: ["127.0.0.1:0", "smtps://127.0.0.1:0"] },
    tls: TLS,
  });
  const [smtp, smtps] = serving.server.addresses;
  using busy = await RawClient.greeted(smtp);
  using late = await RawClient.connect(clear(smtps!));
  await busy.ask("MAIL FROM:<a@example.org>");
  await busy.ask("RCPT TO:<b@localhost>");
  await busy.ask("DATA");
  const closed = serving.server.close();
  await late.secure();
  assertEquals(await late.rest(), "");
  late.close();
  assertMatch(await busy.ask("."), /^250 /);
  assertMatch(await busy.rest(), /^421 /);
  busy.close();
  await within("an end", closed, 5_000);
});
