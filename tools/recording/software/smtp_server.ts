/**
 * npm's smtp-server, under Node.js.
 *
 * @module
 */

import { Child } from "../../../tests/real/support/child.ts";
import { freePort } from "../../../tests/real/support/port.ts";
import { installNpm } from "./packages.ts";
import {
  CREDENTIALS,
  listening,
  MAX_MESSAGE_BYTES,
  REFUSED,
  SERVER_HOST,
  type Start,
} from "./server.ts";

const PROGRAM = `
const { SMTPServer } = require("smtp-server");
const refusal = (code, text) =>
  Object.assign(new Error(text), { responseCode: code });
new SMTPServer({
  name: "${SERVER_HOST}",
  authOptional: true,
  allowInsecureAuth: true,
  authMethods: ["PLAIN", "LOGIN", "CRAM-MD5"],
  disabledCommands: ["STARTTLS"],
  disableReverseLookup: true,
  size: ${MAX_MESSAGE_BYTES},
  onAuth({ username, password, validatePassword }, session, done) {
    const isRight = password === undefined
      ? validatePassword("${CREDENTIALS.password}")
      : password === "${CREDENTIALS.password}";
    if (username === "${CREDENTIALS.user}" && isRight) {
      return done(null, { user: username });
    }
    done(refusal(535, "5.7.8 Wrong user or password"));
  },
  onMailFrom({ address }, session, done) {
    if (address !== "${REFUSED.sender}") return done();
    done(refusal(550, "5.7.1 Sender refused here"));
  },
  onRcptTo({ address }, session, done) {
    if (address === "${REFUSED.recipient}") {
      return done(refusal(550, "5.1.1 No such user"));
    }
    if (address === "${REFUSED.full}") {
      return done(refusal(452, "4.2.2 Mailbox full"));
    }
    done();
  },
  onData(stream, session, done) {
    stream.on("data", () => {});
    stream.on("end", () => {
      if (!stream.sizeExceeded) return done(null, "2.0.0 Queued");
      done(refusal(552, "5.3.4 Message too large"));
    });
  },
}).listen(Number(process.argv[2]), "127.0.0.1");
`;

/** npm's smtp-server, as `bench/servers.ts` has it. */
const VERSION = "3.21.6";

/** smtp-server. */
export const smtpServer: Start = async (stack, folder) => {
  await installNpm(`smtp-server@${VERSION}`, folder);
  await Deno.writeTextFile(`${folder}/main.cjs`, PROGRAM);
  const port = freePort();
  const child = new Child("node", ["main.cjs", `${port}`], folder);
  return await listening(stack, child, {
    name: `smtp-server ${VERSION}`,
    port,
  });
};
