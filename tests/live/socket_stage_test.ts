import { assert, assertEquals, assertRejects } from "@std/assert";
import { ContinuedConnection } from "../../lib/live/continued_connection.ts";
import { MAX_LINE_BYTES } from "../../lib/live/socket_wire.ts";
import {
  SocketStage,
  type SocketStageOptions,
} from "../../lib/live/socket_stage.ts";
import type { StageWire } from "../../lib/replay/stage.ts";
import { BaseConnection } from "../../lib/transport/connection.ts";
import { dial } from "../../lib/transport/dial.ts";
import { startTls } from "../../lib/transport/tls.ts";
import { until } from "../real/support/wait.ts";
import {
  type Behaviour,
  close,
  endless,
  last,
  raw,
  ScriptedRelay,
  silence,
  slow,
} from "../support/scripted_relay.ts";

/** A deadline that is meant to pass, in ms. */
const SHORT_MS = 300;

/** One that is not. */
const LONG_MS = 20_000;

/** Most that a server may say to what was sent at once, in bytes. */
const MAX_SAID_BYTES = 100_000;

/** How a server is played with. */
function played(
  options: Partial<SocketStageOptions> = {},
): SocketStageOptions {
  const { timeoutMs = LONG_MS } = options;
  const tls = { hostname: "localhost", timeoutMs, verify: false };
  return {
    peer: "server",
    timeoutMs,
    maxSaidBytes: MAX_SAID_BYTES,
    playMs: LONG_MS,
    startTls: (connection, signal) => startTls(connection, { ...tls, signal }),
    ...options,
  };
}

/** A stage on a server of that behaviour. */
async function withStage(
  behaviour: Behaviour,
  test: (
    wire: StageWire,
    stage: SocketStage,
    server: ScriptedRelay,
  ) => Promise<void>,
  options: { timeoutMs?: number; playMs?: number; signal?: AbortSignal } = {},
): Promise<void> {
  await using server = new ScriptedRelay([behaviour]);
  const target = { hostname: "127.0.0.1", port: server.port };
  await using stage = new SocketStage(await dial(target), played(options));
  const [wire] = stage.wires("client");
  assert(wire !== undefined);
  await test(wire, stage, server);
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function reply(wire: StageWire): Promise<string[]> {
  const lines: string[] = [];
  for (let line; typeof (line = await wire.line()) === "string";) {
    lines.push(line);
    if (line[3] !== "-") break;
  }
  return lines;
}

Deno.test("SocketStage has one wire, and delivers nothing to be seen", async () => {
  await withStage({}, (_wire, stage) => {
    assertEquals(stage.wires("relay"), []);
    assertEquals(stage.delivered, undefined);
    assertEquals(stage.deadlineMs, LONG_MS);
    return Promise.resolve();
  });
});

Deno.test("SocketStage hears lines octet for octet, and a close behind them", async () => {
  await withStage(
    { GREETING: last("220 \xff\n\0 x\r\n250 two") },
    async (wire, stage) => {
      assertEquals(await wire.line(), "220 \xff\n\0 x");
      assertEquals(wire.hasLine(), true);
      assertEquals(await wire.line(), "250 two");
      assertEquals(await wire.line(), null);
      assertEquals(await wire.line(), null);
      assertEquals(stage.problem, undefined);
    },
  );
});

Deno.test("SocketStage keeps the beginning of a line that does not come", async () => {
  await withStage({ GREETING: raw("220 one\r\n220 t") }, async (wire) => {
    assertEquals(await wire.line(), "220 one");
    assertEquals(await wire.line(), undefined);
    assertEquals(wire.hasLine(), false);
    assertEquals(wire.unfinished, "220 t");
  }, { timeoutMs: SHORT_MS });
});

Deno.test("SocketStage waits for a line no longer than its deadline, however its bytes come", async () => {
  const greeting = slow("220 a greeting that takes its time", SHORT_MS / 4);
  const began = performance.now();
  await withStage({ GREETING: greeting }, async (wire, stage) => {
    assertEquals(await wire.line(), undefined);
    assert(wire.unfinished.length > 0, "some of it came");
    assertEquals(stage.problem, undefined);
  }, { timeoutMs: SHORT_MS });
  assert(performance.now() - began < LONG_MS);
});

Deno.test("SocketStage hears what comes just after a deadline", async () => {
  let say = () => {};
  const greeting = new Promise<void>((resolve) => say = resolve);
  const behaviour: Behaviour = {
    GREETING: async () => (await greeting, "220 late"),
  };
  await withStage(behaviour, async (wire, stage) => {
    assertEquals(await wire.line(), undefined);
    say();
    await until("the line", async () => {
      await stage.settle();
      return wire.hasLine();
    });
    assertEquals(await wire.line(), "220 late");
  }, { timeoutMs: SHORT_MS });
});

Deno.test("SocketStage settles at once where a line is there or the server has gone", async () => {
  await withStage({ GREETING: last("220 a\r\n220 b") }, async (wire, stage) => {
    await wire.line();
    assertEquals(wire.hasLine(), true);
    await stage.settle();
    await wire.line();
    assertEquals(await wire.line(), null);
    const began = performance.now();
    for (let i = 0; i < 1_000; i++) await stage.settle();
    assert(performance.now() - began < 2_000);
  });
});

Deno.test("SocketStage takes a connection that is reset for a close", async () => {
  await withStage({ EHLO: close }, async (wire, stage) => {
    await wire.line();
    await wire.send(bytes("EHLO a\r\nNOOP\r\n".repeat(1_000)));
    assertEquals(await wire.line(), null);
    await wire.send(bytes("QUIT\r\n"));
    assertEquals(stage.problem, undefined);
  });
});

Deno.test("SocketStage gives up on a line without end", async () => {
  await withStage({ GREETING: endless("220 x") }, async (wire, stage) => {
    assertEquals(await wire.line(), null);
    assertEquals(
      stage.problem,
      `the server said a line of more than ${MAX_LINE_BYTES} B`,
    );
  });
});

Deno.test("SocketStage gives up on a reply without end", async () => {
  await withStage({ GREETING: endless("220-x\r\n") }, async (wire, stage) => {
    while (typeof await wire.line() === "string");
    assertEquals(
      stage.problem,
      `the server said more than ${MAX_SAID_BYTES} B at once`,
    );
  });
});

Deno.test("SocketStage holds no more than a buffer of what nobody asks for", async () => {
  await withStage({ GREETING: endless("220 x\r\n") }, async (wire, stage) => {
    for (let i = 0; i < 200; i++) await stage.settle();
    assertEquals(wire.hasLine(), true);
    assertEquals(stage.problem, undefined);
  });
});

Deno.test("SocketStage counts what is said to each write anew", async () => {
  const line = `250 ${"x".repeat(10_000)}`;
  const rounds = Math.ceil(2 * MAX_SAID_BYTES / line.length);
  await withStage({ EHLO: line }, async (wire, stage) => {
    await wire.line();
    for (let i = 0; i < rounds; i++) {
      await wire.send(bytes("EHLO a\r\n"));
      assertEquals((await wire.line())?.length, line.length);
    }
    assertEquals(stage.problem, undefined);
  });
});

Deno.test("SocketStage gives up on a server that takes nothing", async () => {
  const behaviour: Behaviour = { GREETING: (peer) => peer.over };
  await withStage(behaviour, async (wire, stage) => {
    await wire.send(new Uint8Array(64 * 1_024 * 1_024));
    assertEquals(
      stage.problem,
      `the server took nothing for ${SHORT_MS} ms`,
    );
    assertEquals(await wire.line(), null);
  }, { timeoutMs: SHORT_MS });
});

Deno.test("SocketStage ends a conversation that takes too long as a whole", async () => {
  await withStage({ GREETING: silence }, async (wire, stage) => {
    await stage.wait(LONG_MS);
    assertEquals(await wire.line(), null);
    assertEquals(stage.problem, "the conversation took longer than 0.3 s");
  }, { playMs: SHORT_MS });
});

Deno.test("SocketStage waits as long as it is told", async () => {
  await withStage({}, async (_wire, stage) => {
    const began = performance.now();
    await stage.wait(SHORT_MS);
    // Timers count in whole milliseconds.
    assert(performance.now() - began >= SHORT_MS - 1);
  });
});

for (const when of ["before", "while"] as const) {
  Deno.test(`SocketStage is broken off by a signal ${when} it plays`, async () => {
    const stop = new AbortController();
    if (when === "before") stop.abort();
    await withStage({ GREETING: silence }, async (wire, stage) => {
      const line = wire.line();
      stop.abort();
      assertEquals(await line, null);
      await stage.wait(LONG_MS);
      assertEquals(stage.problem, "the conversation was broken off");
    }, { signal: stop.signal });
  });
}

Deno.test("SocketStage ends its side and hears what is said to that", async () => {
  await withStage({}, async (wire, _stage, server) => {
    await wire.line();
    await wire.send(bytes("NOOP\r\nEHLO a\r\n"));
    wire.end("eof");
    assertEquals(await wire.line(), "500 5.5.2 What?");
    await reply(wire);
    assertEquals(await wire.line(), null);
    assertEquals(server.peers[0]?.commands, ["NOOP", "EHLO a"]);
  });
});

Deno.test("SocketStage breaks off with a reset, and hears nothing more", async () => {
  await withStage({}, async (wire, stage, server) => {
    wire.end("reset");
    assertEquals(await wire.line(), null);
    await wire.send(bytes("NOOP\r\n"));
    await server.emptied();
    assertEquals(server.peers[0]?.commands, []);
    assertEquals(stage.problem, undefined);
  });
});

Deno.test("SocketStage leaves its signal alone once it is over", async () => {
  const stop = new AbortController();
  let stage: SocketStage | undefined;
  await withStage({}, (_wire, over) => {
    stage = over;
    return Promise.resolve();
  }, { signal: stop.signal });
  stop.abort();
  assertEquals(stage?.problem, undefined);
});

/** A connection that only remembers what was written. */
class Written extends BaseConnection {
  readonly remote = "";
  readonly remotePort = 0;
  readonly local = "";
  readonly localPort = 0;
  readonly sizes: number[] = [];

  read(): Promise<null> {
    return Promise.resolve(null);
  }

  write(bytes: Uint8Array): Promise<void> {
    this.sizes.push(bytes.length);
    return Promise.resolve();
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  protected release(): void {}
}

Deno.test("SocketStage writes what is long in pieces, with a deadline for each", async () => {
  const written = new Written();
  await using stage = new SocketStage(written, played());
  const [wire] = stage.wires("client");
  await wire?.send(new Uint8Array(150 * 1_024));
  await wire?.send(new Uint8Array(3));
  const full = 64 * 1_024;
  assertEquals(written.sizes, [full, full, 22 * 1_024, 3]);
});

Deno.test("ContinuedConnection gives what the pending read gave, and then reads on", async () => {
  const pending = Promise.resolve(bytes("abcde"));
  using connection = new ContinuedConnection(new Written(), pending);
  const into = new Uint8Array(2);
  assertEquals([await connection.read(into), ...into], [2, ...bytes("ab")]);
  assertEquals([await connection.read(into), ...into], [2, ...bytes("cd")]);
  assertEquals([await connection.read(into), into[0]], [1, ...bytes("e")]);
  assertEquals(await connection.read(into), null);
});

Deno.test("ContinuedConnection ends where the pending read found the end, and is closed whole", async () => {
  const inner = new Written();
  const connection = new ContinuedConnection(
    inner,
    Promise.resolve(new Uint8Array()),
  );
  assertEquals(await connection.read(new Uint8Array(2)), null);
  connection.close();
  assertEquals(inner.closed, true);
});

/** A server with a certificate that nobody signed. */
const TLS: Behaviour = { certificate: "self_signed" };

for (const isReading of [false, true]) {
  Deno.test(`SocketStage goes over to TLS${isReading ? " with a read pending" : ""}, whoever signed the certificate`, async () => {
    await withStage(TLS, async (wire, stage, server) => {
      await wire.line();
      await wire.send(bytes("STARTTLS\r\n"));
      assertEquals(await wire.line(), "220 2.0.0 Go ahead");
      if (isReading) await stage.settle();
      await wire.startTls();
      await wire.send(bytes("EHLO a\r\n"));
      assertEquals((await reply(wire))[0], "250-relay.test");
      assertEquals(server.peers[0]?.secure, true);
      await wire.send(bytes("QUIT\r\n"));
      assertEquals(await wire.line(), "221 2.0.0 Bye");
      assertEquals(await wire.line(), null);
      assertEquals(stage.problem, undefined);
    });
  });
}

Deno.test("SocketStage refuses TLS where more was said in clear", async () => {
  const behaviour: Behaviour = { STARTTLS: raw("220 go\r\n250 injected\r\n") };
  await withStage(behaviour, async (wire, stage) => {
    await wire.line();
    await wire.send(bytes("STARTTLS\r\n"));
    await wire.line();
    await stage.settle();
    await assertRejects(
      () => wire.startTls(),
      Error,
      "the server said more in clear before TLS",
    );
  });
});

for (
  const [name, behaviour] of [
    ["says nothing", { STARTTLS: raw("220 go\r\n") }],
    ["goes on in clear", { STARTTLS: slow("220 go\r\n250 in clear", 1) }],
    ["closes", { STARTTLS: last("220 go") }],
  ] as const
) {
  Deno.test(`SocketStage fails in TLS with a server that ${name}`, async () => {
    await withStage(behaviour, async (wire) => {
      await wire.line();
      await wire.send(bytes("STARTTLS\r\n"));
      assertEquals(await wire.line(), "220 go");
      await assertRejects(() => wire.startTls(), Error);
      assertEquals(await wire.line(), null);
    }, { timeoutMs: 2 * SHORT_MS });
  });
}
