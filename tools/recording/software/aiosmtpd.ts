/**
 * aiosmtpd, as Debian packages it.
 *
 * @module
 */

import { Child } from "../../../tests/real/support/child.ts";
import { freePort } from "../../../tests/real/support/port.ts";
import { MissingError, versionOf } from "./packages.ts";
import {
  CREDENTIALS,
  listening,
  MAX_MESSAGE_BYTES,
  REFUSED,
  SERVER_HOST,
  type Start,
} from "./server.ts";

const AIOSMTPD = `
import asyncio, sys
from aiosmtpd.smtp import SMTP, AuthResult

class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        if address == "${REFUSED.sender}":
            return "550 5.7.1 Sender refused here"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address == "${REFUSED.recipient}":
            return "550 5.1.1 No such user"
        if address == "${REFUSED.full}":
            return "452 4.2.2 Mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        return "250 Message accepted for delivery"

def authenticate(server, session, envelope, mechanism, data):
    expected = (b"${CREDENTIALS.user}", b"${CREDENTIALS.password}")
    return AuthResult(success=(data.login, data.password) == expected)

async def main():
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(Handler(), hostname="${SERVER_HOST}",
                     data_size_limit=${MAX_MESSAGE_BYTES}, enable_SMTPUTF8=True,
                     auth_require_tls=False, authenticator=authenticate),
        "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()

asyncio.run(main())
`;

/** Debian's Python, for which its aiosmtpd is. */
const PYTHON = "/usr/bin/python3";

/** aiosmtpd. */
export const aiosmtpd: Start = async (stack, folder) => {
  const port = freePort();
  const program = `${folder}/server.py`;
  await Deno.writeTextFile(program, AIOSMTPD);
  let version: string;
  try {
    const script = "import aiosmtpd; print('version', aiosmtpd.__version__)";
    version = await versionOf(/^version (\S+)/m, PYTHON, "-c", script);
  } catch (cause) {
    const problem = "Cannot find Debian's python3-aiosmtpd";
    throw new MissingError(problem, { cause });
  }
  const child = new Child(PYTHON, [program, `${port}`], folder);
  return await listening(stack, child, { name: `aiosmtpd ${version}`, port });
};
