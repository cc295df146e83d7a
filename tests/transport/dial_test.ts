import { assert, assertEquals, assertRejects } from "@std/assert";
import { dial, DialError, interleave } from "../../lib/transport/dial.ts";

/** A port nobody listens on: it was free a moment ago. */
function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A port of 127.0.0.1 whose queue is full, so that further clients hear nothing. */
async function silentPort(): Promise<AsyncDisposable & { port: number }> {
  const hostname = "127.0.0.1";
  const listener = Deno.listen({ hostname, port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const stop = new AbortController();
  const { signal } = stop;
  const queued = Promise.withResolvers<void>();
  let count = 0;
  const clients = Array.from({ length: 8 }, async () => {
    const conn = await Deno.connect({ hostname, port, signal });
    if (++count === 2) queued.resolve();
    await new Promise((done) => signal.addEventListener("abort", done));
    conn.close();
  });
  await queued.promise;
  return {
    port,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.allSettled(clients);
      listener.close();
    },
  };
}

Deno.test("interleave() puts the families in turn and keeps each one's order", () => {
  const cases: [string[], string[]][] = [
    [[], []],
    [["192.0.2.1", "192.0.2.1"], ["192.0.2.1"]],
    [["::1", "::2", "192.0.2.1"], ["::1", "192.0.2.1", "::2"]],
    [["192.0.2.1", "192.0.2.2", "192.0.2.3", "::1"], [
      "192.0.2.1",
      "::1",
      "192.0.2.2",
      "192.0.2.3",
    ]],
  ];
  for (const [given, want] of cases) assertEquals(interleave(given), want);
});

for (const hostname of ["127.0.0.1", "localhost"]) {
  Deno.test(`dial() connects to "${hostname}"`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    using connection = await dial({ hostname, port });
    assertEquals([connection.remote, connection.remotePort], [
      "127.0.0.1",
      port,
    ]);
    (await listener.accept()).close();
  });
}

Deno.test("dial() goes on when an address refuses or does not answer", async () => {
  await using silent = await silentPort();
  const { port } = silent;
  using listener = Deno.listen({ hostname: "127.0.0.2", port });
  using connection = await dial({ hostname: "relay.test", port }, {
    lookup: () => Promise.resolve(["::1", "127.0.0.1", "127.0.0.2"]),
  });
  assertEquals(connection.remote, "127.0.0.2");
  (await listener.accept()).close();
});

Deno.test("dial() names each address that failed, and why", async () => {
  const target = { hostname: "relay.test", port: closedPort() };
  const error = await assertRejects(
    () =>
      dial(target, {
        lookup: () => Promise.resolve(["127.0.0.1", "127.0.0.2"]),
      }),
    DialError,
  );
  assertEquals([error.step, error.target], ["connect", target]);
  assertEquals(
    error.message,
    `Cannot connect to "relay.test" port ${target.port}: ` +
      "127.0.0.1: Connection refused; 127.0.0.2: Connection refused",
  );
  assert(error.cause instanceof Deno.errors.ConnectionRefused);
});

Deno.test("dial() says when a name cannot be found", async () => {
  for (const name of ["nothing.invalid", "no..name"]) {
    const error = await assertRejects(
      () => dial({ hostname: name, port: 25 }),
      DialError,
      `Cannot connect to "${name}" port 25: no such name`,
    );
    assertEquals(error.step, "lookup");
  }
  await assertRejects(
    () =>
      dial({ hostname: "relay.test", port: 25 }, {
        lookup: () => Promise.resolve([]),
      }),
    DialError,
    "the name has no address",
  );
});

Deno.test("dial() does not wait past its deadline for a lookup, nor trips over its late failure", async () => {
  const late = Promise.withResolvers<string[]>();
  const error = await assertRejects(
    () =>
      dial({ hostname: "relay.test", port: 25 }, {
        timeoutMs: 5,
        lookup: () => late.promise,
      }),
    DialError,
    'Cannot connect to "relay.test" port 25: timed out after 5 ms while looking up its address',
  );
  assertEquals(error.step, "timeout");
  late.reject(new Error("too late"));
  await late.promise.catch(() => {});
});

Deno.test("dial() throws the reason of a signal, before and during the attempt", async () => {
  const target = { hostname: "relay.test", port: 25 };
  const stop = new AbortController();
  const dialing = dial(target, {
    signal: stop.signal,
    lookup: () => new Promise(() => {}),
  });
  stop.abort(new Error("enough"));
  await assertRejects(() => dialing, Error, "enough");
  await assertRejects(
    () => dial(target, { signal: stop.signal }),
    Error,
    "enough",
  );
});

Deno.test("dial() gives a connection up that does not come in time", async () => {
  await using silent = await silentPort();
  const { port } = silent;
  const error = await assertRejects(
    () => dial({ hostname: "127.0.0.1", port }, { timeoutMs: 20 }),
    DialError,
    `Cannot connect to "127.0.0.1" port ${port}: timed out after 20 ms while connecting to 127.0.0.1`,
  );
  assertEquals(error.step, "timeout");
});

Deno.test("dial() connects to a Unix socket, and says when it cannot", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  const error = await assertRejects(() => dial({ path }), DialError);
  assertEquals(error.step, "connect");
  assertEquals(
    error.message,
    `Cannot connect to "${path}": No such file or directory`,
  );
  using listener = Deno.listen({ transport: "unix", path });
  using connection = await dial({ path });
  assertEquals(connection.remote, "");
  (await listener.accept()).close();
  listener.close();
  await Deno.remove(folder, { recursive: true });
});
