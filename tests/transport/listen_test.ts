import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ListenAddress } from "../../lib/address.ts";
import type { Connection } from "../../lib/transport/connection.ts";
import { acceptLoop, listen, ListenError } from "../../lib/transport/listen.ts";

const LOOPBACK = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;

/** Where to connect to reach `listener`. */
function tcp(listener: Deno.Listener): Deno.ConnectOptions {
  return { hostname: "127.0.0.1", port: (listener.addr as Deno.NetAddr).port };
}

async function inFolder(
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Leaves a socket file behind, as a process does that is killed. */
async function leaveSocket(path: string): Promise<void> {
  const code = `Deno.listen({ transport: "unix", path: Deno.args[0] });
    Deno.kill(Deno.pid, "SIGKILL");`;
  const file = `${path}.ts`;
  await Deno.writeTextFile(file, code);
  const args = ["run", "--no-config", "-A", file, path];
  await new Deno.Command(Deno.execPath(), { args }).output();
  assert((await Deno.lstat(path)).isSocket);
}

async function refused(address: ListenAddress): Promise<string> {
  const error = await assertRejects(() => listen(address), ListenError);
  assertEquals(error.address, address);
  return error.message;
}

Deno.test("listen() says in one sentence why it cannot", async () => {
  using taken = await listen(LOOPBACK);
  const { port } = taken.addr as Deno.NetAddr;
  assertEquals(
    await refused({ ...LOOPBACK, port }),
    `Cannot listen on "127.0.0.1:${port}": the port is in use already`,
  );
  assertEquals(
    await refused({ ...LOOPBACK, hostname: "2001:db8::1" }),
    'Cannot listen on "[2001:db8::1]:0": this machine does not have that address',
  );
  const path = `/${"x".repeat(107)}`;
  assertEquals(
    await refused({ transport: "unix", path }),
    `Cannot listen on "unix:${path}": the path has 108 bytes: expected at most 107`,
  );
  assertEquals(
    await refused({ transport: "unix", path: "/nothing/here" }),
    'Cannot listen on "unix:/nothing/here": its folder does not exist',
  );
});

Deno.test("listen() takes over a socket file that nobody listens on", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/socket`;
    await leaveSocket(path);
    using _listener = await listen({ transport: "unix", path });
    (await Deno.connect({ transport: "unix", path })).close();
  });
});

Deno.test("listen() leaves a socket in use alone, and a file that is none", async () => {
  await inFolder(async (folder) => {
    const socket = `${folder}/socket`;
    const file = `${folder}/file`;
    await Deno.writeTextFile(file, "precious");
    using _living = await listen({ transport: "unix", path: socket });
    for (const path of [socket, file]) {
      assertEquals(
        await refused({ transport: "unix", path }),
        `Cannot listen on "unix:${path}": the path is in use already or is not a socket`,
      );
    }
    assertEquals(await Deno.readTextFile(file), "precious");
    (await Deno.connect({ transport: "unix", path: socket })).close();
  });
});

Deno.test("acceptLoop() hands connections over and ends when the listener closes", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/socket`;
    for (const address of [LOOPBACK, { transport: "unix", path } as const]) {
      const listener = await listen(address);
      const accepted = Promise.withResolvers<Connection>();
      const errors: unknown[] = [];
      const loop = acceptLoop(listener, accepted.resolve, {
        onError: (error) => errors.push(error),
      });
      using client = address.transport === "tcp"
        ? await Deno.connect(tcp(listener))
        : await Deno.connect(address);
      const connection = await accepted.promise;
      listener.close();
      await loop;
      assertEquals(errors, []);
      connection.close();
      assertEquals(await client.read(new Uint8Array(1)), null);
    }
  });
});

/** Counts timers that are started while it lives. */
class TimerCount implements Disposable {
  started = 0;
  readonly #setTimeout = globalThis.setTimeout;

  constructor() {
    globalThis.setTimeout = ((...args: Parameters<typeof setTimeout>) => {
      this.started++;
      return this.#setTimeout(...args);
    }) as typeof setTimeout;
  }

  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#setTimeout;
  }
}

/** A listener whose accepts do what `steps` say, and which then is closed. */
function scriptedListener(steps: (() => Deno.Conn)[]): Deno.Listener {
  const accept = () => {
    const step = steps.shift();
    if (step === undefined) throw new Deno.errors.BadResource("closed");
    return step();
  };
  return { accept: () => Promise.resolve().then(accept) } as Deno.Listener;
}

Deno.test("acceptLoop() rests and goes on when an accept fails", async () => {
  const error = Object.assign(new Error("Too many open files"), {
    code: "EMFILE",
  });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = await Deno.connect(tcp(listener));
  const conn = await listener.accept();
  const errors: unknown[] = [];
  const accepted: Connection[] = [];
  const scripted = scriptedListener([
    () => {
      throw error;
    },
    () => conn,
  ]);
  await acceptLoop(scripted, (connection) => accepted.push(connection), {
    onError: (error) => errors.push(error),
  });
  assertEquals(errors, [error]);
  assertEquals(accepted.length, 1);
  accepted[0]!.close();
  client.close();
});

Deno.test("acceptLoop() makes nothing of peers that went before they were accepted", async () => {
  const steps = [
    new Deno.errors.NotConnected("Transport endpoint is not connected"),
    new Deno.errors.ConnectionAborted("Software caused connection abort"),
    new Deno.errors.ConnectionReset("Connection reset by peer"),
  ].map((error) => () => {
    throw error;
  });
  const errors: unknown[] = [];
  using time = new TimerCount();
  await acceptLoop(scriptedListener(steps), () => {}, {
    onError: (error) => errors.push(error),
  });
  assertEquals(errors, []);
  assertEquals(time.started, 0);
});

Deno.test("acceptLoop() closes a connection that nobody took over", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect(tcp(listener));
  const conn = await listener.accept();
  const errors: unknown[] = [];
  await acceptLoop(scriptedListener([() => conn]), () => {
    throw new Error("no room");
  }, { onError: (error) => errors.push(error) });
  assertEquals(errors.map(String), ["Error: no room"]);
  assertEquals(await client.read(new Uint8Array(1)), null);
});
