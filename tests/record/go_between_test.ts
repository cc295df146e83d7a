import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { parseListenAddress } from "../../lib/config/address.ts";
import { Log, memorySink } from "../../lib/log/log.ts";
import { GoBetween } from "../../lib/record/go_between.ts";
import { dial } from "../../lib/transport/dial.ts";
import { startTls } from "../../lib/transport/tls.ts";
import type { ListenAddress } from "../../mod.ts";
import { until } from "../real/support/wait.ts";
import { RawClient } from "../support/raw_client.ts";
import { OFFERS, ScriptedRelay } from "../support/scripted_relay.ts";

/** A go-between before a server of tests. */
class Between implements AsyncDisposable {
  readonly goBetween: GoBetween;
  readonly paths: string[];
  readonly folder: string;
  readonly #log: Log;
  readonly #lines: readonly string[];

  private constructor(
    goBetween: GoBetween,
    paths: string[],
    folder: string,
    log: Log,
    lines: readonly string[],
  ) {
    this.goBetween = goBetween;
    this.paths = paths;
    this.folder = folder;
    this.#log = log;
    this.#lines = lines;
  }

  static async start(port: number, hosts: string[] = []): Promise<Between> {
    const folder = await Deno.makeTempDir();
    const sink = memorySink();
    const log = new Log({ sink });
    const paths: string[] = [];
    const goBetween = await GoBetween.start({
      listen: { transport: "tcp", hostname: "127.0.0.1", port: 0 },
      to: { hostname: "127.0.0.1", port },
      folder: `${folder}/out`,
      hosts,
      log,
      onRecorded: (path) => paths.push(path),
    });
    return new Between(goBetween, paths, folder, log, sink.lines);
  }

  get address(): ListenAddress {
    const parsed = parseListenAddress(this.goBetween.address);
    assert(parsed.ok);
    return parsed.value;
  }

  get log(): string {
    this.#log.flush();
    return this.#lines.join("\n");
  }

  /** The first transcript. */
  async text(): Promise<string> {
    const path = await until("a transcript", () => this.paths[0]);
    return await Deno.readTextFile(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.goBetween.close();
    this.#log.close();
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("GoBetween records a session, without its password", async () => {
  await using server = new ScriptedRelay([
    { offers: [...OFFERS, "AUTH PLAIN"] },
  ]);
  await using between = await Between.start(server.port);
  {
    using client = await RawClient.greeted(between.address);
    await client.ask(`AUTH PLAIN ${btoa("\0ann\0open sesame")}`);
    await client.mail();
    await client.ask("QUIT");
  }
  const text = await between.text();
  assertMatch(text, /^# A session with a client at 127\.0\.0\.1\n\nS: 220 /);
  assertMatch(text, /\nC: AUTH PLAIN \$\{secret:auth\}\nS: 235 /);
  assertMatch(text, /\nC: QUIT\nS: 221 2\.0\.0 Bye\n== close\n$/);
  assertEquals(/sesame|AGFubg/.test(text), false);
  assertEquals(server.taken.length, 1);
  assertMatch(between.paths[0]!, /\/out\/20\d\d-[^/]*\.txt$/);
  assertEquals(between.log, "");
});

Deno.test("GoBetween makes variables of the host names that it is given, and of no others", async () => {
  await using server = new ScriptedRelay();
  await using between = await Between.start(server.port, ["relay.test"]);
  {
    using client = await RawClient.greeted(between.address);
    await client.ask("QUIT");
  }
  const text = await between.text();
  assertMatch(text, /\nS: 220 \$\{host\} ESMTP\nC: EHLO client\.test\n/);
});

Deno.test("GoBetween offers the client no STARTTLS, and all else, and has what the server said", async () => {
  await using server = new ScriptedRelay([{ certificate: "localhost" }]);
  await using between = await Between.start(server.port);
  {
    using client = await RawClient.connect(between.address);
    await client.reply();
    const offer = await client.ask("EHLO client.test");
    assertEquals(
      offer,
      ["relay.test", ...OFFERS].map((text, i) =>
        `250${i === OFFERS.length ? " " : "-"}${text}\r\n`
      ).join(""),
    );
    await client.ask("QUIT");
  }
  // So that it can be played to the same server.
  assertMatch(await between.text(), /\nS: 250[ -]STARTTLS\n/);
});

Deno.test("GoBetween lets TLS through unread, and the transcript ends there", async () => {
  await using server = new ScriptedRelay([{ certificate: "localhost" }]);
  await using between = await Between.start(server.port);
  const { address } = between;
  assert(address.transport === "tcp");
  const clear = await dial(address);
  const into = new Uint8Array(1_000);
  await clear.read(into);
  await clear.write(new TextEncoder().encode("STARTTLS\r\n"));
  await clear.read(into);
  using secure = await startTls(clear, {
    hostname: "localhost",
    verify: false,
  });
  await secure.write(new TextEncoder().encode("QUIT\r\n"));
  const count = await secure.read(into);
  assertMatch(
    new TextDecoder().decode(into.subarray(0, count ?? 0)),
    /^221 /,
  );
  secure.close();
  assertMatch(
    await between.text(),
    /\nC: STARTTLS\nS: 220 2\.0\.0 Go ahead\n# From here on it was TLS, and passed on unread\n$/,
  );
});

Deno.test("GoBetween tells the client that its server can't be reached, and goes on", async () => {
  const gone = new ScriptedRelay();
  const { port } = gone;
  await gone[Symbol.asyncDispose]();
  await using between = await Between.start(port);
  for (let i = 0; i < 2; i++) {
    using client = await RawClient.connect(between.address);
    assertMatch(await client.rest(), /^421 4\.4\.1 .*\r\n$/);
  }
  assertMatch(between.log, /warn +unreachable client=127\.0\.0\.1 reason=/);
  assertEquals(between.paths, []);
});

Deno.test("GoBetween writes down what was said when it breaks a session off", async () => {
  await using server = new ScriptedRelay();
  await using between = await Between.start(server.port);
  using client = await RawClient.greeted(between.address);
  between.goBetween.abort();
  await between.goBetween.close();
  assertEquals(await client.rest(), "");
  assertMatch(await between.text(), /\nC: EHLO client\.test\n[^]*== eof\n$/);
});

Deno.test("GoBetween does not start as its own server", async () => {
  const tcp = { transport: "tcp", hostname: "127.0.0.1", port: 2500 } as const;
  const unix = { transport: "unix", path: "record.sock" } as const;
  const options = {
    folder: "never made",
    log: new Log({ sink: memorySink() }),
    onRecorded: () => {},
  };
  const pairs = [
    { listen: tcp, to: { hostname: "127.0.0.1", port: 2500 } },
    { listen: tcp, to: { hostname: "localhost", port: 2500 } },
    { listen: { ...tcp, hostname: "::" }, to: { hostname: "::1", port: 2500 } },
    { listen: unix, to: { path: "record.sock" } },
  ];
  for (const pair of pairs) {
    await assertRejects(
      () => GoBetween.start({ ...options, ...pair }),
      Error,
      "Cannot record: expected a server elsewhere",
    );
  }
});

Deno.test("GoBetween does not start where it can't write, and listens to nobody then", async () => {
  const folder = await Deno.makeTempFile();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const options = {
    listen: { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const,
    to: { hostname: "server.test", port: 25 },
    folder,
    log: new Log({ sink: memorySink() }),
    onRecorded: () => {},
  };
  await assertRejects(
    () => GoBetween.start(options),
    Error,
    "Cannot record in",
  );
  await Deno.remove(folder);
  await assertRejects(
    () => GoBetween.start({ ...options, listen: { ...options.listen, port } }),
    Error,
    "the port is in use already",
  );
  await Deno.remove(folder, { recursive: true });
});
