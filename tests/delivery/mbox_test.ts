import { assertEquals, assertRejects } from "@std/assert";
import { fromLine, openMbox } from "../../lib/delivery/mbox.ts";

Deno.test("fromLine() has the form that readers expect", () => {
  assertEquals(
    fromLine("", new Date(0)),
    "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n",
  );
  assertEquals(
    fromLine('"a b\n"@c.test', new Date(Date.UTC(2026, 10, 24, 9, 5, 7))),
    'From "a?b?"@c.test Tue Nov 24 09:05:07 2026\n',
  );
});

Deno.test("commit() waits while another program has locked the mbox, but not for ever", async () => {
  const folder = await Deno.makeTempDir();
  const mbox = `${folder}/mbox`;
  try {
    using other = await Deno.open(mbox, { write: true, createNew: true });
    await other.lock(true);
    const late = await openMbox(mbox, "From x\n", 0);
    await assertRejects(() => late.commit(), Deno.errors.TimedOut, "lock");
    await late.discard();
    const patient = await openMbox(mbox, "From y\n");
    const committed = patient.commit();
    assertEquals((await Deno.stat(mbox)).size, 0);
    await other.unlock();
    assertEquals(await committed, mbox);
    assertEquals(await Deno.readTextFile(mbox), "From y\n\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
