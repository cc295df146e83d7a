import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Log, memorySink } from "../lib/log/log.ts";
import { readNetworks } from "../lib/networks.ts";

async function read(...texts: string[]): Promise<
  { contains: (address: string) => boolean; log: string }
> {
  const sink = memorySink();
  const log = new Log({ level: "debug", sink });
  const networks = await readNetworks(texts, "local.networks", log);
  log.close();
  const contains = (address: string) => networks.contains(address);
  return { contains, log: sink.lines.join("\n") };
}

Deno.test("readNetworks() takes localhost as all of 127/8 and ::1, whatever the resolver says", async () => {
  const { contains, log } = await read("localhost", "192.0.2.0/24");
  const inside = ["127.0.0.1", "127.9.9.9", "::1", "192.0.2.7"];
  assertEquals(inside.filter((each) => !contains(each)), []);
  const outside = ["128.0.0.1", "::2", "192.0.3.1", ""];
  assertEquals(outside.filter(contains), []);
  assertEquals(log, "");
});

Deno.test("readNetworks() logs a name that nobody knows, and goes on", async () => {
  const { contains, log } = await read("nobody.invalid", "192.0.2.1");
  assert(contains("192.0.2.1"));
  assertMatch(
    log,
    /warn .*network-unknown key=local\.networks name=nobody\.invalid/,
  );
});

Deno.test("readNetworks() names the key of what it can't read", async () => {
  await assertRejects(
    () => read("10.0.0.0/99"),
    TypeError,
    'local.networks: Cannot use "10.0.0.0/99" as a network: expected',
  );
});
