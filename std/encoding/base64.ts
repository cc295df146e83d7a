/** Stand-in for `@std/encoding/base64`: the same functions from npm. */
export { decodeBase64, encodeBase64 } from "byte-encodings/base64";
