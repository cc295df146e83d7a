import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { ConfigInput } from "../mod.ts";
import { certsText } from "./support/certificates.ts";
import { authPlain } from "./support/login_serving.ts";
import { RawClient, verdictOf } from "./support/raw_client.ts";
import { Serving } from "./support/serving.ts";

const SERVER = {
  hostname: "mx.test",
  listen: ["127.0.0.1:0", "smtps://127.0.0.1:0"],
};

/** A folder whose `tls.pem` is a certificate that can be exchanged. */
class Renewal implements AsyncDisposable {
  readonly folder: string = Deno.makeTempDirSync();

  constructor() {
    this.put("localhost");
  }

  put(certificate: string, key = certificate): void {
    const text = certsText(`${certificate}.pem`) + certsText(`${key}.key`);
    Deno.writeTextFileSync(`${this.folder}/tls.pem`, text);
  }

  get config(): ConfigInput {
    return { server: SERVER, tls: { certificate: `${this.folder}/tls.pem` } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Asserts that new clients, at both addresses, are shown that certificate. */
async function assertShown(serving: Serving, hostname: string): Promise<void> {
  const [clear, secure] = serving.server.addresses;
  using client = await RawClient.greeted(clear);
  await client.startTls(hostname);
  assertMatch(await client.ask("NOOP"), /^250 /);
  using other = await RawClient.connect(secure, { hostname });
  assertMatch(await other.reply(), /^220 /);
}

Deno.test("reload() takes a new certificate for new sessions; those under way go on", async () => {
  await using renewal = new Renewal();
  await using serving = await Serving.start(renewal.config);
  const { addresses } = serving.server;
  using inTls = await RawClient.greeted(addresses[1]);
  using inClear = await RawClient.greeted(addresses[0]);
  renewal.put("other");
  await serving.reload(renewal.config);
  assertEquals(serving.server.addresses, addresses);
  await assertShown(serving, "other.test");
  assertMatch(verdictOf(await inTls.mail()), /^250 /);
  // It began under the old configuration, which holds to its end.
  await inClear.startTls("localhost");
  await inClear.ask("EHLO x.test");
  assertMatch(verdictOf(await inClear.mail()), /^250 /);
});

const BROKEN: [what: string, certificate: string, key: string, why: RegExp][] =
  [
    ["whose key is another's", "localhost", "other", /key belongs to another/],
    ["that has expired", "expired", "expired", /expired/],
    ["that does not hold yet", "future", "future", /not valid before/],
  ];

for (const [what, certificate, key, why] of BROKEN) {
  Deno.test(`reload() with a certificate ${what} leaves the old one`, async () => {
    await using renewal = new Renewal();
    await using serving = await Serving.start(renewal.config);
    renewal.put(certificate, key);
    const error = await assertRejects(() => serving.reload(renewal.config));
    assertMatch(String(error), why);
    await assertShown(serving, "localhost");
    await assertRejects(() => Serving.start(renewal.config), Error);
  });
}

Deno.test("reload() reads the users again, and a file that can't be read changes nothing", async () => {
  const folder = await Deno.makeTempDir();
  {
    const users_file = `${folder}/users`;
    const config = { server: SERVER, auth: { users_file } };
    const put = (text: string) =>
      Deno.writeTextFile(users_file, text, { mode: 0o600 });
    await put('ann = "{PLAIN}first"\n');
    const { server, auth } = config;
    const listen = { ...server, listen: ["127.0.0.1:0"] };
    await using serving = await Serving.start({ server: listen, auth });
    const reload = () => serving.reload({ server: listen, auth });
    const login = async (password: string) => {
      using client = await serving.client();
      return await client.ask(authPlain("ann", password));
    };
    assertMatch(await login("first"), /^235 /);
    await put('ann = "{PLAIN}second"\n');
    assertMatch(await login("first"), /^235 /);
    await reload();
    assertMatch(await login("second"), /^235 /);
    await put("ann = no hash\n");
    await assertRejects(reload);
    assertMatch(await login("second"), /^235 /);
  }
  await Deno.remove(folder, { recursive: true });
});
