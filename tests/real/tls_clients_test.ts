/**
 * Clients in TLS: each of them, in both ways, with every mechanism it knows,
 * and a message of 20 MB.
 *
 * @module
 */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Certificates } from "./support/certificates.ts";
import { missing } from "./support/child.ts";
import { difference } from "./support/delivery.ts";
import { type Message, MESSAGES, withLf } from "./support/messages.ts";
import { DIRECT } from "./support/postern.ts";
import { Submission } from "./support/submission.ts";
import {
  type Target,
  TLS_CLIENTS,
  type TlsClient,
  type TlsMode,
} from "./support/tls_clients.ts";

const needs = ["postfix", "openssl", ...(DIRECT ? ["saslpasswd2"] : [])];
const ignore = Deno.uid() !== 0 || missing(...needs).length > 0;

const MODES: readonly TlsMode[] = ["STARTTLS", "TLS from the start"];

const [SMALL, LARGE] = MESSAGES as [Message, Message];

/** Sends through `client`; the message arrives once, whole, from who logged in. */
async function passes(
  { postfix }: Submission,
  client: TlsClient,
  target: Target,
  message: Message,
): Promise<void> {
  await client.send(target, message);
  const deliveries = await postfix.takeDeliveries(1);
  assertEquals(deliveries.length, 1);
  const { content, trace } = deliveries[0]!;
  // Postern's own field, which has not come from the client's.
  const received = trace.filter((field) => field.startsWith("Received:"))
    .at(-1)!;
  assertMatch(received, / with ESMTPSA /);
  assertMatch(received, /TLSv?1\.[23]/);
  assertEquals(difference(content, withLf(message.content)), undefined);
}

for (const client of TLS_CLIENTS) {
  Deno.test({
    name:
      `${client.name} sends to Postern in TLS, logged in by every mechanism it knows`,
    ignore: ignore || missing(...client.needs).length > 0,
    async fn(t) {
      await using certificates = await Certificates.make();
      await using submission = await Submission.start(certificates);
      const mechanisms = client.mechanisms.filter((name) =>
        submission.mechanisms.includes(name)
      );
      for (const mode of MODES) {
        const target = {
          port: submission.port(mode),
          mode,
          ca: submission.ca,
        };
        for (const mechanism of mechanisms) {
          await t.step(`${mode}, ${mechanism}`, async () => {
            const login = submission.login(mechanism);
            await passes(submission, client, { ...target, login }, SMALL);
          });
        }
        await t.step(`${mode}, 20 MB`, async () => {
          const login = submission.login("PLAIN");
          await passes(submission, client, { ...target, login }, LARGE);
        });
        await t.step(`${mode}, another password: nothing is sent`, async () => {
          const login = { ...submission.login("PLAIN"), secret: "other" };
          await assertRejects(() => client.send({ ...target, login }, SMALL));
          assertEquals(await submission.postfix.takeDeliveries(0), []);
        });
        await t.step(`${mode}, without a login: nothing is sent`, async () => {
          await assertRejects(() => client.send(target, SMALL));
          assertEquals(await submission.postfix.takeDeliveries(0), []);
        });
        await t.step(
          `${mode}, another authority: nothing is sent`,
          async () => {
            const ca = certificates.authority("foreign_ca");
            const login = submission.login("PLAIN");
            await assertRejects(() =>
              client.send({ ...target, login, ca }, SMALL)
            );
            assertEquals(await submission.postfix.takeDeliveries(0), []);
          },
        );
      }
    },
  });
}
