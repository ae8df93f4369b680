// Reads Content-Disposition headers, one a line, and writes what each says as a line
// of JSON: {"type","filename"}, or {"error"}.
import { createInterface } from 'node:readline'
import contentDisposition from 'content-disposition'

for await (const line of createInterface({ input: process.stdin })) {
  let out
  try {
    const { type, parameters } = contentDisposition.parse(line)
    out = { type, filename: parameters.filename }
  } catch (err) {
    out = { error: String(err) }
  }
  process.stdout.write(JSON.stringify(out) + '\n')
}
