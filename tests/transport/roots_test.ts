import { assert, assertEquals, assertThrows } from "@std/assert";
import { readRoots } from "../../lib/transport/roots.ts";
import { pem } from "./tls_peer.ts";

const CA = pem("ca.pem").trim();
const CLIENT_CA = pem("client_ca.pem").trim();

/** A folder of its own with `files`, for as long as `use` takes. */
function withFolder(
  files: Readonly<Record<string, string>>,
  use: (folder: string) => void,
): void {
  const folder = Deno.makeTempDirSync();
  try {
    for (const [name, text] of Object.entries(files)) {
      Deno.writeTextFileSync(`${folder}/${name}`, text);
    }
    use(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("readRoots() finds none where none are asked for", () => {
  assertEquals(readRoots({ file: "", path: "" }), []);
});

Deno.test("readRoots() takes a bundle apart, with what stands between", () => {
  const bundle = `# ours\n${CA}\n\n# theirs\n${CLIENT_CA}\n${CA}\n`;
  const forDos = bundle.replaceAll("\n", "\r\n");
  withFolder({ bundle, "for_dos.txt": forDos }, (folder) => {
    for (const name of ["bundle", "for_dos.txt"]) {
      const roots = readRoots({ file: `${folder}/${name}`, path: "" });
      assertEquals(roots, [CA, CLIENT_CA]);
    }
  });
});

Deno.test("readRoots() takes a folder's certificates, each once", () => {
  const files = {
    "a.pem": CA,
    "b.crt": CLIENT_CA,
    "key.pem": pem("localhost.key"),
    "1234abcd.r0": "a revocation list",
    "README": CLIENT_CA + CA,
  };
  withFolder(files, (folder) => {
    Deno.mkdirSync(`${folder}/more.pem`);
    Deno.symlinkSync("a.pem", `${folder}/0a1b2c3d.0`);
    assertEquals(readRoots({ file: "", path: `${folder}/` }), [CA, CLIENT_CA]);
    Deno.removeSync(`${folder}/a.pem`);
    Deno.removeSync(`${folder}/0a1b2c3d.0`);
    assertEquals(readRoots({ file: "", path: folder }), [CLIENT_CA]);
    const file = `${folder}/README`;
    assertEquals(readRoots({ file, path: folder }), [CLIENT_CA, CA]);
    Deno.symlinkSync("README", `${folder}/0a1b2c3d.0`);
    assertEquals(readRoots({ file: "", path: folder }), [CLIENT_CA, CA]);
  });
});

Deno.test("readRoots() says what is wrong with a file", () => {
  const files = {
    "none.pem": "no certificate",
    "broken.pem": CA.replace(/\n[^-]{20}/, "\n"),
    "large.pem": " ".repeat(1_024 * 1_024 + 1),
  };
  withFolder(files, (folder) => {
    const cases: [name: string, problem: string][] = [
      ["none.pem", "Cannot use *: it holds no certificate in PEM"],
      ["broken.pem", "Cannot use *: a certificate in it is broken"],
      ["large.pem", "Cannot read *: 1048577 bytes: expected at most 1048576"],
      ["missing.pem", "Cannot read *: it does not exist"],
      [".", "Cannot read *: it is no file"],
    ];
    for (const [name, problem] of cases) {
      const file = `${folder}/${name}`;
      const { message } = assertThrows(
        () => readRoots({ file, path: "" }),
        Error,
      );
      assertEquals(message, problem.replace("*", `"${file}"`));
    }
  });
});

Deno.test("readRoots() says what is wrong with a folder", () => {
  withFolder({ "key.pem": pem("localhost.key"), file: CA }, (folder) => {
    const check = (path: string, problem: string) => {
      const { message } = assertThrows(
        () => readRoots({ file: `${folder}/file`, path }),
        Error,
      );
      assert(message.startsWith(problem), message);
    };
    check(folder, `Cannot use "${folder}": expected certificates in files`);
    check(`${folder}/none`, `Cannot read "${folder}/none": it does not exist`);
    check(`${folder}/file`, `Cannot read "${folder}/file": `);
    Deno.symlinkSync("gone", `${folder}/gone.pem`);
    check(folder, `Cannot read "${folder}/gone.pem": it does not exist`);
  });
});
