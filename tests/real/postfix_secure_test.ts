/**
 * The Postfix with TLS and logins that other tests have behind or before
 * Postern is what it is meant to be: asked by swaks, without Postern.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { Certificates } from "./support/certificates.ts";
import { missing, run } from "./support/child.ts";
import { SecurePostfix } from "./support/postfix_secure.ts";
import { SASL_MECHANISMS } from "./support/sasl_users.ts";

const ignore = Deno.uid() !== 0 ||
  missing("postfix", "swaks", "openssl", "saslpasswd2").length > 0;

Deno.test({
  name:
    "Postfix with TLS and SASL takes mail from who logs in, and nobody else's",
  ignore,
  async fn(t) {
    await using certificates = await Certificates.make();
    await using secure = await SecurePostfix.start({
      certificates,
      passwords: { joe: "pass word" },
    });
    const { port, implicitPort, postfix } = secure;
    /** Sends one message by swaks; what it showed. */
    const swaks = async (args: readonly string[]) => {
      const { output } = await run("swaks", [
        ...["--server", "127.0.0.1", "--ehlo", "client.example.org"],
        ...["--from", "a@example.org", "--to", "b@example.org"],
        ...["--tls-verify", "--tls-ca-path", certificates.authority()],
        ...args,
      ]);
      return output;
    };
    const login = ["--auth-user", "joe", "--auth-password"];
    // SCRAM-SHA-256 is what Postern's relay client and msmtp log in with.
    for (const mechanism of ["PLAIN", "LOGIN", "CRAM-MD5"]) {
      await t.step(`${mechanism} after STARTTLS`, async () => {
        const tls = ["--tls", "--port", `${port}`, "--auth", mechanism];
        const said = await swaks([...tls, ...login, "pass word"]);
        assertMatch(said, /^<~ {2}250 2\.0\.0 Ok: queued as/m);
        const [delivery] = await postfix.takeDeliveries(1);
        assertMatch(delivery!.trace.join("\n"), /using TLSv1\.3/);
        assertMatch(delivery!.trace.join("\n"), /Authenticated sender: joe/);
        const refused = await swaks([...tls, ...login, "wrong"]);
        assertMatch(refused, /^<~\* 535 5\.7\.8/m);
      });
    }
    await t.step("TLS from the start on the other port", async () => {
      const said = await swaks([
        ...["--tlsc", "--port", `${implicitPort}`, "--auth", "PLAIN"],
        ...[...login, "pass word"],
      ]);
      assertMatch(said, /^<~ {2}250 2\.0\.0 Ok: queued as/m);
      assertEquals((await postfix.takeDeliveries(1)).length, 1);
    });
    await t.step(
      "offers every mechanism in TLS, and none in clear",
      async () => {
        const tls = await swaks([
          "--tls",
          "--port",
          `${port}`,
          "--quit",
          "ehlo",
        ]);
        const offers = [...tls.matchAll(/^<[-~ ]+ 250-AUTH (.*)$/gm)];
        assertEquals(
          offers.map(([, names]) => names!.trim().split(" ").sort()),
          [[...SASL_MECHANISMS].sort()],
        );
      },
    );
    await t.step("refuses who has not logged in", async () => {
      assertMatch(
        await swaks(["--tls", "--port", `${port}`]),
        /^<~\* 554 5\.7\.1/m,
      );
    });
  },
});
